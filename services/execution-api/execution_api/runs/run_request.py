"""From what a caller asked for to the request for a runner."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import msgspec

from execution_api.errors import InvalidError, TooLargeError
from execution_api.runs import files
from execution_api.runs.session_client import Snapshot
from runlet.callback_hosts import AllowedHosts
from runlet.callback_urls import CallbackUrlError
from runlet.ids import new_id
from runlet.languages import Language
from runlet.limits import MAX_ARGS_BYTES, MAX_STDIN_BYTES, Limits, LimitSettings
from runlet.messages import File, RunRequested


@dataclass(frozen=True)
class RunBody:
    """The body of a run, validated; None leaves it to the session or to the defaults."""

    source_code: str | None = None
    stdin: str = ""
    args: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    time_limit_ms: int | None = None
    memory_limit_mb: int | None = None
    callback_url: str | None = None

    def digest(self) -> bytes:
        """SHA-256 that is the same for bodies that mean the same, however they were spelled."""
        return hashlib.sha256(msgspec.json.encode(self)).digest()


def check_callback(body: RunBody, allowed: AllowedHosts) -> None:
    """Raises InvalidError for a callback URL that may not be called."""
    if body.callback_url is None:
        return
    try:
        allowed.receiver(body.callback_url)
    except CallbackUrlError as error:
        raise InvalidError("callback_url", str(error)) from error


def build(
    session: Snapshot,
    language: Language,
    body: RunBody,
    settings: LimitSettings,
    queued_at: datetime,
) -> RunRequested:
    """The command for the runners, under a new execution id.

    Raises TooLargeError, and InvalidError when a file would take the place of the program.
    """
    source_code = session.source_code if body.source_code is None else body.source_code
    _check_sizes(source_code, body, settings.max_source_bytes)
    _check_files_fit(body, language)
    return RunRequested(
        execution_id=new_id(queued_at),
        session_id=session.session_id,
        language=language.id,
        source_code=source_code,
        limits=_limits(body, language, settings),
        queued_at=queued_at,
        stdin=body.stdin,
        args=body.args,
        files=body.files,
    )


def _check_sizes(source_code: str, body: RunBody, max_source_bytes: int) -> None:
    if len(body.stdin.encode()) > MAX_STDIN_BYTES:
        raise TooLargeError(f"stdin is larger than {MAX_STDIN_BYTES} bytes. Send less input.")
    if sum(len(argument.encode()) for argument in body.args) > MAX_ARGS_BYTES:
        raise TooLargeError(
            f"args are larger than {MAX_ARGS_BYTES} bytes. Send long values as stdin or files."
        )
    size = len(source_code.encode()) + sum(files.decoded_size(file) for file in body.files)
    if size > max_source_bytes:
        raise TooLargeError(
            f"Source code and files take {size} bytes together, and at most {max_source_bytes} are "
            "allowed. Send less."
        )


def _check_files_fit(body: RunBody, language: Language) -> None:
    names = [language.file_name, *(file.name for file in body.files)]
    if problem := files.collision(names):
        raise InvalidError("files", f"The program itself is {language.file_name}.", problem)


def _limits(body: RunBody, language: Language, settings: LimitSettings) -> Limits:
    return Limits(
        time_limit_ms=body.time_limit_ms
        or language.time_limit_ms
        or settings.default_time_limit_ms,
        memory_limit_mb=body.memory_limit_mb or language.memory_mb or settings.default_memory_mb,
        output_limit_bytes=settings.output_limit_bytes,
    )
