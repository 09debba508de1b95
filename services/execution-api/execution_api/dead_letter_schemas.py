"""What is asked and answered about dead letters."""

from marshmallow import Schema, fields

_LETTER_ID = {"example": "5b0f2f9e-4a43-5c0c-9d27-0c1f2a3b4c5d"}


class DeadLetterSchema(Schema):
    """A message that the platform gave up."""

    id = fields.UUID(metadata=_LETTER_ID)
    execution_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Null when the message was too odd to belong to one."},
    )
    reason = fields.String(metadata={"example": "The sandbox did not start."})
    attempts = fields.Integer(metadata={"description": "How often it was tried.", "example": 4})
    at = fields.DateTime(metadata={"example": "2025-01-31T12:00:00.000000+00:00"})


class DeadLetterListSchema(Schema):
    """A page of dead letters, newest first."""

    dead_letters = fields.List(fields.Nested(DeadLetterSchema))
    next_cursor = fields.String(
        allow_none=True, metadata={"description": "Asks for the next page; null on the last."}
    )
