"""Where spans are exported to."""

from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from runlet.config import ConfigError

HTTP_PROTOBUF = "http/protobuf"


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
