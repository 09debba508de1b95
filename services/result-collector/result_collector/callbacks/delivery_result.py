"""What came of an attempt to call a receiver back."""

from dataclasses import dataclass
from http import HTTPStatus


class UnreachableError(Exception):
    """A receiver that was not called, or did not answer; the message is a sentence."""


@dataclass(frozen=True)
class DeliveryResult:
    """An attempt that is over: `problem` is a sentence when it failed.

    `http_status` is None when no answer came. `final` says that another attempt is of no use.
    """

    http_status: int | None
    problem: str | None = None
    final: bool = False


def from_status(status: int) -> DeliveryResult:
    """What an HTTP status means for a callback."""
    if 200 <= status < 300:
        return DeliveryResult(status)
    if status == HTTPStatus.GONE:
        return DeliveryResult(status, "The receiver answered 410 and wants no more.", final=True)
    if 300 <= status < 400:
        return DeliveryResult(
            status, f"The receiver answered {status}, and redirects are not followed."
        )
    return DeliveryResult(status, f"The receiver answered {status}.")


def no_answer(problem: str) -> DeliveryResult:
    """No answer came."""
    return DeliveryResult(None, problem)
