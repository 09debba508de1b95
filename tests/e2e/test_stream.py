"""Following executions through the gateway."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from support.deployments.api_client import Platform
from support.http.event_streams import Reading, ServerSent, parse, read_all

# Long enough for a reader to hear the beginning while the end is still far.
SLOW = "import time\nprint('begun', flush=True)\ntime.sleep(4)\nprint('über €')\n"


@contextmanager
def stream(
    platform: Platform, execution_id: str, last_id: str | None = None
) -> Iterator[Iterator[ServerSent]]:
    """The events of an execution, as they arrive."""
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    path = f"/executions/{execution_id}/stream"
    with platform.call("GET", path, headers=headers, stream=True) as answer:
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        yield parse(answer.iter_content(None))


def read_until_output(events: Iterator[ServerSent], reading: Reading) -> None:
    """Read as far as the first output."""
    for event in events:
        reading.take(event)
        if event.name == "stdout":
            return
    raise AssertionError(f"There was no output: {reading}")


def test_output_arrives_while_the_program_runs_and_the_end_is_what_a_read_says(
    platform: Platform,
) -> None:
    execution_id = platform.start(platform.open_session(SLOW))
    reading = Reading()
    with stream(platform, execution_id) as events:
        read_until_output(events, reading)
        meanwhile = platform.call("GET", f"/executions/{execution_id}").json()["status"]
        for event in events:
            reading.take(event)

    assert meanwhile == "RUNNING"
    assert reading.statuses[-1] == ("RUNNING", 1)
    assert reading.output == {"stdout": "begun\nüber €\n", "stderr": ""}
    assert reading.end == platform.call("GET", f"/executions/{execution_id}").json()


def test_a_reader_that_lost_its_connection_goes_on_where_it_was(gateway: Platform) -> None:
    execution_id = gateway.start(gateway.open_session(SLOW))
    reading = Reading()
    with stream(gateway, execution_id) as events:
        read_until_output(events, reading)
    with stream(gateway, execution_id, reading.last_id) as events:
        for event in events:
            reading.take(event)

    assert reading.output["stdout"] == "begun\nüber €\n"
    assert reading.end is not None


def test_a_reader_that_comes_when_all_is_over_gets_all_of_it(gateway: Platform) -> None:
    execution = gateway.run("import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)")
    path = f"/executions/{execution['execution_id']}/stream"

    reading = read_all([gateway.call("GET", path).content])

    assert reading.output == {"stdout": "out\n", "stderr": "err\n"}
    assert reading.end == execution


def test_what_cannot_be_followed_is_refused(gateway: Platform) -> None:
    execution = gateway.run("print(1)")
    path = f"/executions/{execution['execution_id']}/stream"

    assert gateway.call("GET", f"/executions/{uuid4()}/stream").status_code == 404
    odd = gateway.call("GET", path, headers={"Last-Event-ID": "yesterday"})
    assert (odd.status_code, list(odd.json()["errors"])) == (422, ["Last-Event-ID"])
