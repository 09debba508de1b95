"""Spans for OpenTelemetry, over OTLP/HTTP; loaded only where there is an endpoint to export to."""

import logging
import os
import threading
from collections.abc import Sequence

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_NAMESPACE, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.util.re import parse_env_headers

from runlet_telemetry import trace_context
from runlet_telemetry.trace_context import TraceContext
from runlet_telemetry.tracing import NONE, Attributes, Kind, Span
from runlet_telemetry.tracing_settings import TracingSettings

log = structlog.get_logger()

# Much shorter than what any service has to stop in.
FLUSH_SECONDS = 3.0
BATCH_SIZE = 512
# What the SDK calls a service that has no name.
_UNNAMED = "unknown_service"


class OtelTracer:
    """Records spans of one service and exports them on a thread of its own.

    Spans that end faster than the endpoint takes them are dropped: no caller ever waits.
    """

    exports = True

    def __init__(self, service: str, endpoint: str, settings: TracingSettings) -> None:
        _unset_empty_variables()
        # Losses are logged once here, not with each batch.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        headers = parse_env_headers(settings.otel_exporter_otlp_headers, liberal=True)
        exporter = OTLPSpanExporter(endpoint=endpoint, headers=headers or None)
        self._provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
        self._provider.add_span_processor(_BoundedProcessor(exporter, settings))
        self._tracer = self._provider.get_tracer("runlet")

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        attributes: Attributes = NONE,
        links: Sequence[str | None] = (),
    ) -> Span:
        """Begin a step; see runlet_telemetry.tracing.Tracer."""
        remote = _span_context(parent)
        context = Context()
        if remote is not None:
            context = trace.set_span_in_context(trace.NonRecordingSpan(remote), context)
        linked = [trace.Link(other) for link in links if (other := _span_context(link))]
        return _begin(self._tracer, name, kind, context, attributes, linked)

    def close(self) -> None:
        """Export what is left; gives up after FLUSH_SECONDS."""
        flushing = threading.Thread(target=self._provider.shutdown, name="flush-spans", daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)
        if flushing.is_alive():
            log.warning("span_flush_timed_out", seconds=FLUSH_SECONDS)


class _Span:
    """A span of the SDK in our words."""

    def __init__(self, tracer: trace.Tracer, span: trace.Span) -> None:
        self._tracer = tracer
        self._span = span

    @property
    def traceparent(self) -> str:
        context = self._span.get_span_context()
        trace_id, span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
        return str(TraceContext(trace_id, span_id, f"{context.trace_flags:02x}"))

    def child(self, name: str, kind: Kind, attributes: Attributes) -> Span:
        context = trace.set_span_in_context(self._span, Context())
        return _begin(self._tracer, name, kind, context, attributes)

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(_known(attributes))

    def fail(self, error: str) -> None:
        self._span.set_attribute("error.type", error)
        self._span.set_status(trace.StatusCode.ERROR)

    def end(self) -> None:
        self._span.end()


class _BoundedProcessor(BatchSpanProcessor):
    """Takes no more spans than may wait, and says so once when some are lost.

    The SDK's own bound drops the oldest silently.
    """

    def __init__(self, exporter: SpanExporter, settings: TracingSettings) -> None:
        room = settings.otel_bsp_max_queue_size
        self._room = threading.Semaphore(room)
        self._losses = _Losses()
        super().__init__(
            _ReportingExporter(exporter, self._room, self._losses),
            max_queue_size=room,
            max_export_batch_size=min(BATCH_SIZE, room),
            schedule_delay_millis=settings.otel_bsp_schedule_delay,
        )

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span that is over, or drop it."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._room.acquire(blocking=False):
            super().on_end(span)
        else:
            self._losses.add(1, "They end faster than the endpoint takes them.")


class _ReportingExporter(SpanExporter):
    """Exports batches, makes room for the next and notes what was lost."""

    def __init__(
        self, exporter: SpanExporter, room: threading.Semaphore, losses: "_Losses"
    ) -> None:
        self._exporter = exporter
        self._room = room
        self._losses = losses

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch. It comes from the processor's thread, one at a time."""
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self._room.release(len(spans))
            if result is SpanExportResult.SUCCESS:
                self._losses.end()
            else:
                self._losses.add(len(spans), "The endpoint does not take them.")
        return result

    def shutdown(self) -> None:
        """End an export that is being tried again."""
        self._exporter.shutdown()


class _Losses:
    """Counts lost spans, and logs the first of a row and how many it was when it is over."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def add(self, count: int, reason: str) -> None:
        """So many more were lost."""
        with self._lock:
            first = not self._count
            self._count += count
        if first:
            log.warning("span_export_failed", reason=reason)

    def end(self) -> None:
        """Spans are taken again."""
        with self._lock:
            count, self._count = self._count, 0
        if count:
            log.warning("span_export_recovered", count=count)


def _begin(
    tracer: trace.Tracer,
    name: str,
    kind: Kind,
    context: Context,
    attributes: Attributes,
    links: Sequence[trace.Link] = (),
) -> _Span:
    span = tracer.start_span(
        name,
        context=context,
        kind=trace.SpanKind[kind],
        attributes=_known(attributes),
        links=links,
        record_exception=False,
    )
    return _Span(tracer, span)


def _known(attributes: Attributes) -> dict[str, str | int | bool]:
    return {name: value for name, value in attributes.items() if value is not None}


def _span_context(traceparent: str | None) -> trace.SpanContext | None:
    context = trace_context.parse(traceparent)
    if context is None:
        return None
    return trace.SpanContext(
        trace_id=int(context.trace_id, 16),
        span_id=int(context.span_id, 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(int(context.flags, 16)),
    )


def _resource(service: str) -> Resource:
    """What the environment says of this process, and the service's name if it gives none."""
    resource = Resource.create({SERVICE_NAMESPACE: "runlet"})
    if str(resource.attributes[SERVICE_NAME]).startswith(_UNNAMED):
        return resource.merge(Resource({SERVICE_NAME: service}))
    return resource


def _unset_empty_variables() -> None:
    """An empty variable is an unset one, says the standard; the SDK makes an error of some."""
    for name in [name for name, value in os.environ.items() if not value]:
        if name.startswith("OTEL_"):
            del os.environ[name]
