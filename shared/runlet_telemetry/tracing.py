"""Tracing: each step of a run has a place in a W3C trace, and may be a span of OpenTelemetry.

The trace context (https://www.w3.org/TR/trace-context/) travels as a `traceparent` from the request
through every message to the stored row. With an endpoint to export to, steps are recorded as spans
(see runlet_telemetry.otel); without one a span is its place in the trace and nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from enum import StrEnum
from typing import Protocol

from structlog.typing import EventDict

from runlet_telemetry.trace_context import child_of, parse, trace_id

Attributes = Mapping[str, str | int | bool | None]
NONE: Attributes = {}


class Kind(StrEnum):
    """What a span stands for, in OpenTelemetry's words."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


class Span(Protocol):
    """One step, from its beginning to its end; any thread may end it."""

    @property
    def traceparent(self) -> str:
        """The W3C header for the steps that follow."""
        ...

    def child(self, name: str, kind: Kind, attributes: Attributes) -> "Span":
        """Begin a step of this step."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Add attributes; those that are None are left out. Nothing of a program may be in them."""
        ...

    def fail(self, error: str) -> None:
        """Note that the step failed, with a word for why."""
        ...

    def end(self) -> None:
        """The step is over."""
        ...


class Tracer(Protocol):
    """Begins spans for one service."""

    exports: bool

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        attributes: Attributes = NONE,
        links: Sequence[str | None] = (),
    ) -> Span:
        """Begin a step that follows from `parent`, a traceparent; a new trace without a valid one.

        `links` are traceparents of other steps that have to do with it.
        """
        ...

    def close(self) -> None:
        """Export what is left, for a few seconds at most."""
        ...


class _Place:
    """A span that is not recorded: a place in the trace, which it shares with its steps."""

    __slots__ = ("_parent", "_traceparent")

    def __init__(self, parent: str | None, traceparent: str | None = None) -> None:
        self._parent = parent
        self._traceparent = traceparent

    @property
    def traceparent(self) -> str:
        if self._traceparent is None:
            self._traceparent = child_of(self._parent)
        return self._traceparent

    def child(self, name: str, kind: Kind, attributes: Attributes) -> Span:
        return self

    def note(self, attributes: Attributes) -> None:
        """Not recorded."""

    def fail(self, error: str) -> None:
        """Not recorded."""

    def end(self) -> None:
        """Not recorded."""


class _Off:
    exports = False

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        attributes: Attributes = NONE,
        links: Sequence[str | None] = (),
    ) -> Span:
        return _Place(parent)

    def close(self) -> None:
        """There is nothing to export."""


OFF: Tracer = _Off()
_current: ContextVar[Span | None] = ContextVar("span", default=None)


@contextmanager
def active(span: Span) -> Iterator[Span]:
    """End `span` with the block; within it, it is this thread's current span and in its logs.

    An error that leaves the block is noted by its type alone: its text may quote anything.
    """
    token = _current.set(span)
    try:
        yield span
    except BaseException as error:
        span.fail(type(error).__name__)
        raise
    finally:
        _current.reset(token)
        span.end()


@contextmanager
def step(name: str, kind: Kind = Kind.INTERNAL, attributes: Attributes = NONE) -> Iterator[Span]:
    """A step of this thread's current span, which it replaces for as long as the block lasts."""
    around = _current.get()
    span = _Place(None) if around is None else around.child(name, kind, attributes)
    with active(span):
        yield span


@contextmanager
def logged(traceparent: str | None) -> Iterator[None]:
    """Put the trace's id, if there is one, on every log line of this thread within the block."""
    with active(_Place(None, traceparent)) if parse(traceparent) else nullcontext():
        yield


def add_trace_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Put the id of the current trace on a log line; a processor of structlog."""
    span = _current.get()
    if span is not None:
        event["trace_id"] = trace_id(span.traceparent)
    return event


def traceparent() -> str:
    """The current span's W3C header for the steps that follow; a new trace outside of any."""
    span = _current.get()
    return child_of(None) if span is None else span.traceparent


def note(attributes: Attributes) -> None:
    """Add attributes to the current span, if there is one."""
    span = _current.get()
    if span is not None:
        span.note(attributes)
