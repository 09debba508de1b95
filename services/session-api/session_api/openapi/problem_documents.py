"""The problems that only the session API has, for its OpenAPI document."""

from marshmallow import fields

from runlet_http.openapi.problem_schemas import ProblemDocument, ProblemSchema


class StaleSchema(ProblemSchema):
    """A problem with the revision."""

    revision = fields.Integer(
        metadata={"description": "The revision the session is at.", "example": 4}
    )


NO_SESSION = ProblemDocument(404, "There is no code session with this id.")
NO_LANGUAGE = ProblemDocument(404, "This language is not on offer here. See /languages.")
CLOSED = ProblemDocument(409, "This session is closed. Create a new one to go on.")
STALE = ProblemDocument(
    412,
    "The session has been saved meanwhile and is at revision 4. Read it again before you save.",
    StaleSchema,
    {"revision": 4},
)
