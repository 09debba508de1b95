"""Marshmallow fields for what both APIs accept."""

import json
from typing import Any

from marshmallow import ValidationError, fields

from runlet_http.cursors import PATTERN, Cursor
from runlet_http.openapi.documents import NO_NUL

OPAQUE_LENGTH = 128
CURSOR = {
    "type": "string",
    "pattern": f"^{PATTERN}$",
    "description": "The `next_cursor` of the page before.",
    "example": "AAYs_0g1UABtPB8OC2BPDp8-L50cH3pV",
}
NEXT_CURSOR = {**CURSOR, "description": "Asks for the next page; null on the last."}
NOT_TEXT = "Must not contain NUL or unpaired surrogate characters."


def is_storable(text: str) -> bool:
    """Whether PostgreSQL and UTF-8 can hold the text."""
    if "\0" in text:
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


class Text(fields.String):
    """A string that can be stored and sent on as UTF-8."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs["metadata"] = {"pattern": NO_NUL, **kwargs.get("metadata", {})}
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if not is_storable(text):
            raise ValidationError(NOT_TEXT)
        return text


class OpaqueId(fields.Field[str | int]):
    """An id that means nothing to Runlet: a string of at most 128 characters, or an integer."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | int:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValidationError("Must be a string or an integer.")
        if isinstance(value, str) and not is_storable(value):
            raise ValidationError(NOT_TEXT)
        if len(json.dumps(value) if isinstance(value, int) else value) > OPAQUE_LENGTH:
            raise ValidationError(f"Must be at most {OPAQUE_LENGTH} characters long.")
        return value


class CursorField(fields.Field[Cursor]):
    """The place in a list at which the next page begins."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"metadata": CURSOR, **kwargs})

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Cursor:
        try:
            return Cursor.decode(value)
        except ValueError as error:
            raise ValidationError("Send the next_cursor of the page before, unchanged.") from error
