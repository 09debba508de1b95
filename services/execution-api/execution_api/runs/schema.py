"""The body of a run: how it is checked and documented."""

from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates

from execution_api.runs import files
from execution_api.runs.run_request import RunBody
from runlet.limits import (
    MAX_ARGS,
    MAX_FILES,
    MAX_MEMORY_MB,
    MAX_TIME_LIMIT_MS,
    MIN_MEMORY_MB,
    MIN_TIME_LIMIT_MS,
)
from runlet.messages import File
from runlet_http.fields import Text

# To which URLs a deployment allows callbacks is a setting: the application adds this component.
CALLBACK_COMPONENT = "CallbackUrl"


class BoundedList(fields.List[Any]):
    """A list whose length is checked before its entries are."""

    def __init__(self, inner: fields.Field[Any], most: int, **kwargs: Any) -> None:
        super().__init__(inner, **kwargs)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > self._most:
            raise ValidationError(f"Must have at most {self._most} entries.")
        return super()._deserialize(value, attr, data, **kwargs)


_AS_TEXT = {"properties": {"encoding": {"enum": ["utf8"]}}}
_AS_BASE64 = {
    "required": ["encoding"],
    "properties": {
        "encoding": {"enum": ["base64"]},
        "content": {"pattern": files.BASE64_PATTERN},
    },
}


class FileSchema(Schema):
    """A file beside the program."""

    class Meta:
        """A field that is not listed is a mistake of the caller."""

        unknown = RAISE
        json_schema: ClassVar = {"anyOf": [_AS_TEXT, _AS_BASE64]}

    name = Text(
        required=True,
        metadata={
            "description": f"A relative path, folders with /, of at most {files.MAX_NAME_BYTES} "
            "bytes. Each file needs one of its own, and so does the program.",
            "pattern": files.NAME_PATTERN,
            "maxLength": files.MAX_NAME_BYTES,
            "example": "data/words.txt",
        },
    )
    content = Text(
        required=True, metadata={"description": "What is in it.", "example": "one\ntwo\n"}
    )
    encoding = fields.String(
        load_default="utf8",
        validate=validate.OneOf(["utf8", "base64"]),
        metadata={
            "description": "How `content` is written; base64 for what is no text.",
            "example": "utf8",
        },
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


RUN_EXAMPLE = {
    "source_code": "print(sum(int(line) for line in open('numbers.txt')))",
    "stdin": "",
    "args": [],
    "files": [{"name": "numbers.txt", "content": "40\n2\n"}],
    "time_limit_ms": 5000,
    "memory_limit_mb": 256,
}


class RunSchema(Schema):
    """What to run, and how; everything is optional."""

    class Meta:
        """A field that is not listed is a mistake of the caller."""

        unknown = RAISE
        json_schema: ClassVar = {"not": {"required": ["source_code", "code"]}}

    source_code = Text(
        metadata={"description": "The program; by default the session's.", "example": "print(42)"}
    )
    code = Text(
        metadata={
            "description": "Another name of `source_code`; send one of them.",
            "example": "print(42)",
        }
    )
    stdin = Text(
        metadata={
            "description": "What the program reads from standard input.",
            "example": "40\n2\n",
        }
    )
    args = BoundedList(
        Text(),
        MAX_ARGS,
        metadata={
            "description": "Command-line arguments.",
            "example": ["--verbose"],
            "maxItems": MAX_ARGS,
        },
    )
    files = BoundedList(
        fields.Nested(FileSchema),
        MAX_FILES,
        # Not with maxItems: who makes up requests from the document needs long for so many that
        # all differ.
        metadata={
            "description": f"Files beside the program, at most {MAX_FILES}.",
            "uniqueItems": True,
        },
    )
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
            "description": "Where the execution is POSTed, signed, once it is over. Only where the "
            "deployment allows callbacks, and to the hosts that it lists.",
            "allOf": [{"$ref": f"#/components/schemas/{CALLBACK_COMPONENT}"}],
        },
    )

    @post_load
    def _to_body(self, data: dict[str, Any], **_: Any) -> RunBody:
        if "code" in data:
            if "source_code" in data:
                raise ValidationError("Means the same as source_code. Send one of them.", "code")
            data["source_code"] = data.pop("code")
        for name in ("args", "files"):
            data[name] = tuple(data.get(name, ()))
        if problem := files.collision([file.name for file in data["files"]]):
            raise ValidationError(problem, "files")
        return RunBody(**data)
