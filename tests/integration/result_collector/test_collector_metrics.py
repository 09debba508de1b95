"""What the collector tells Prometheus, between a real broker and a real database."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import urllib3
from sqlalchemy import Engine, make_url, text

from result_collector import instrumentation
from result_collector.gauges.queue_age import AgeGauges, oldest
from runlet import topology
from runlet.execution import Reason
from runlet.languages import LANGUAGES
from runlet.lifecycle import StopSignal
from runlet_amqp import envelopes
from runlet_telemetry import metrics
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.broker.tcp_proxy import TcpProxy
from support.databases.event_factory import finished, retrying, started
from support.databases.executions import ExecutionsDatabase, run_requested
from support.telemetry.metrics import Page, rise, value
from support.telemetry.ops import serve
from support.wait_until import eventually

FINISHED = "runlet_runs_finished_total"


@pytest.fixture
def broker_proxy(amqp_url: str) -> Iterator[tuple[TcpProxy, str]]:
    """The way to the broker, and its address."""
    address = make_url(amqp_url)
    assert address.host
    assert address.port
    proxy = TcpProxy((address.host, address.port))
    through = address.set(host="127.0.0.1", port=proxy.port)
    yield proxy, through.render_as_string(hide_password=False)
    proxy.cut()


def depth(queue: str) -> float | None:
    """How many messages a queue has, as it was measured last."""
    return value("runlet_queue_messages", queue=queue)


def age(language_id: str) -> float:
    """How old the oldest queued execution is, as it was measured last."""
    return value("runlet_oldest_queued_seconds", language=language_id) or 0.0


def test_an_end_counts_once_however_often_it_is_told(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    ends = rise(FINISHED, language="python", status="TIMEOUT", reason="time_limit")
    turnarounds = rise("runlet_run_turnaround_seconds_count", language="python")
    lags = rise("runlet_event_lag_seconds_count", type="finished")
    starts = rise("runlet_event_lag_seconds_count", type="started")
    end = finished(request, reason=Reason.TIME_LIMIT)
    told = (started(request), end, end)
    vhosts.publish(amqp_url, *(envelopes.event(event, None) for event in told))

    with running_collector(database.url, amqp_url):
        eventually(lambda: vhosts.depth(amqp_url, topology.RESULTS_QUEUE) == 0 and lags())

    assert (ends(), turnarounds(), lags(), starts()) == (1, 1, 1, 1)


def test_the_turnaround_counts_from_the_acceptance_through_all_attempts(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    accepted = datetime.now(UTC) - timedelta(seconds=40)
    request = run_requested()
    database.add(request)
    database.run("UPDATE executions SET created_at = :at, queued_at = :at", at=accepted)
    waited = rise("runlet_run_turnaround_seconds_sum", language="python")
    told = (started(request), retrying(request), started(request, 2), finished(request, 2))
    vhosts.publish(amqp_url, *(envelopes.event(event, None) for event in told))

    with running_collector(database.url, amqp_url):
        eventually(waited)

    assert 40 <= waited() < 100


def test_what_the_platform_gives_up_counts_as_finished_and_as_dead_letter(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    ends = rise(FINISHED, language="python", status="FAILED", reason="infrastructure")
    letters = rise("runlet_dead_letters_total", reason="rejected")
    letter = envelopes.dead_letter(
        "run.requested.v9", b"{}", str(request.execution_id), "No.", None
    )
    vhosts.publish(amqp_url, letter)

    with running_collector(database.url, amqp_url):
        eventually(lambda: ends() and letters())

    assert (ends(), letters()) == (1, 1)


def test_depth_and_consumers_of_every_queue_are_measured(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    waiting = [database.add() for _ in range(3)]
    vhosts.publish(amqp_url, *(envelopes.run_request(request, None) for request in waiting))
    vhosts.publish(amqp_url, envelopes.delayed_run_request(waiting[0], 8, None))

    with running_collector(database.url, amqp_url):
        eventually(lambda: depth("runs.python") == 3 and depth("runs.retry.8s") == 1)

        assert depth("runs.ruby") == 0
        assert value("runlet_queue_consumers", queue="runs.python") == 0
        eventually(lambda: value("runlet_queue_consumers", queue=topology.RESULTS_QUEUE) == 1)


def test_the_queues_that_are_measured_are_those_there_are(amqp_url: str) -> None:
    with vhosts.open_channel(amqp_url):
        path = f"/api/queues/{amqp_url.rpartition('/')[2]}"
        declared = {queue["name"] for queue in vhosts.manage_json(path)}

    assert declared == set(topology.queues(LANGUAGES))


def test_depth_is_unknown_while_the_broker_is_away(
    database: ExecutionsDatabase, broker_proxy: tuple[TcpProxy, str]
) -> None:
    proxy, url = broker_proxy
    with running_collector(database.url, url):
        eventually(lambda: depth("runs.python") == 0)
        proxy.cut()
        eventually(lambda: math.isnan(depth("runs.python") or 0))
        proxy.restore()
        eventually(lambda: depth("runs.python") == 0)


def test_the_age_is_that_of_the_oldest_of_a_language_that_no_runner_has_begun(
    database: ExecutionsDatabase,
) -> None:
    for language, seconds in (("python", 30), ("python", 90), ("ruby", 10)):
        request = database.add(run_requested(language=language))
        database.run(
            "UPDATE executions SET queued_at = now() - :age WHERE id = :id",
            age=timedelta(seconds=seconds),
            id=request.execution_id,
        )
    begun = database.add(run_requested(language="go"))
    database.run("UPDATE executions SET status = 'RUNNING' WHERE id = :id", id=begun.execution_id)

    AgeGauges(database.engine, ["python", "ruby", "go"]).turn(StopSignal())

    assert 90 <= age("python") < 120
    assert 10 <= age("ruby") < 40
    assert age("go") == 0


def test_the_age_is_found_by_the_index_whatever_else_there_is(
    database: ExecutionsDatabase,
) -> None:
    # Without statistics of what is there a planner may take any way.
    _add_many(database.engine, queued=2_000, over=10_000)
    plan: list[str] = []

    with database.engine.connect() as connection:
        statement = oldest(["python"])
        compiled = statement.compile(connection, compile_kwargs={"literal_binds": True})
        plan.extend(connection.execute(text(f"EXPLAIN {compiled}")).scalars())

    assert any("executions_queued" in line for line in plan), plan
    assert not any("Seq Scan" in line for line in plan), plan


def test_all_known_series_are_there_before_anything_happens() -> None:
    instrumentation.prepare(["php"])

    for status, reason in (("COMPLETED", "none"), ("FAILED", "lost"), ("CANCELLED", "cancelled")):
        assert value(FINISHED, language="php", status=status, reason=reason) == 0
    assert value("runlet_dead_letters_total", reason="delivery_limit") is not None
    assert value("runlet_callbacks_total", outcome="given_up") is not None
    assert value("runlet_reconciled_total", outcome="lost") is not None


def test_health_readiness_and_the_collectors_own_metrics_are_served(
    database: ExecutionsDatabase, amqp_url: str
) -> None:
    with running_collector(database.url, amqp_url) as collector:
        address = f"http://127.0.0.1:{serve(collector.ops)}"
        eventually(lambda: urllib3.request("GET", f"{address}/ready").status == 200)
        assert urllib3.request("GET", f"{address}/health").status == 200
        page = Page(urllib3.request("GET", f"{address}/metrics").data.decode())

    own = {family.name for metric in metrics.COLLECTOR for family in metric.describe()}
    assert {name for name in page.names() if name.startswith("runlet_")} == own
    assert page.total("runlet_build_info", service="result-collector")


def _add_many(engine: Engine, queued: int, over: int) -> None:
    insert = text(
        "INSERT INTO executions (id, session_id, language, status, request, limits, request_hash,"
        " created_at, queued_at) SELECT gen_random_uuid(), gen_random_uuid(), 'python',"
        " CASE WHEN n <= :queued THEN 'QUEUED' ELSE 'COMPLETED' END, '{}', '{}', '',"
        " now() - n * interval '1 s', now() - n * interval '1 s'"
        " FROM generate_series(1, :everything) AS n"
    )
    with engine.connect() as connection:
        connection.execute(insert, {"queued": queued, "everything": queued + over})
        connection.execute(text("ANALYZE executions"))
