"""W3C trace context (https://www.w3.org/TR/trace-context/): reading and writing `traceparent`."""

import random
import re
from typing import NamedTuple

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


class TraceContext(NamedTuple):
    """A place in a trace; each part as it is written, in lower-case hexadecimal digits."""

    trace_id: str
    span_id: str
    flags: str

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def parse(traceparent: str | None) -> TraceContext | None:
    """Read a `traceparent`; None for what is none."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    if match is None or not int(match[2], 16) or not int(match[3], 16):
        return None
    version, more = match[1], match[5]
    if version == "ff" or (version == "00" and more is not None):
        return None
    return TraceContext(match[2], match[3], match[4])


def trace_id(traceparent: str | None) -> str | None:
    """The trace that a `traceparent` belongs to."""
    context = parse(traceparent)
    return None if context is None else context.trace_id


def trace_note(traceparent: str | None) -> str | None:
    """The detail of a lifecycle event that begins a trace; None when there is nothing to say."""
    found = trace_id(traceparent)
    return found and f"Trace {found}."


def child_of(traceparent: str | None) -> str:
    """A `traceparent` for the next step: same trace, new span; a new trace without a valid one."""
    context = parse(traceparent)
    if context is None:
        return str(TraceContext(_digits(32), _digits(16), "01"))
    return str(context._replace(span_id=_digits(16)))


def _digits(count: int) -> str:
    """Random digits, not all 0. They are no secret, and the system's generator costs a call."""
    return f"{random.randrange(1, 16**count):0{count}x}"
