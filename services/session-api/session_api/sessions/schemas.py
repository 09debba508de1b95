"""What the session API accepts and answers, as it is checked and as it is documented."""

from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

from runlet_http.fields import NEXT_CURSOR, OPAQUE_LENGTH, CursorField, OpaqueId, Text
from runlet_http.openapi.documents import NO_NUL, UUID_EXAMPLE, AnswerSchema
from session_api.tables import ACTIVE, INACTIVE

DEFAULT_PAGE, MAX_PAGE = 20, 100

# Which languages are on offer is a setting: the application adds this component.
LANGUAGE_COMPONENT = "LanguageId"

_SESSION_ID = {"description": "The id of the session.", "example": UUID_EXAMPLE}
_STATUS = {
    "enum": [ACTIVE, INACTIVE],
    "description": "INACTIVE once it was closed.",
    "example": ACTIVE,
}
_LANGUAGE = {"description": "The id of a language, see /languages.", "example": "python"}
_OFFERED = {**_LANGUAGE, "allOf": [{"$ref": f"#/components/schemas/{LANGUAGE_COMPONENT}"}]}
_SOURCE = {"description": "The program, in UTF-8.", "example": 'print("Hello World")\n'}
_REVISION = {"description": "Counts the autosaves, from 1.", "example": 1}
_CREATED = {"description": "When it began.", "example": "2025-01-31T12:00:00.000000+00:00"}
_UPDATED = {
    "description": "When it was last saved or closed.",
    "example": "2025-01-31T12:00:05.000000+00:00",
}
_RUNTIME = {"description": "What runs the programs.", "example": "CPython"}
_VERSION = {"description": "The version of the runtime.", "example": "3.11"}
_NAME = {"description": "The language's name for people.", "example": "Python"}


def _opaque(whose: str, example: str) -> dict[str, Any]:
    return {
        "description": f"{whose} It means nothing to Runlet and comes back as it was given.",
        "oneOf": [
            {"type": "string", "maxLength": OPAQUE_LENGTH, "pattern": NO_NUL},
            {"type": "integer"},
        ],
        "example": example,
    }


_USER_ID = _opaque("The caller's own id of the user.", "student-7")
_PROBLEM_ID = _opaque("The caller's own id of the exercise.", "two-sum")


