"""What is asked and answered about dead letters."""

from marshmallow import fields

from execution_api.executions.schemas import EXECUTION_ID
from runlet_http.fields import NEXT_CURSOR
from runlet_http.openapi.documents import AnswerSchema

LETTER_ID = "5b0f2f9e-4a43-5c0c-9d27-0c1f2a3b4c5d"


class DeadLetterSchema(AnswerSchema):
    """A message that the platform gave up."""

    id = fields.UUID(metadata={"description": "The id of the letter.", "example": LETTER_ID})
    execution_id = fields.UUID(
        allow_none=True,
        metadata={
            "description": "Whose it is; null when the message was too odd to belong to one.",
            "example": EXECUTION_ID,
        },
    )
    reason = fields.String(
        metadata={
            "description": "Why it was given up, in a sentence.",
            "example": "The sandbox did not start.",
        }
    )
    attempts = fields.Integer(metadata={"description": "How often it was tried.", "example": 4})
    at = fields.DateTime(
        metadata={
            "description": "When it was given up.",
            "example": "2025-01-31T12:00:00.000000+00:00",
        }
    )


class DeadLetterListSchema(AnswerSchema):
    """A page of dead letters, newest first."""

    dead_letters = fields.List(
        fields.Nested(DeadLetterSchema), metadata={"description": "The letters of this page."}
    )
    next_cursor = fields.String(allow_none=True, metadata=NEXT_CURSOR)
