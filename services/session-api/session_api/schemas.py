"""What the session API accepts and answers, as it is checked and as it is documented."""

from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate

from runlet.http.fields import OPAQUE_LENGTH, CursorField, OpaqueId, Text
from session_api.models import ACTIVE, INACTIVE

DEFAULT_PAGE, MAX_PAGE = 20, 100

_SESSION_ID = {"example": "6d3c1f0e-0b60-4f0e-9f3e-2f9d1c1f7a55"}
_STATUS = {"enum": [ACTIVE, INACTIVE], "example": ACTIVE}
_LANGUAGE = {"description": "The id of a language, see /languages.", "example": "python"}
_SOURCE = {"description": "The program, in UTF-8.", "example": 'print("Hello World")\n'}
_REVISION = {"description": "Counts the autosaves, from 1.", "example": 1}
_TIME = {"example": "2025-01-31T12:00:00.000000+00:00"}


def _opaque(whose: str, example: str) -> dict[str, Any]:
    return {
        "description": f"{whose} It means nothing to Runlet and comes back as it was given.",
        "oneOf": [{"type": "string", "maxLength": OPAQUE_LENGTH}, {"type": "integer"}],
        "example": example,
    }


_USER_ID = _opaque("The caller's own id of the user.", "student-7")
_PROBLEM_ID = _opaque("The caller's own id of the exercise.", "two-sum")


class NewSessionSchema(Schema):
    """A session to be created; loads to a dict in which the language is called `language`."""

    class Meta:
        """A field that is not listed is a mistake of the caller."""

        unknown = RAISE

    language = Text(metadata=_LANGUAGE)
    language_id = Text(metadata={**_LANGUAGE, "description": "Another name of `language`."})
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

    source_code = Text(metadata=_SOURCE)
    code = Text(metadata={**_SOURCE, "description": "Another name of `source_code`."})
    language = Text(
        metadata={**_LANGUAGE, "description": "The new language; the program stays as it is."}
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
        metadata={"description": 'Only sessions of this user; 5 finds both 5 and "5".'},
    )
    limit = fields.Integer(
        load_default=DEFAULT_PAGE,
        validate=validate.Range(1, MAX_PAGE),
        metadata={"description": "How many at most."},
    )
    cursor = CursorField(
        metadata={"type": "string", "description": "The `next_cursor` of the page before."}
    )


class SavedSchema(Schema):
    """What an autosave answers."""

    session_id = fields.UUID(attribute="id", metadata=_SESSION_ID)
    status = fields.String(metadata=_STATUS)
    revision = fields.Integer(metadata={**_REVISION, "example": 2})
    updated_at = fields.DateTime(metadata=_TIME)


class SessionSchema(Schema):
    """A session."""

    session_id = fields.UUID(attribute="id", metadata=_SESSION_ID)
    status = fields.String(metadata=_STATUS)
    language = fields.String(metadata=_LANGUAGE)
    source_code = fields.String(metadata=_SOURCE)
    revision = fields.Integer(metadata=_REVISION)
    created_at = fields.DateTime(metadata=_TIME)
    updated_at = fields.DateTime(metadata=_TIME)


class WholeSessionSchema(SessionSchema):
    """A session with all there is to know about it."""

    language_id = fields.String(attribute="language", dump_only=True, metadata=_LANGUAGE)
    language_name = fields.String(allow_none=True, metadata={"example": "Python"})
    runtime = fields.String(allow_none=True, metadata={"example": "CPython"})
    version = fields.String(allow_none=True, metadata={"example": "3.11"})
    user_id = fields.Raw(allow_none=True, metadata=_USER_ID)
    problem_id = fields.Raw(allow_none=True, metadata=_PROBLEM_ID)


class SessionListSchema(Schema):
    """A page of sessions, newest first."""

    sessions = fields.List(fields.Nested(SessionSchema))
    next_cursor = fields.String(
        allow_none=True, metadata={"description": "Asks for the next page; null on the last."}
    )


class ClosedSchema(Schema):
    """What closing answers."""

    session_id = fields.UUID(metadata=_SESSION_ID)
    status = fields.String(metadata={**_STATUS, "example": INACTIVE})


class LanguageSchema(Schema):
    """A language on offer."""

    id = fields.String(metadata={"example": "python"})
    name = fields.String(metadata={"example": "Python"})
    runtime = fields.String(metadata={"example": "CPython"})
    version = fields.String(metadata={"example": "3.11"})
    file_name = fields.String(
        metadata={"description": "The file the program is stored in.", "example": "main.py"}
    )
    default_time_limit_ms = fields.Integer(metadata={"example": 5000})
    default_memory_mb = fields.Integer(metadata={"example": 256})


class LanguageWithTemplateSchema(LanguageSchema):
    """A language and the program its sessions start with."""

    template_code = fields.String(metadata={"example": 'print("Hello World")\n'})


class LanguageListSchema(Schema):
    """Every language on offer."""

    total = fields.Integer(metadata={"example": 2})
    languages = fields.List(fields.Nested(LanguageSchema))


def _merge(data: dict[str, Any], name: str, alias: str) -> dict[str, Any]:
    """`data` with the alias under its proper name. Raises ValidationError when they differ."""
    if alias not in data:
        return data
    merged = {key: value for key, value in data.items() if key != alias}
    if merged.setdefault(name, data[alias]) != data[alias]:
        raise ValidationError(f"Differs from {name}, which means the same. Send one.", alias)
    return merged