class NewSessionSchema(Schema):
    """A session to be created; loads to a dict in which the language is called `language`."""

    class Meta:
        """A field that is not listed is a mistake of the caller."""

        unknown = RAISE
        json_schema: ClassVar = {
            "oneOf": [{"required": ["language"]}, {"required": ["language_id"]}]
        }

    language = fields.String(metadata=_OFFERED)
    language_id = fields.String(
        metadata={**_OFFERED, "description": "Another name of `language`; send one of them."}
    )
    source_code = Text(
        metadata={**_SOURCE, "description": "The first program; by default the template."}
    )
    user_id = OpaqueId(allow_none=True, metadata=_USER_ID)
    problem_id = OpaqueId(allow_none=True, metadata=_PROBLEM_ID)

    @post_load
    def _settle_names(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        merged = _merge(data, "language", "language_id")
        if "language" not in merged:
            raise ValidationError("Say which language, see /languages.", "language")
        return merged


class ChangesSchema(Schema):
    """An autosave; loads to a dict in which the program is called `source_code`."""

    class Meta:
        """A field that is not listed is a mistake of the caller."""

        unknown = RAISE
        json_schema: ClassVar = {
            "minProperties": 1,
            "not": {"required": ["source_code", "code"]},
        }

    source_code = Text(metadata=_SOURCE)
    code = Text(
        metadata={**_SOURCE, "description": "Another name of `source_code`; send one of them."}
    )
    language = fields.String(
        metadata={**_OFFERED, "description": "The new language; the program stays as it is."}
    )

    @post_load
    def _settle_names(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        merged = _merge(data, "source_code", "code")
        if not merged:
            raise ValidationError("Send source_code, language or both.", "source_code")
        return merged


class PageSchema(Schema):
    """Which part of the list of sessions."""

    user_id = Text(
        validate=validate.Length(max=OPAQUE_LENGTH),
        metadata={
            "description": 'Only sessions of this user; 5 finds both 5 and "5".',
            "example": "student-7",
        },
    )
    limit = fields.Integer(
        load_default=DEFAULT_PAGE,
        validate=validate.Range(1, MAX_PAGE),
        metadata={"description": "How many at most.", "example": DEFAULT_PAGE},
    )
    cursor = CursorField()


class SavedSchema(AnswerSchema):
    """What an autosave answers."""

    session_id = fields.UUID(attribute="id", metadata=_SESSION_ID)
    status = fields.String(metadata=_STATUS)
    revision = fields.Integer(metadata={**_REVISION, "example": 2})
    updated_at = fields.DateTime(metadata=_UPDATED)


class SessionSchema(AnswerSchema):
    """A session."""

    session_id = fields.UUID(attribute="id", metadata=_SESSION_ID)
    status = fields.String(metadata=_STATUS)
    language = fields.String(metadata=_LANGUAGE)
    source_code = fields.String(metadata=_SOURCE)
    revision = fields.Integer(metadata=_REVISION)
    created_at = fields.DateTime(metadata=_CREATED)
    updated_at = fields.DateTime(metadata=_UPDATED)


class WholeSessionSchema(SessionSchema):
    """A session with all there is to know about it."""

    language_id = fields.String(attribute="language", dump_only=True, metadata=_LANGUAGE)
    language_name = fields.String(allow_none=True, metadata=_NAME)
    runtime = fields.String(allow_none=True, metadata=_RUNTIME)
    version = fields.String(allow_none=True, metadata=_VERSION)
    user_id = fields.Raw(allow_none=True, metadata=_USER_ID)
    problem_id = fields.Raw(allow_none=True, metadata=_PROBLEM_ID)


class SessionListSchema(AnswerSchema):
    """A page of sessions, newest first."""

    sessions = fields.List(
        fields.Nested(SessionSchema), metadata={"description": "The sessions of this page."}
    )
    next_cursor = fields.String(allow_none=True, metadata=NEXT_CURSOR)


class ClosedSchema(AnswerSchema):
    """What closing answers."""

    session_id = fields.UUID(metadata=_SESSION_ID)
    status = fields.String(metadata={**_STATUS, "example": INACTIVE})


class LanguageSchema(AnswerSchema):
    """A language on offer."""

    id = fields.String(metadata={**_LANGUAGE, "description": "What sessions name it by."})
    name = fields.String(metadata=_NAME)
    runtime = fields.String(metadata=_RUNTIME)
    version = fields.String(metadata=_VERSION)
    file_name = fields.String(
        metadata={"description": "The file the program is stored in.", "example": "main.py"}
    )
    default_time_limit_ms = fields.Integer(
        metadata={"description": "Wall-clock time of a run that asks for none.", "example": 5000}
    )
    default_memory_mb = fields.Integer(
        metadata={"description": "MiB of memory of a run that asks for none.", "example": 256}
    )


class LanguageWithTemplateSchema(LanguageSchema):
    """A language and the program its sessions start with."""

    template_code = fields.String(
        metadata={**_SOURCE, "description": "The program its sessions start with."}
    )


class LanguageListSchema(AnswerSchema):
    """Every language on offer."""

    total = fields.Integer(metadata={"description": "How many there are.", "example": 1})
    languages = fields.List(
        fields.Nested(LanguageSchema), metadata={"description": "All of them, in no order."}
    )


def _merge(data: dict[str, Any], name: str, alias: str) -> dict[str, Any]:
    """`data` with the alias under its proper name. Raises ValidationError for both at once."""
    if alias not in data:
        return data
    if name in data:
        raise ValidationError(f"Means the same as {name}. Send one of them.", alias)
    return {name if key == alias else key: value for key, value in data.items()}
