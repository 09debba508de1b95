"""A tracer that remembers what it is told, without an exporter."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from runlet_telemetry.trace_context import child_of
from runlet_telemetry.tracing import NONE, Attributes, Kind, Span


@dataclass
class Recorded:
    """A span as it was told."""

    tracer: "RecordingTracer"
    name: str
    kind: Kind
    parent: str | None
    links: tuple[str | None, ...]
    traceparent: str
    attributes: dict[str, object]
    error: str | None = None
    ended: bool = False

    def child(self, name: str, kind: Kind, attributes: Attributes) -> Span:
        """A step of this one."""
        return self.tracer.begin(name, kind, self.traceparent, attributes)

    def note(self, attributes: Attributes) -> None:
        """Remember attributes."""
        self.attributes.update(attributes)

    def fail(self, error: str) -> None:
        """Remember the failure."""
        self.error = error

    def end(self) -> None:
        """Remember the end."""
        assert not self.ended, f"{self.name} ended twice."
        self.ended = True


@dataclass
class RecordingTracer:
    """Remembers every span that was begun."""

    exports: bool = True
    spans: list[Recorded] = field(default_factory=list)
    closed: bool = False

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: str | None,
        attributes: Attributes = NONE,
        links: Sequence[str | None] = (),
    ) -> Recorded:
        """Begin a span that is remembered."""
        made = child_of(parent)
        span = Recorded(self, name, kind, parent, tuple(links), made, dict(attributes))
        self.spans.append(span)
        return span

    def close(self) -> None:
        """Remember that there is no more."""
        self.closed = True

    def named(self, name: str) -> Recorded:
        """The only span of this name."""
        [span] = [span for span in self.spans if span.name == name]
        return span
