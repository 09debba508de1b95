"""What is said to people whose program failed through a fault of the platform."""

from runlet.execution import FeedbackNote, Reason

PLATFORM_REASONS = frozenset({Reason.INFRASTRUCTURE, Reason.LOST})

KIND = "platform"
_UNEXPLAINED = "The platform failed before the program had ended."
_WHAT_TO_DO = "Run the program again; if that does not help, tell whoever runs this service."


def platform_feedback(detail: str | None) -> tuple[FeedbackNote, ...]:
    """The sentence that says what went wrong, and one that says what to do about it."""
    return (FeedbackNote(KIND, None, f"{detail or _UNEXPLAINED} {_WHAT_TO_DO}"),)
