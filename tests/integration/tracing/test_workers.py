"""Processes that stop export what they have left; gunicorn's workers each for themselves."""

from http.client import HTTPConnection
from typing import Any

from runlet_amqp import envelopes
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.databases.event_factory import finished
from support.databases.executions import TRACEPARENT, ExecutionsDatabase
from support.deployments.gunicorns import running_replica
from support.telemetry.otlp import SpanCollector
from support.wait_until import eventually

# So that nothing goes out before the end.
NEVER_MS = 600_000
MISSING = "/executions/00000000-0000-0000-0000-000000000000"


def ask(port: int, number: int) -> None:
    """A call in a trace of its own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", MISSING, headers={"traceparent": f"00-{number:032x}-{1:016x}-01"})
    assert connection.getresponse().status == 404
    connection.close()


def test_what_was_not_exported_yet_is_exported_when_a_replica_stops(
    database: ExecutionsDatabase, amqp_url: str, spans: SpanCollector
) -> None:
    settings: dict[str, Any] = {
        "DATABASE_URL": database.url,
        "AMQP_URL": amqp_url,
        "SESSION_API_URL": "http://127.0.0.1:9",
        "WEB_WORKERS": "2",
        "OTEL_EXPORTER_OTLP_ENDPOINT": spans.url,
        "OTEL_BSP_SCHEDULE_DELAY": str(NEVER_MS),
    }
    with running_replica(**settings) as replica:
        for number in range(1, 11):
            ask(replica.port, number)
        assert not spans.spans
    eventually(lambda: len(spans.spans) == 10)
    assert {int(span.trace_id, 16) for span in spans.spans} == set(range(1, 11))
    assert {span.service for span in spans.spans} == {"execution-api"}


def test_a_collector_that_stops_exports_what_it_has_left(
    database: ExecutionsDatabase, amqp_url: str, spans: SpanCollector
) -> None:
    request = database.add()
    exporting: dict[str, Any] = {
        "otel_exporter_otlp_endpoint": spans.url,
        "otel_bsp_schedule_delay": NEVER_MS,
    }
    with running_collector(database.url, amqp_url, **exporting):
        vhosts.publish(amqp_url, envelopes.event(finished(request), TRACEPARENT))
        eventually(lambda: database.execution(request.execution_id)["status"] == "COMPLETED")
        assert not spans.spans
    assert [span.name for span in spans.spans] == [
        "store results.collector",
        "publish executions.ended",
    ]
