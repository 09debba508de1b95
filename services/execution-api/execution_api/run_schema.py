"""The body of a run: how it is checked and documented."""

from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates

from execution_api import files
from execution_api.run_request import RunBody
from runlet.callback_urls import MAX_URL_LENGTH
from runlet.http.fields import Text
from runlet.limits import (
    MAX_ARGS,
    MAX_FILES,
    MAX_MEMORY_MB,
    MAX_TIME_LIMIT_MS,
    MIN_MEMORY_MB,
    MIN_TIME_LIMIT_MS,
)
from runlet.messages import File


class BoundedList(fields.List[Any]):
    """A list whose length is checked before its entries are."""

    def __init__(self, inner: fields.Field[Any], most: int, **kwargs: Any) -> None:
        super().__init__(inner, **kwargs)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > self._most:
            raise ValidationError(f"Must have at most {self._most} entries.")
        return super()._deserialize(value, attr, data, **kwargs)


class FileSchema(Schema):
    """A file beside the program."""

    class Meta:
        """A field that is not listed is a mistake of the caller."""

        unknown = RAISE

    name = Text(
        required=True,
        metadata={"description": "A relative path, folders with /.", "example": "data/words.txt"},
    )
    content = Text(required=True, metadata={"example": "one\ntwo\n"})
    encoding = fields.String(
        load_default="utf8",
        validate=validate.OneOf(["utf8", "base64"]),
        metadata={"description": "How `content` is written; base64 for what is no text."},
    )

    @validates("name")
    def _check_name(self, name: str, **_: Any) -> None:
        if problem := files.name_problem(name):
            raise ValidationError(problem)

    @post_load
    def _to_file(self, data: dict[str, Any], **_: Any) -> File:
        file = File(**data)
        if problem := files.content_problem(file):
            raise ValidationError(problem, "content")
        return file


class RunSchema(Schema):
    """What to run, and how; everything is optional."""

    class Meta:
        """A field that is not listed is a mistake of the caller."""

        unknown = RAISE

    source_code = Text(
        metadata={"description": "The program; by default the session's.", "example": "print(42)"}
    )
    code = Text(metadata={"description": "Another name of `source_code`."})
    stdin = Text(metadata={"description": "What the program reads from standard input."})
    args = BoundedList(Text(), MAX_ARGS, metadata={"description": "Command-line arguments."})
    files = BoundedList(fields.Nested(FileSchema), MAX_FILES)
    time_limit_ms = fields.Integer(
        strict=True,
        validate=validate.Range(MIN_TIME_LIMIT_MS, MAX_TIME_LIMIT_MS),
        metadata={"description": "Wall-clock time of the run.", "example": 5000},
    )
    memory_limit_mb = fields.Integer(
        strict=True,
        validate=validate.Range(MIN_MEMORY_MB, MAX_MEMORY_MB),
        metadata={"description": "Memory of the run, in MiB.", "example": 256},
    )
    callback_url = Text(
        metadata={
            "format": "uri",
            "maxLength": MAX_URL_LENGTH,
            "description": "Where the execution is POSTed, signed, once it is over. Only where the "
            "deployment allows callbacks, and to the hosts that it lists.",
            "example": "https://hooks.example.com/runlet",
        },
    )

    @post_load
    def _to_body(self, data: dict[str, Any], **_: Any) -> RunBody:
        if "code" in data:
            code = data.pop("code")
            if data.setdefault("source_code", code) != code:
                raise ValidationError(
                    "Differs from source_code, which means the same. Send one.", "code"
                )
        for name in ("args", "files"):
            data[name] = tuple(data.get(name, ()))
        if problem := files.collision([file.name for file in data["files"]]):
            raise ValidationError(problem, "files")
        return RunBody(**data)
