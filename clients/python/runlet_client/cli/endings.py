"""What the end of an execution means to a shell: an exit code, and a sentence where one helps."""

import signal
from dataclasses import dataclass

from runlet_client.models import Execution, Status

TIME_OVER = 124
PLATFORM_FAILED = 125
CANCELLED = 130
_SIGNAL_BASE = 128
_PLATFORM_REASONS = ("infrastructure", "lost")


@dataclass(frozen=True)
class Ending:
    """The exit code, and what to say, if anything."""

    exit_code: int
    sentence: str | None = None


def ending(execution: Execution) -> Ending:
    """What became of an execution that is over."""
    if execution.status is Status.COMPLETED:
        return Ending(0)
    if execution.status is Status.TIMEOUT:
        return Ending(TIME_OVER, f"The time is over{_most_time(execution)}. See --time-limit.")
    if execution.status is Status.CANCELLED:
        return Ending(CANCELLED, "The execution was cancelled.")
    if execution.reason in _PLATFORM_REASONS:
        return Ending(
            PLATFORM_FAILED,
            f"The platform failed, not the program ({execution.reason}). Run it again.",
        )
    return _of_program(execution)


def _of_program(execution: Execution) -> Ending:
    if execution.reason == "compile_error":
        code = execution.compile.exit_code if execution.compile else None
        return Ending(code or 1, "The program does not compile.")
    if execution.reason == "memory_limit":
        sentence = f"The program needs more memory{_most_memory(execution)}. See --memory."
        return Ending(_signalled(execution), sentence)
    if execution.reason == "output_limit":
        sentence = f"The program printed too much{_most_output(execution)} and was ended."
        return Ending(_signalled(execution), sentence)
    if execution.reason == "signal":
        return Ending(_signalled(execution), f"The program was ended by {_name(execution)}.")
    if execution.reason == "nonzero_exit":
        return Ending(execution.exit_code or 1)
    return Ending(execution.exit_code or 1, f"The program failed: {execution.reason}.")


def _signalled(execution: Execution) -> int:
    return _SIGNAL_BASE + (execution.signal or signal.SIGKILL)


def _name(execution: Execution) -> str:
    if execution.signal is None:
        return "a signal"
    try:
        return signal.Signals(execution.signal).name
    except ValueError:
        return f"signal {execution.signal}"


def _most_time(execution: Execution) -> str:
    return f": it may take {execution.limits.time_limit_ms} ms" if execution.limits else ""


def _most_memory(execution: Execution) -> str:
    return f" than {execution.limits.memory_limit_mb} MiB" if execution.limits else ""


def _most_output(execution: Execution) -> str:
    limits = execution.limits
    return f", more than {limits.output_limit_bytes} bytes," if limits else ""
