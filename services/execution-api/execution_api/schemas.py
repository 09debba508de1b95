"""What the execution API is asked and answers, as it is checked and as it is documented."""

from typing import Any

from marshmallow import Schema, fields, validate

from runlet.executions import Reason, Status
from runlet.http.fields import CursorField

DEFAULT_PAGE, MAX_PAGE = 10, 100
MAX_WAIT_SECONDS = 30

_EXECUTION_ID = {"example": "0d9a6c52-7f0a-4f3d-8b7f-1f1b1c0e6a11"}
_SESSION_ID = {"example": "6d3c1f0e-0b60-4f0e-9f3e-2f9d1c1f7a55"}
_STATUS = {"enum": list(Status), "example": Status.COMPLETED}
_TIME = {"example": "2025-01-31T12:00:00.000000+00:00"}


def _result(description: str, example: Any) -> dict[str, Any]:
    """A field that is null until the execution is over, or when it has no meaning for its end."""
    return {"allow_none": True, "metadata": {"description": description, "example": example}}


class PageSchema(Schema):
    """Which part of a list."""

    limit = fields.Integer(
        load_default=DEFAULT_PAGE,
        validate=validate.Range(1, MAX_PAGE),
        metadata={"description": "How many at most."},
    )
    cursor = CursorField(
        load_default=None,
        metadata={"type": "string", "description": "The `next_cursor` of the page before."},
    )


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


class AcceptedSchema(Schema):
    """A run on its way."""

    execution_id = fields.UUID(metadata=_EXECUTION_ID)
    status = fields.String(metadata={**_STATUS, "example": Status.QUEUED})


class CancelledSchema(Schema):
    """What cancelling made of an execution."""

    execution_id = fields.UUID(metadata=_EXECUTION_ID)
    status = fields.String(
        metadata={
            "enum": [Status.CANCELLED, Status.RUNNING],
            "description": "RUNNING while its runner is still to stop it.",
        }
    )


class CompileSchema(Schema):
    """What the compiler said."""

    exit_code = fields.Integer(allow_none=True)
    stdout = fields.String()
    stderr = fields.String()
    time_ms = fields.Integer()


class FeedbackSchema(Schema):
    """A remark about the program."""

    kind = fields.String()
    line = fields.Integer(allow_none=True)
    message = fields.String()


class LimitsSchema(Schema):
    """What the run may use."""

    time_limit_ms = fields.Integer(metadata={"example": 5000})
    memory_limit_mb = fields.Integer(metadata={"example": 256})
    output_limit_bytes = fields.Integer(metadata={"example": 1048576})
    processes = fields.Integer(metadata={"example": 64})
    scratch_mb = fields.Integer(metadata={"example": 64})


class ExecutionSchema(Schema):
    """An execution, whole."""

    execution_id = fields.UUID(attribute="id", metadata=_EXECUTION_ID)
    session_id = fields.UUID(metadata=_SESSION_ID)
    language = fields.String(metadata={"example": "python"})
    status = fields.String(metadata=_STATUS)
    reason = fields.String(allow_none=True, metadata={"enum": [*Reason, None], "example": None})
    stdout = fields.String(**_result("What the program printed.", "42\n"))
    stderr = fields.String(**_result("What it printed to standard error.", ""))
    stdout_truncated = fields.Boolean(**_result("Whether stdout was cut off.", False))
    stderr_truncated = fields.Boolean(**_result("Whether stderr was cut off.", False))
    exit_code = fields.Integer(**_result("Null when a signal ended the program.", 0))
    signal = fields.Integer(**_result("The signal that ended the program.", None))
    execution_time_ms = fields.Integer(**_result("Wall-clock time of the run.", 12))
    cpu_time_ms = fields.Integer(**_result("CPU time of the run.", 10))
    memory_peak_kb = fields.Integer(**_result("Most memory in use, in KiB.", 9216))
    compile = fields.Nested(CompileSchema, allow_none=True)
    feedback = fields.List(fields.Nested(FeedbackSchema), allow_none=True)
    attempts = fields.Integer(metadata={"description": "How often it was started.", "example": 1})
    limits = fields.Nested(LimitsSchema)
    created_at = fields.DateTime(metadata=_TIME)
    queued_at = fields.DateTime(metadata=_TIME)
    started_at = fields.DateTime(allow_none=True, metadata=_TIME)
    finished_at = fields.DateTime(allow_none=True, metadata=_TIME)


class EventSchema(Schema):
    """One step in the life of an execution."""

    type = fields.String(metadata={"example": "queued"})
    at = fields.DateTime(metadata=_TIME)
    attempt = fields.Integer(metadata={"example": 1})
    detail = fields.String(allow_none=True)


class EventsSchema(Schema):
    """The lifecycle, oldest first."""

    execution_id = fields.UUID(metadata=_EXECUTION_ID)
    events = fields.List(fields.Nested(EventSchema))


class ListedExecutionSchema(Schema):
    """An execution in a list."""

    execution_id = fields.UUID(attribute="id", metadata=_EXECUTION_ID)
    status = fields.String(metadata=_STATUS)
    execution_time_ms = fields.Integer(allow_none=True, metadata={"example": 12})
    exit_code = fields.Integer(allow_none=True, metadata={"example": 0})
    created_at = fields.DateTime(metadata=_TIME)


class ExecutionListSchema(Schema):
    """A page of a session's executions, newest first."""

    session_id = fields.UUID(metadata=_SESSION_ID)
    executions = fields.List(fields.Nested(ListedExecutionSchema))
    next_cursor = fields.String(
        allow_none=True, metadata={"description": "Asks for the next page; null on the last."}
    )
