"""Which files may lie beside a program, and how large they are."""

import base64
from collections.abc import Sequence
from pathlib import PurePosixPath

from runlet.messages import File

MAX_NAME_BYTES = 255

_PART = r"(?:[^./\\\u0000][^/\\\u0000]*|\.[^./\\\u0000][^/\\\u0000]*|\.\.[^/\\\u0000]+)"
# What `name_problem` accepts but for its length, and `content_problem` as base64, for the document.
NAME_PATTERN = f"^{_PART}(?:/{_PART})*$"
BASE64_PATTERN = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


def name_problem(name: str) -> str | None:
    """Why `name` cannot name a file in the working directory; None when it can."""
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"Must be at most {MAX_NAME_BYTES} bytes long."
    if "\\" in name:
        return "Must not contain a backslash; use / between folders."
    if any(part in ("", ".", "..") for part in name.split("/")):
        return "Must be a relative path without empty, . or .. parts."
    return None


def content_problem(file: File) -> str | None:
    """Why the content cannot be decoded; None when it can."""
    try:
        decoded_size(file)
    except ValueError:
        return "Is not valid base64. Send standard base64 without line breaks."
    return None


def decoded_size(file: File) -> int:
    """Bytes the file takes on disk. Raises ValueError for content that is no base64."""
    if file.encoding == "utf8":
        return len(file.content.encode())
    return len(base64.b64decode(file.content, validate=True))


def collision(names: Sequence[str]) -> str | None:
    """Why these names cannot lie in one directory; None when they can."""
    unique = set(names)
    if len(unique) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        return f"{twice} is given twice. Give each file a name of its own."
    for name in names:
        folders = {str(parent) for parent in PurePosixPath(name).parents}
        if folder := next(iter(folders & unique), None):
            return f"{folder} cannot be a file and the folder of {name}. Rename one of them."
    return None
