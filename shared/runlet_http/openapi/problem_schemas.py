"""How problem documents look, for the OpenAPI documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import fields

from runlet_http.openapi.documents import AnswerSchema, header
from runlet_http.problems import TITLES

_SENTENCE = "The body is not valid JSON. Send one JSON object in UTF-8."
_FIELD_ERRORS = {"limit": ["Must be greater than or equal to 1."]}


class SentencesSchema(AnswerSchema):
    """What every problem document has but its status."""

    type = fields.String(
        metadata={"description": "What kind it is (RFC 9457).", "example": "about:blank"}
    )
    title = fields.String(metadata={"description": "The kind, in words.", "example": "Bad request"})
    detail = fields.String(
        metadata={"description": "What is wrong and what to do next.", "example": _SENTENCE}
    )
    error = fields.String(
        metadata={"description": "The same sentence as `detail`.", "example": _SENTENCE}
    )


class ProblemSchema(SentencesSchema):
    """An RFC 9457 problem document."""

    status = fields.Integer(metadata={"description": "The HTTP status, once more.", "example": 400})


class InvalidSchema(ProblemSchema):
    """A problem with what was sent."""

    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={
            "description": "What is wrong with each field, in sentences.",
            "example": _FIELD_ERRORS,
        },
    )


@dataclass(frozen=True)
class ProblemDocument:
    """A problem that a call may be answered with; `members` are those of the example alone."""

    status: int
    detail: str
    schema: type[SentencesSchema] = ProblemSchema
    members: Mapping[str, Any] = field(default_factory=dict)

    def example(self) -> dict[str, Any]:
        """How such an answer looks."""
        return {
            "type": "about:blank",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
            "error": self.detail,
            **self.members,
        }

    def headers(self) -> dict[str, Any] | None:
        """The headers that such an answer has beyond the usual ones; None when there are none."""
        return _HEADERS.get(self.status)


_RETRY_AFTER = {"Retry-After": header("Seconds to wait.", "2", pattern="^[0-9]+$")}
_HEADERS = {
    401: {"WWW-Authenticate": header("Which kind of token is needed.", "Bearer")},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}

USUAL = {
    usual.status: usual
    for usual in (
        ProblemDocument(400, _SENTENCE),
        ProblemDocument(
            401, "This call needs a token. Send it in a header: Authorization: Bearer TOKEN."
        ),
        ProblemDocument(404, "There is nothing with this id."),
        ProblemDocument(
            413, "The program has 300000 bytes, at most 262144 are accepted. Shorten it."
        ),
        ProblemDocument(414, "The address is too long. Shorten it."),
        ProblemDocument(415, "Send the body with Content-Type: application/json."),
        ProblemDocument(
            422,
            "limit: Must be greater than or equal to 1.",
            InvalidSchema,
            {"errors": _FIELD_ERRORS},
        ),
        ProblemDocument(503, "The database does not answer at the moment. Try again in 2 seconds."),
    )
}
