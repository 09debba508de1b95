"""Why a call is refused: one exception for each reason, without a word about HTTP.

The text of an exception says what is wrong and what to do about it, to a caller of the API as well
as to somebody at the command line. `problems` maps them to HTTP answers.
"""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from runlet.execution import Status


class Cause(StrEnum):
    """Why a run was rejected; a label of the metric."""

    RATE_LIMIT = "rate_limit"
    USER_RATE_LIMIT = "user_rate_limit"
    COOLDOWN = "cooldown"
    BACKLOG = "backlog"
    ACTIVE = "active"
    CLOSED = "closed"
    UNKNOWN_SESSION = "unknown_session"
    TOO_LARGE = "too_large"
    ENDLESS_LOOP = "endless_loop"
    INVALID = "invalid"
    UNAVAILABLE = "unavailable"


class CallRefusedError(Exception):
    """A call that cannot be carried out. `cause` is what the metric counts where it was a run."""

    cause: Cause = Cause.INVALID


class NotFoundError(CallRefusedError):
    """An id that names nothing."""

    what: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(f"There is no {self.what} with this id.")


class SessionNotFoundError(NotFoundError):
    """There is no such code session."""

    cause = Cause.UNKNOWN_SESSION
    what = "code session"


class ExecutionNotFoundError(NotFoundError):
    """There is no such execution."""

    what = "execution"


class DeadLetterNotFoundError(NotFoundError):
    """There is no such dead letter."""

    what = "dead letter"


class InvalidError(CallRefusedError):
    """A value that cannot be used; `sentences` say why."""

    def __init__(self, field: str, *sentences: str) -> None:
        super().__init__(f"{field}: {' '.join(sentences)}")
        self.field = field
        self.sentences = sentences


class EndlessLoopError(InvalidError):
    """A program that can never end, where a deployment rejects those."""

    cause = Cause.ENDLESS_LOOP


class TooLargeError(CallRefusedError):
    """More source code, files or input than is allowed."""

    cause = Cause.TOO_LARGE


class ConflictError(CallRefusedError):
    """A call that does not fit a state.

    Where it is the state of an execution, `execution_id` and `status` name it.
    """

    def __init__(
        self, sentence: str, execution_id: UUID | None = None, status: Status | None = None
    ) -> None:
        super().__init__(sentence)
        self.execution_id = execution_id
        self.status = status


class SessionClosedError(ConflictError):
    """The session accepts no runs any more."""

    cause = Cause.CLOSED

    def __init__(self) -> None:
        super().__init__("This code session is closed. Create a new session to run code.")


class SessionBusyError(ConflictError):
    """The session has an execution that is not over."""

    cause = Cause.ACTIVE

    def __init__(self, execution_id: UUID, status: Status) -> None:
        sentence = f"This session has an execution that is still {status}. Wait for it to end."
        super().__init__(sentence, execution_id, status)


class RateLimitedError(CallRefusedError):
    """A run over a rate limit, which it would not be in `wait_seconds`."""

    def __init__(self, cause: Cause, sentence: str, wait_seconds: int) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.wait_seconds = wait_seconds


class UnavailableError(CallRefusedError):
    """Something that the call needs is away; it may be tried again in `retry_after_seconds`."""

    cause = Cause.UNAVAILABLE

    def __init__(self, sentence: str, retry_after_seconds: int = 2) -> None:
        super().__init__(sentence)
        self.retry_after_seconds = retry_after_seconds


class BacklogFullError(UnavailableError):
    """As many runs wait already as may wait."""

    cause = Cause.BACKLOG
