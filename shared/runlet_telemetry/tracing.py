"""Tracing: each step of a run knows its place in a W3C trace, and may tell OpenTelemetry of it.

The trace context (https://www.w3.org/TR/trace-context/) travels as a `traceparent` from the request
through every message to the stored row. With an endpoint to export to, steps are recorded as spans
(see runlet_telemetry.otel); without one a span is its place in the trace and nothing else.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Protocol
from urllib.parse import urlsplit

from msgspec import Meta
from structlog.typing import EventDict

from runlet.config import ConfigError
from runlet_telemetry.trace_context import child_of, parse, trace_id

HTTP_PROTOBUF = "http/protobuf"

Attributes = Mapping[str, str | int | bool | None]
NONE: Attributes = {}


class Kind(StrEnum):
    """What a span stands for, in OpenTelemetry's words."""

    INTERNAL = "INTERNAL"
    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


@dataclass(frozen=True, kw_only=True)
class TracingSettings:
    """OpenTelemetry's standard variables, as far as Runlet reads them itself.

    Without an endpoint nothing is exported. The SDK reads its others, such as OTEL_TRACES_SAMPLER,
    from the environment.
    """

    otel_exporter_otlp_endpoint: Annotated[
        str,
        Meta(description="Base address that spans are sent to; empty exports nothing."),
    ] = ""
    otel_exporter_otlp_traces_endpoint: Annotated[
        str, Meta(description="The whole address, instead of the base address.")
    ] = ""
    otel_exporter_otlp_headers: Annotated[
        str, Meta(description="Headers of the export: `name=value,…`.")
    ] = field(default="", repr=False)
    otel_exporter_otlp_protocol: Annotated[
        str, Meta(description="Only `http/protobuf` is spoken.")
    ] = HTTP_PROTOBUF
    otel_sdk_disabled: Annotated[
        bool, Meta(description="Exports nothing, whatever else is set.")
    ] = False
    otel_bsp_max_queue_size: Annotated[
        int,
        Meta(ge=1, le=1_000_000, description="Spans that wait in a process; the rest is dropped."),
    ] = 2048
    otel_bsp_schedule_delay: Annotated[
        int, Meta(ge=1, le=600_000, description="Milliseconds between two exports.")
    ] = 5000

    def spans_endpoint(self) -> str:
        """The address that spans go to; empty for nowhere.

        Raises ConfigError for one that cannot be used.
        """
        base = self.otel_exporter_otlp_endpoint
        name = "OTEL_EXPORTER_OTLP_ENDPOINT"
        address = base and f"{base.rstrip('/')}/v1/traces"
        if self.otel_exporter_otlp_traces_endpoint:
            name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
            address = self.otel_exporter_otlp_traces_endpoint
        if not address or self.otel_sdk_disabled:
            return ""
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).netloc:
            raise ConfigError(
                f"The setting {name} is not usable. It is an address such as http://collector:4318."
            )
        if self.otel_exporter_otlp_protocol != HTTP_PROTOBUF:
            raise ConfigError(
                "The setting OTEL_EXPORTER_OTLP_PROTOCOL is not usable: spans are exported by "
                f"{HTTP_PROTOBUF} only, for which collectors usually listen on port 4318."
            )
        return address


class Span(Protocol):
    """One step, from its beginning to its end; any thread may end it."""

    @property
    def traceparent(self) -> str:
        """What the steps that follow are told."""
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
    """A span that nobody records: a place in the trace, which it shares with its steps."""

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
        """Nobody listens."""

    def fail(self, error: str) -> None:
        """Nobody listens."""

    def end(self) -> None:
        """Nobody listens."""


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


def create(settings: TracingSettings, service: str) -> Tracer:
    """The tracer of `service`; one that records nothing when there is nowhere to export to.

    Call it in the process that serves: its thread does not outlive a fork. Raises ConfigError for
    settings that cannot be used.
    """
    endpoint = settings.spans_endpoint()
    if not endpoint:
        return OFF
    # Not at the top: who exports nothing does not even load the SDK.
    from runlet_telemetry import otel

    return otel.OtelTracer(service, endpoint, settings)


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
    """What the current span tells the steps that follow; a new trace outside of any."""
    span = _current.get()
    return child_of(None) if span is None else span.traceparent


def note(attributes: Attributes) -> None:
    """Add attributes to the current span, if there is one."""
    span = _current.get()
    if span is not None:
        span.note(attributes)
