"""What the execution API and its relay tell Prometheus."""

import math
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
import urllib3
from flask.testing import FlaskClient

from execution_api import bootstrap
from execution_api.bootstrap import Api
from execution_api.config import RelayConfig
from execution_api.errors import Cause
from execution_api.outbox.gauges import OutboxGauges
from runlet_postgres import engines
from runlet_telemetry import metrics
from support.databases.executions import ExecutionsDatabase
from support.http.session_api_stub import SessionApiStub
from support.loops import supervised
from support.telemetry.metrics import Page, rise, value
from support.wait_until import eventually

StartApi = Callable[..., Api]
Rise = Callable[[], float]

NO_SERVER = "127.0.0.1:1"


def accepted(language: str = "python") -> Rise:
    """How many runs are accepted from now on."""
    return rise("runlet_runs_accepted_total", language=language)


def rejected(cause: str) -> Rise:
    """How many runs are rejected for this cause from now on."""
    return rise("runlet_runs_rejected_total", cause=cause)


def run(client: FlaskClient, session_id: UUID, key: str | None = None, **body: object) -> int:
    """Run a session's code; gives the status of the answer."""
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"/code-sessions/{session_id}/run", json=body, headers=headers).status_code


def test_a_run_counts_as_accepted_once_however_often_it_is_asked_for(
    client: FlaskClient, sessions: SessionApiStub
) -> None:
    python, ruby = accepted(), accepted("ruby")
    session_id = sessions.add()

    assert [run(client, session_id, key="k") for _ in range(3)] == [202, 202, 202]
    assert run(client, sessions.add(language="ruby")) == 202

    assert (python(), ruby()) == (1, 1)


def test_what_is_refused_counts_by_its_cause_and_is_not_accepted(
    client: FlaskClient, sessions: SessionApiStub
) -> None:
    closed, unknown = rejected("closed"), rejected("unknown_session")
    active, large, invalid = rejected("active"), rejected("too_large"), rejected("invalid")
    busy = sessions.add()
    run(client, busy)
    new = accepted()

    assert run(client, sessions.add(status="INACTIVE")) == 409
    assert (closed(), active()) == (1, 0)
    assert run(client, busy) == 409
    assert (closed(), active()) == (1, 1)
    assert run(client, uuid4()) == 404
    assert unknown() == 1
    assert run(client, sessions.add(), source_code="x" * 300_000) == 413
    assert large() == 1
    assert run(client, sessions.add(language="cobol")) == 422
    assert invalid() == 1
    assert new() == 0


def test_what_is_over_a_bound_counts_by_the_bound(
    start_api: StartApi, sessions: SessionApiStub
) -> None:
    client = start_api(rate_limit_runs_per_minute=1, max_queue_depth=2).app.test_client()
    rate, backlog = rejected("rate_limit"), rejected("backlog")
    often = sessions.add()
    run(client, often)
    execution = client.get(f"/code-sessions/{often}/executions").get_json()["executions"][0]
    client.post(f"/executions/{execution['execution_id']}/cancel")

    assert run(client, often) == 429
    assert (rate(), backlog()) == (1, 0)

    for _ in range(2):
        run(client, sessions.add())
    eventually(lambda: run(client, sessions.add()) == 503)
    assert (rate(), backlog()) == (1, 1)


def test_a_part_that_is_away_is_a_cause_of_its_own(
    start_api: StartApi, sessions: SessionApiStub
) -> None:
    unavailable = rejected("unavailable")
    alone = start_api(session_api_url=f"http://{NO_SERVER}").app.test_client()
    without_database = start_api(
        database_url=f"postgresql+psycopg2://nobody@{NO_SERVER}/nothing"
    ).app.test_client()

    assert run(alone, sessions.add()) == 503
    assert unavailable() == 1
    assert run(without_database, sessions.add()) == 503
    assert unavailable() == 2


def test_what_is_cancelled_before_it_began_is_finished_once(
    client: FlaskClient, sessions: SessionApiStub
) -> None:
    ends = rise(
        "runlet_runs_finished_total", language="python", status="CANCELLED", reason="cancelled"
    )
    answer = client.post(f"/code-sessions/{sessions.add()}/run")
    address = f"/executions/{answer.get_json()['execution_id']}/cancel"

    assert [client.post(address).status_code for _ in range(2)] == [202, 409]
    assert ends() == 1


