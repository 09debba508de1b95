"""Where an execution's lifecycle says which trace it belongs to."""

from runlet_telemetry.trace_context import trace_id


def trace_note(traceparent: str) -> str | None:
    """The detail of an event that begins a trace; None when there is nothing to say."""
    found = trace_id(traceparent)
    return found and f"Trace {found}."
