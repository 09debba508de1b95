"""What the execution API is asked and answers, as it is checked and as it is documented."""

from collections.abc import Callable
from functools import partial
from typing import Any

from marshmallow import Schema, fields, validate

from runlet.execution import (
    EXECUTION_FIELDS,
    RESULT,
    CompileResult,
    Reason,
    ResultField,
    Status,
)
from runlet_http.fields import NEXT_CURSOR, CursorField
from runlet_http.openapi.documents import UUID_EXAMPLE, AnswerSchema

DEFAULT_PAGE, MAX_PAGE = 10, 100
MAX_WAIT_SECONDS = 30

EXECUTION_ID = "0d9a6c52-7f0a-4f3d-8b7f-1f1b1c0e6a11"

_EXECUTION_ID = {"description": "The id of the execution.", "example": EXECUTION_ID}
_SESSION_ID = {"description": "The session it belongs to.", "example": UUID_EXAMPLE}
_STATUS = {
    "enum": list(Status),
    "description": "How far it is; all but QUEUED and RUNNING are final.",
    "example": Status.COMPLETED,
}
_ATTEMPTS = {"description": "How often it was started.", "example": 1}


def _moment(description: str) -> dict[str, Any]:
    return {"description": description, "example": "2025-01-31T12:00:00.000000+00:00"}


def _text(description: str, example: str | None) -> dict[str, Any]:
    return {"description": description, "example": example}


def _number(description: str, example: int) -> dict[str, Any]:
    return {"description": description, "example": example}


class PageSchema(Schema):
    """Which part of a list."""

    limit = fields.Integer(
        load_default=DEFAULT_PAGE,
        validate=validate.Range(1, MAX_PAGE),
        metadata={"description": "How many at most.", "example": DEFAULT_PAGE},
    )
    cursor = CursorField(load_default=None)


class WaitSchema(Schema):
    """How long to wait for the end."""

    wait = fields.Float(
        load_default=0,
        validate=validate.Range(0, MAX_WAIT_SECONDS),
        metadata={
            "description": "Answer when the execution is over, or after this many seconds.",
            "example": 10,
        },
    )


class AcceptedSchema(AnswerSchema):
    """A run on its way."""

    execution_id = fields.UUID(metadata=_EXECUTION_ID)
    status = fields.String(metadata={**_STATUS, "example": Status.QUEUED})


class CancelledSchema(AnswerSchema):
    """What cancelling made of an execution."""

    execution_id = fields.UUID(metadata=_EXECUTION_ID)
    status = fields.String(
        metadata={
            "enum": [Status.CANCELLED, Status.RUNNING],
            "description": "RUNNING while its runner is still to stop it.",
            "example": Status.CANCELLED,
        }
    )


class CompileSchema(AnswerSchema):
    """What the compiler said."""

    exit_code = fields.Integer(
        allow_none=True, metadata=_number("Null when a signal ended the compiler.", 0)
    )
    stdout = fields.String(metadata=_text("What the compiler printed.", ""))
    stderr = fields.String(metadata=_text("What it printed to standard error.", ""))
    time_ms = fields.Integer(metadata=_number("Wall-clock time of compiling.", 180))


class FeedbackSchema(AnswerSchema):
    """A remark about the program."""

    kind = fields.String(metadata=_text("What it is about.", "endless_loop"))
    line = fields.Integer(
        allow_none=True, metadata=_number("The line of the program, null for all of it.", 3)
    )
    message = fields.String(metadata=_text("A sentence.", "This loop can never end."))


class LimitsSchema(AnswerSchema):
    """What the run may use."""

    time_limit_ms = fields.Integer(metadata=_number("Wall-clock and CPU time.", 5000))
    memory_limit_mb = fields.Integer(metadata=_number("MiB of memory.", 256))
    output_limit_bytes = fields.Integer(
        metadata=_number("Bytes of stdout, and of stderr.", 1 << 20)
    )
    processes = fields.Integer(metadata=_number("Processes and threads at once.", 64))
    scratch_mb = fields.Integer(metadata=_number("MiB of files it may write.", 64))


_FIELD_TYPES: dict[type, Callable[..., fields.Field[Any]]] = {
    str: fields.String,
    bool: fields.Boolean,
    int: fields.Integer,
    CompileResult: partial(fields.Nested, CompileSchema),
}


def _result_field(shown: ResultField) -> fields.Field[Any]:
    """A field of the result: null until the execution is over, or without meaning for its end."""
    metadata = {"description": shown.description, "example": shown.example}
    return _FIELD_TYPES[shown.type](allow_none=True, metadata=metadata)


_FIELDS: dict[str, fields.Field[Any]] = {
    "execution_id": fields.UUID(attribute="id", metadata=_EXECUTION_ID),
    "session_id": fields.UUID(metadata=_SESSION_ID),
    "language": fields.String(metadata=_text("The id of its language.", "python")),
    "status": fields.String(metadata=_STATUS),
    "reason": fields.String(
        allow_none=True,
        metadata={**_text("Why it did not complete.", None), "enum": [*Reason, None]},
    ),
    **{each.name: _result_field(each) for each in RESULT},
    "feedback": fields.List(
        fields.Nested(FeedbackSchema),
        allow_none=True,
        metadata={"description": "Remarks for the learner; null until it is over.", "example": []},
    ),
    "attempts": fields.Integer(metadata=_ATTEMPTS),
    "limits": fields.Nested(LimitsSchema, metadata={"description": "What the run may use."}),
    "created_at": fields.DateTime(metadata=_moment("When it was accepted.")),
    "queued_at": fields.DateTime(metadata=_moment("When it was last queued.")),
    "started_at": fields.DateTime(
        allow_none=True, metadata=_moment("When its last attempt began; null before.")
    ),
    "finished_at": fields.DateTime(
        allow_none=True, metadata=_moment("When it ended; null until then.")
    ),
}

ExecutionSchema = AnswerSchema.from_dict(
    {name: _FIELDS[name] for name in EXECUTION_FIELDS}, name="ExecutionSchema"
)


class EventSchema(AnswerSchema):
    """One step in the life of an execution."""

    type = fields.String(metadata=_text("What happened.", "queued"))
    at = fields.DateTime(metadata=_moment("When it happened."))
    attempt = fields.Integer(metadata=_number("To which attempt it happened, from 1.", 1))
    detail = fields.String(allow_none=True, metadata=_text("More about it, for people.", None))


class EventsSchema(AnswerSchema):
    """The lifecycle, oldest first."""

    execution_id = fields.UUID(metadata=_EXECUTION_ID)
    events = fields.List(fields.Nested(EventSchema), metadata={"description": "The steps."})


class ListedExecutionSchema(AnswerSchema):
    """An execution in a list."""

    execution_id = fields.UUID(attribute="id", metadata=_EXECUTION_ID)
    status = fields.String(metadata=_STATUS)
    execution_time_ms = _FIELDS["execution_time_ms"]
    exit_code = _FIELDS["exit_code"]
    created_at = fields.DateTime(metadata=_moment("When it was accepted."))


class ExecutionListSchema(AnswerSchema):
    """A page of a session's executions, newest first."""

    session_id = fields.UUID(metadata={**_SESSION_ID, "description": "The session."})
    executions = fields.List(
        fields.Nested(ListedExecutionSchema),
        metadata={"description": "The executions of this page."},
    )
    next_cursor = fields.String(allow_none=True, metadata=NEXT_CURSOR)