def test_what_runs_is_not_finished_by_asking_to_cancel_it(
    client: FlaskClient, database: ExecutionsDatabase
) -> None:
    ends = rise(
        "runlet_runs_finished_total", language="python", status="CANCELLED", reason="cancelled"
    )
    request = database.add()
    database.run("UPDATE executions SET status = 'RUNNING', attempts = 1")

    assert client.post(f"/executions/{request.execution_id}/cancel").status_code == 202
    assert ends() == 0


def test_all_known_series_are_there_before_anything_happens(client: FlaskClient) -> None:
    page = Page(client.get("/metrics").text)

    for language in ("python", "java", "ruby"):
        assert value("runlet_runs_accepted_total", language=language) is not None
    for cause in ("cooldown", "user_rate_limit", "backlog"):
        assert value("runlet_runs_rejected_total", cause=cause) is not None
    own = {family.name for metric in metrics.EXECUTION_API for family in metric.describe()}
    assert {name for name in page.names() if name.startswith("runlet_")} == own
    assert page.total("runlet_build_info", service="execution-api")


@pytest.fixture
def gauges(database: ExecutionsDatabase) -> OutboxGauges:
    """The gauges of an outbox that is empty at first."""
    return OutboxGauges(database.engine)


def outbox() -> tuple[float | None, float | None]:
    """How many requests wait, and how long the oldest has."""
    return value("runlet_outbox_messages"), value("runlet_outbox_oldest_seconds")


def test_the_outbox_is_measured_now_and_then(
    database: ExecutionsDatabase, gauges: OutboxGauges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution_api.outbox.gauges.EVERY_SECONDS", 0.01)
    gauges.measure()
    assert outbox() == (0, 0)
    for _ in range(3):
        database.add()
    database.run("UPDATE outbox SET created_at = now() - interval '70 s'")

    with supervised(gauges.loop()):
        eventually(lambda: outbox()[0] == 3)
    waiting, oldest = outbox()
    assert waiting == 3
    assert oldest is not None
    assert 70 <= oldest < 100


def test_a_request_that_nobody_waits_for_any_more_is_no_lag(
    database: ExecutionsDatabase, gauges: OutboxGauges
) -> None:
    database.add()
    database.run("UPDATE executions SET status = 'FAILED'")

    gauges.measure()

    assert outbox() == (0, 0)


def test_the_outbox_is_unknown_while_the_database_is_away() -> None:
    url = f"postgresql+psycopg2://nobody@{NO_SERVER}/nothing"
    engine = engines.create_engine(url, "test", 1, autocommit=False)
    gauges = OutboxGauges(engine)

    gauges.measure()

    assert all(math.isnan(figure or 0) for figure in outbox())


@pytest.fixture
def relay_address(database: ExecutionsDatabase, amqp_url: str) -> Iterator[str]:
    """Where a relay serves that has a request to send and no broker."""
    database.add()
    config = RelayConfig(database_url=database.url, amqp_url=f"amqp://guest:guest@{NO_SERVER}/")
    process = bootstrap.create_relay(config, ops_port=0)
    process.start()
    yield f"http://127.0.0.1:{process.ops.port}"
    process.close()


def test_the_relay_measures_also_while_the_broker_is_away(relay_address: str) -> None:
    def page() -> Page:
        return Page(urllib3.request("GET", f"{relay_address}/metrics").data.decode())

    eventually(lambda: page().total("runlet_outbox_messages") == 1)
    own = {family.name for metric in metrics.RELAY for family in metric.describe()}
    assert {name for name in page().names() if name.startswith("runlet_")} == own
    assert urllib3.request("GET", f"{relay_address}/health").status == 200
    unready = urllib3.request("GET", f"{relay_address}/ready")
    assert (unready.status, unready.json()["away"]) == (503, ["message broker"])


def test_the_help_names_every_cause_there_is() -> None:
    (family,) = metrics.RUNS_REJECTED.describe()

    assert all(cause in family.documentation for cause in Cause)
