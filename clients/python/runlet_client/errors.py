"""One exception for each kind of problem; what they say is the server's own sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runlet_client.models import Status

if TYPE_CHECKING:
    from runlet_client.models import Execution


@dataclass(frozen=True)
class Problem:
    """An error as the server sent it.

    `document` is the body of the answer, `retry_after` seconds to wait before another try.
    """

    status_code: int
    detail: str
    document: Mapping[str, Any]
    retry_after: float | None = None


class RunletError(Exception):
    """Anything that this client raises about a call."""


class UnexpectedAnswerError(RunletError):
    """The server's answer is none that this client understands."""


class StillRunningError(RunletError):
    """An execution was not over in the time that was given; `execution` is how it was last."""

    def __init__(self, execution: "Execution") -> None:
        super().__init__(
            f"Execution {execution.execution_id} is still {execution.status}. Wait longer, "
            "or cancel it."
        )
        self.execution = execution


class ApiError(RunletError):
    """The server answered with an error; `problem` is its document."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class InvalidRequestError(ApiError):
    """The server does not accept what was sent; `errors` has the sentences for each field."""

    @property
    def errors(self) -> Mapping[str, Sequence[str]]:
        """Field to sentences; empty when the problem is not one of fields."""
        errors = self.problem.document.get("errors")
        return errors if isinstance(errors, dict) else {}


class TooLargeError(InvalidRequestError):
    """The program, its files or its input are larger than the server accepts."""


class AuthenticationError(ApiError):
    """The token is missing, wrong or not enough for this call."""


class NotFoundError(ApiError):
    """There is nothing with this id."""


class ConflictError(ApiError):
    """The call does not fit the state things are in.

    `execution_id` and `status` are those of the execution in the way, where it is one.
    """

    @property
    def execution_id(self) -> str | None:
        """The execution in the way."""
        named = self.problem.document.get("execution_id")
        return named if isinstance(named, str) else None

    @property
    def status(self) -> Status | None:
        """The status of the execution in the way."""
        named = self.problem.document.get("status")
        return Status(named) if named in list(Status) else None


class StaleRevisionError(ApiError):
    """The session was saved by somebody else since it was read; read it again."""


class RateLimitedError(ApiError):
    """Too many runs; `retry_after` seconds from now another one is accepted."""

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait."""
        return self.problem.retry_after


class ServerError(ApiError):
    """The server failed at the call."""


class UnavailableError(RunletError):
    """The server, or a part it needs, is unavailable or overloaded; it may set `retry_after`."""

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    409: ConflictError,
    412: StaleRevisionError,
    413: TooLargeError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitedError,
}
_AWAY = frozenset({502, 503, 504})


def of(problem: Problem) -> RunletError:
    """The exception for a problem."""
    if problem.status_code in _AWAY:
        return UnavailableError(problem.detail, problem.retry_after)
    if problem.status_code >= 500:
        return ServerError(problem)
    return _BY_STATUS.get(problem.status_code, ApiError)(problem)
