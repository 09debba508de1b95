"""Which tracer a service has."""

from runlet_telemetry.tracing import OFF, Tracer
from runlet_telemetry.tracing_settings import TracingSettings


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
