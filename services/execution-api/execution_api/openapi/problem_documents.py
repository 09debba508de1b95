"""The problems that only the execution API has, for its OpenAPI document."""

from marshmallow import fields

from runlet.execution import Status
from runlet_http.openapi.documents import UUID_EXAMPLE
from runlet_http.openapi.problem_schemas import ProblemDocument, ProblemSchema, SentencesSchema


class ConflictSchema(SentencesSchema):
    """A problem with a state; where it is that of an execution, it names the execution."""

    class Meta:
        """Not every state is that of an execution."""

        optional = frozenset({"execution_id"})

    status = fields.Raw(
        metadata={
            "description": "The status of the execution in the way, else the HTTP status.",
            "oneOf": [{"type": "integer"}, {"type": "string", "enum": list(Status)}],
            "example": Status.RUNNING,
        }
    )
    execution_id = fields.UUID(
        metadata={"description": "The execution in the way.", "example": UUID_EXAMPLE}
    )


class TooManySchema(ProblemSchema):
    """A problem that waiting solves."""

    retryAfter = fields.Integer(  # noqa: N815
        metadata={"description": "Seconds to wait, as in `Retry-After`.", "example": 12}
    )


def _conflict(status: Status, detail: str) -> ProblemDocument:
    members = {"execution_id": UUID_EXAMPLE, "status": status}
    return ProblemDocument(409, detail, ConflictSchema, members)


NO_SESSION = ProblemDocument(404, "There is no code session with this id.")
NO_EXECUTION = ProblemDocument(404, "There is no execution with this id.")
NO_LETTER = ProblemDocument(404, "There is no dead letter with this id.")
ACTIVE = _conflict(
    Status.RUNNING, "This session has an execution that is still RUNNING. Wait for it to end."
)
OVER = _conflict(
    Status.COMPLETED,
    "This execution is over already: it is COMPLETED. Nothing is left to cancel.",
)
NOT_FAILED = _conflict(
    Status.COMPLETED,
    "The execution of this dead letter is COMPLETED. Only one that is FAILED with infrastructure "
    "can be requeued. Delete the letter when it is of no use.",
)
TOO_MANY = ProblemDocument(
    429,
    "At most 10 runs a minute are allowed for this session, and that many were started. "
    "Try again in 12 seconds.",
    TooManySchema,
    {"retryAfter": 12},
)
