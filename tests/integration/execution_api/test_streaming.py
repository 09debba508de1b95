"""GET /executions/{id}/stream over real sockets, fed by a real broker and a real database."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from execution_api import context
from execution_api.bootstrap import Api
from runlet.execution import Reason
from runlet.messages import ExecutionOutput, RunRequested
from runlet_amqp import envelopes
from support.broker import vhosts
from support.broker.collectors import running_collector
from support.databases.event_factory import finished, printed, retrying, started
from support.databases.executions import ExecutionsDatabase
from support.deployments.servers import OpenStream, serving
from support.http.event_streams import read_all
from support.wait_until import eventually

StartApi = Callable[..., Api]
StartServer = Callable[..., int]
NO_BROKER = "amqp://guest:guest@127.0.0.1:1/"


@pytest.fixture
def start_server(start_api: StartApi) -> Iterator[StartServer]:
    """Starts an API process on a port of its own, connected to everything."""
    with ExitStack() as servers:

        def start(**settings: object) -> int:
            api = start_api(**settings)
            if "amqp_url" not in settings:
                eventually(lambda: api.app.test_client().get("/ready").status_code == 200)
                eventually(lambda: parts(api).waiters.listening)
            apis.append(api)
            return servers.enter_context(serving(api.app))

        apis: list[Api] = []
        yield start
        for api in apis:
            api.begin_shutdown()


@pytest.fixture
def port(start_server: StartServer) -> int:
    return start_server()


@pytest.fixture
def running(database: ExecutionsDatabase) -> RunRequested:
    """An execution in its first attempt."""
    request = database.add()
    database.run("UPDATE executions SET status = 'RUNNING', attempts = 1, started_at = now()")
    return request


def parts(api: Api) -> context.Context:
    """What the routes of an API work with."""
    found: context.Context = api.app.extensions["execution_api"]
    return found


def path_of(request: RunRequested) -> str:
    return f"/executions/{request.execution_id}/stream"


def tell(amqp_url: str, *pieces: ExecutionOutput) -> None:
    """Publish output as a runner does."""
    vhosts.publish(amqp_url, *(envelopes.output(piece, None) for piece in pieces))


def test_a_reader_hears_a_program_while_it_runs_and_then_how_it_ended(
    port: int, database: ExecutionsDatabase, amqp_url: str
) -> None:
    request = database.add()
    with running_collector(database.url, amqp_url), OpenStream(port, path_of(request)) as reader:
        eventually(lambda: reader.reading.statuses == [("QUEUED", 0)])
        vhosts.publish(amqp_url, envelopes.event(started(request), None))
        eventually(lambda: reader.reading.statuses[1:] == [("RUNNING", 1)])
        tell(amqp_url, printed(request, "4"), printed(request, "!", stream="stderr"))
        eventually(lambda: reader.reading.output == {"stdout": "4", "stderr": "!"})
        tell(amqp_url, printed(request, "2", 1))
        eventually(lambda: reader.reading.output["stdout"] == "42")
        end = envelopes.event(finished(request, stdout="42\n", stderr="!"), None)
        vhosts.publish(amqp_url, end)
        reading = reader.wait_for_end()
    assert reading.output == {"stdout": "42\n", "stderr": "!"}
    assert reading.end is not None
    assert reading.end["status"] == "COMPLETED"


def test_what_a_reader_was_told_in_the_end_is_what_every_later_read_says(
    port: int,
    client: FlaskClient,
    running: RunRequested,
    database: ExecutionsDatabase,
    amqp_url: str,
) -> None:
    with running_collector(database.url, amqp_url), OpenStream(port, path_of(running)) as reader:
        reason = Reason.NONZERO_EXIT
        end = finished(running, reason=reason, stdout="€ 42\0\n", exit_code=3)
        vhosts.publish(amqp_url, envelopes.event(end, None))
        reading = reader.wait_for_end()
    assert reading.end == client.get(f"/executions/{running.execution_id}").get_json()
    assert reading.end is not None
    assert (reading.end["reason"], reading.end["feedback"]) == ("nonzero_exit", [])


def test_a_late_reader_gets_what_it_missed_and_then_the_rest(
    port: int, running: RunRequested, amqp_url: str
) -> None:
    tell(amqp_url, printed(running, "4"), printed(running, "2", 1))
    with OpenStream(port, path_of(running)) as reader:
        eventually(lambda: reader.reading.output["stdout"] == "42")
        tell(amqp_url, printed(running, "\n", 2))
        eventually(lambda: reader.reading.output["stdout"] == "42\n")


def test_a_reader_goes_on_at_another_process_where_it_stopped(
    start_server: StartServer, running: RunRequested, database: ExecutionsDatabase, amqp_url: str
) -> None:
    first, second = start_server(), start_server()
    tell(amqp_url, printed(running, "to be "))
    with OpenStream(first, path_of(running)) as reader:
        eventually(lambda: reader.reading.output["stdout"] == "to be ")
    assert reader.reading.last_id == "1-6-0"
    tell(amqp_url, printed(running, "continued", 6))
    with (
        running_collector(database.url, amqp_url),
        OpenStream(second, path_of(running), reader.reading) as again,
    ):
        eventually(lambda: again.reading.output["stdout"] == "to be continued")
        end = finished(running, stdout="to be continued.\n")
        vhosts.publish(amqp_url, envelopes.event(end, None))
        reading = again.wait_for_end()
    assert reading.output["stdout"] == "to be continued.\n"
    assert reading.statuses == [("RUNNING", 1)]


def test_a_process_that_missed_the_beginning_waits_for_the_end(
    start_server: StartServer, running: RunRequested, database: ExecutionsDatabase, amqp_url: str
) -> None:
    tell(amqp_url, printed(running, "nobody hears this "))
    late = start_server()
    with running_collector(database.url, amqp_url), OpenStream(late, path_of(running)) as reader:
        tell(
            amqp_url,
            printed(running, "but this", 18),
            printed(running, "!", stream="stderr"),
        )
        eventually(lambda: reader.reading.output["stderr"] == "!")
        assert reader.reading.output["stdout"] == ""
        end = finished(running, stdout="nobody hears this but this", stderr="!")
        vhosts.publish(amqp_url, envelopes.event(end, None))
        reading = reader.wait_for_end()
    assert reading.output == {"stdout": "nobody hears this but this", "stderr": "!"}


def test_an_attempt_whose_runner_died_is_followed_by_another(
    port: int, running: RunRequested, database: ExecutionsDatabase, amqp_url: str
) -> None:
    with running_collector(database.url, amqp_url), OpenStream(port, path_of(running)) as reader:
        tell(amqp_url, printed(running, "begun at 12:00\n"))
        eventually(lambda: reader.reading.output["stdout"] == "begun at 12:00\n")
        vhosts.publish(amqp_url, envelopes.event(started(running, 2), None))
        tell(amqp_url, printed(running, "begun at 12:01\n", attempt=2))
        eventually(lambda: reader.reading.output["stdout"] == "begun at 12:01\n")
        end = finished(running, 2, stdout="begun at 12:01\nover\n")
        vhosts.publish(amqp_url, envelopes.event(end, None))
        reading = reader.wait_for_end()
    assert reading.statuses == [("RUNNING", 1), ("RUNNING", 2)]
    assert reading.output["stdout"] == "begun at 12:01\nover\n"


def test_a_fault_of_the_platform_is_seen_as_a_return_to_the_queue(
    port: int, running: RunRequested, amqp_url: str
) -> None:
    with OpenStream(port, path_of(running)) as reader:
        eventually(lambda: reader.reading.statuses == [("RUNNING", 1)])
        vhosts.publish(amqp_url, envelopes.event(retrying(running), None))
        eventually(lambda: reader.reading.statuses[1:] == [("QUEUED", 1)])


def test_what_is_over_is_sent_whole_and_at_once(
    client: FlaskClient, running: RunRequested, database: ExecutionsDatabase
) -> None:
    database.run("UPDATE executions SET status = 'COMPLETED', stdout = '42', stderr = ''")
    answer = client.get(path_of(running))
    reading = read_all([answer.data])
    assert reading.output == {"stdout": "42", "stderr": ""}
    assert reading.end == client.get(f"/executions/{running.execution_id}").get_json()


def test_the_answer_is_an_event_stream_that_nobody_stores_or_holds_back(
    port: int, running: RunRequested
) -> None:
    with OpenStream(port, f"/api/v1{path_of(running)}") as reader:
        headers = reader.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Accel-Buffering"] == "no"


@pytest.mark.parametrize("unknown", [str(uuid4()), "no-uuid"])
def test_an_unknown_execution_has_no_stream(client: FlaskClient, unknown: str) -> None:
    assert client.get(f"/executions/{unknown}/stream").status_code == 404


@pytest.mark.parametrize(
    "odd", ["", "1-", "1-2-", "1-2-3-4", "-1-2-3", "1-2-x", "1-2-1e9", "1-2-\u0663", "9" * 40, " "]
)
def test_an_id_that_is_none_is_refused(
    client: FlaskClient, running: RunRequested, odd: str
) -> None:
    refused = client.get(
        path_of(running), headers={"Last-Event-ID": odd.encode("utf-8").decode("latin-1")}
    )
    assert refused.status_code == 422
    assert "id of an event" in refused.get_json()["errors"]["Last-Event-ID"][0]


@pytest.mark.parametrize("short", ["1", "1-0"])
def test_what_is_left_out_of_an_id_counts_as_0(
    client: FlaskClient, database: ExecutionsDatabase, short: str
) -> None:
    path = path_of(database.add_failed(attempts=1))
    whole = client.get(path, headers={"Last-Event-ID": "1-0-0"}).text
    assert "part" in whole
    assert client.get(path, headers={"Last-Event-ID": short}).text == whole


def test_a_reader_that_vanished_is_forgotten(
    start_api: StartApi, running: RunRequested, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution_api.streaming.stream.CHECK_SECONDS", 0.05)
    api = start_api()
    waiters = parts(api).waiters
    with serving(api.app) as port:
        with OpenStream(port, path_of(running)) as reader:
            eventually(lambda: reader.reading.statuses)
            assert waiters.has_waiters(running.execution_id)
        eventually(lambda: not waiters.has_waiters(running.execution_id))


def test_a_process_that_stops_ends_its_streams_and_they_go_on_elsewhere(
    start_api: StartApi, running: RunRequested
) -> None:
    leaving = start_api()
    with serving(leaving.app) as port, OpenStream(port, path_of(running)) as reader:
        eventually(lambda: reader.reading.statuses)
        leaving.begin_shutdown()
        assert reader.wait_for_end().end is None


def test_readers_hold_no_database_connection(
    start_server: StartServer, database: ExecutionsDatabase, amqp_url: str
) -> None:
    port = start_server(database_pool_size=1)
    requests = [database.add() for _ in range(8)]
    with running_collector(database.url, amqp_url), ExitStack() as readers:
        opened = [readers.enter_context(OpenStream(port, path_of(each))) for each in requests]
        vhosts.publish(
            amqp_url, *(envelopes.event(finished(each, stdout="42"), None) for each in requests)
        )
        assert {reader.wait_for_end().output["stdout"] for reader in opened} == {"42"}


def test_without_a_broker_progress_and_end_are_noticed_all_the_same(
    start_server: StartServer, database: ExecutionsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "execution_api.executions.missed_event_poller.DISCONNECTED_POLL_SECONDS", 0.05
    )
    port = start_server(amqp_url=NO_BROKER)
    request = database.add()
    with OpenStream(port, path_of(request)) as reader:
        eventually(lambda: reader.reading.statuses == [("QUEUED", 0)])
        database.run("UPDATE executions SET status = 'RUNNING', attempts = 1")
        eventually(lambda: reader.reading.statuses[1:] == [("RUNNING", 1)])
        database.run("UPDATE executions SET status = 'COMPLETED', stdout = '42', stderr = ''")
        reading = reader.wait_for_end()
    assert reading.output["stdout"] == "42"


def test_asking_only_for_the_headers_does_not_wait(
    client: FlaskClient, running: RunRequested
) -> None:
    begun = time.monotonic()
    assert client.head(path_of(running)).status_code == 200
    assert time.monotonic() - begun < 60


def test_the_document_describes_the_stream(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    operation = document["paths"]["/executions/{execution_id}/stream"]["get"]
    assert list(operation["responses"]["200"]["content"]) == ["text/event-stream"]
    assert {"404", "422", "503"} <= set(operation["responses"])
    header = next(each for each in operation["parameters"] if each["in"] == "header")
    assert header["name"] == "Last-Event-ID"
    assert json.dumps(header)
