"""What the trace of a run says of an attempt, and how the messages that follow belong to it."""

from concurrent.futures import Future
from uuid import uuid4

import pytest

from runlet import messages, topology
from runlet.execution import ExecutionResult, Reason
from runlet.languages import PYTHON
from runlet.limits import Limits
from runlet.messages import RunRequested
from runlet_amqp import delivery_tracing
from runlet_amqp.consumer import Delivery
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
from runlet_telemetry import tracing
from runner.consume.cancellations import Cancellations
from runner.consume.event_publisher import EventPublisher
from runner.consume.handler import RunHandler
from runner.sandbox.cancellation_token import CancellationToken
from runner.sandbox.interface import (
    Outcome,
    Placement,
    Program,
    RunObserver,
    Sandbox,
    SandboxUnavailableError,
)
from support.clocks import ManualClock
from support.telemetry.tracers import RecordingTracer

CALLER = f"00-{'ab' * 16}-{'cd' * 8}-01"
BROKEN = "The engine is away: print('a program')"


class Line:
    """Takes what is published."""

    def __init__(self) -> None:
        self.sent: list[Envelope] = []
        self.is_down = False

    def publish(self, message: Envelope) -> "Future[None]":
        """Take a message, or refuse it."""
        self.sent.append(message)
        future: Future[None] = Future()
        if self.is_down:
            future.set_exception(BrokerUnavailableError("away"))
        else:
            future.set_result(None)
        return future


class OneStepSandbox(Sandbox):
    """Runs a program that prints and ends for `reason`, unless the engine is broken."""

    def __init__(self, reason: Reason | None = None, is_broken: bool = False) -> None:
        self._reason = reason
        self._is_broken = is_broken

    def run(self, program: Program, observer: RunObserver, token: CancellationToken) -> Outcome:
        """Run it, as a step of the run."""
        placement = Placement(ManualClock().now(), "runlet-sandbox-1", "runlet/runtime-python")
        with tracing.step("run the program"):
            if self._is_broken:
                raise SandboxUnavailableError(BROKEN)
            observer.running(placement)
            observer.printed("stdout", 0, "a piece")
        return Outcome(self._reason, ExecutionResult(stdout="a piece"), placement)

    def is_available(self) -> bool:
        """It always is."""
        return True

    def wait_until_available(self, seconds: float) -> bool:
        """It always is."""
        return True


def handle(sandbox: Sandbox, line: Line, attempt: int = 1, body: bytes = b"") -> RecordingTracer:
    """Handle a request, as one step of the caller's trace."""
    request = RunRequested(
        uuid4(), uuid4(), "python", "x", Limits(1000, 64, 4096), ManualClock().now()
    )
    delivery = Delivery(
        queue="runs.python",
        tag=1,
        connection_generation=1,
        type="run.requested.v1",
        body=body or messages.encode(request),
        correlation_id=str(request.execution_id),
        headers={"traceparent": CALLER, "x-delivery-count": attempt - 1},
    )
    handler = RunHandler(
        {"python": PYTHON},
        sandbox,
        EventPublisher(line),
        Cancellations(),
        lambda _settled: None,
        ManualClock(),
        "runner-1",
    )
    tracer = RecordingTracer()
    delivery_tracing.traced(tracer, "run", handler.handle)(delivery)
    return tracer


def test_an_attempt_says_what_ran_and_how_it_ended() -> None:
    tracer = handle(OneStepSandbox(Reason.TIME_LIMIT), Line())
    run = tracer.named("run runs.python")
    assert run.parent == CALLER
    told = {name: value for name, value in run.attributes.items() if name.startswith("runlet.")}
    del told["runlet.execution_id"]
    assert told == {
        "runlet.language": "python",
        "runlet.attempt": 1,
        "runlet.status": "TIMEOUT",
        "runlet.reason": "time_limit",
    }
    assert (run.ended, run.error) == (True, None)
    assert tracer.named("run the program").parent == run.traceparent


def test_everything_that_is_told_follows_from_the_attempt() -> None:
    line = Line()
    tracer = handle(OneStepSandbox(), line)
    types = [message.type for message in line.sent]
    assert types == ["execution.started.v1", "execution.output.v1", "execution.finished.v1"]
    run = tracer.named("run runs.python").traceparent
    assert {message.traceparent for message in line.sent} == {run}
    assert [message.is_step for message in line.sent] == [True, False, True]


@pytest.mark.parametrize(
    ("attempt", "exchange", "outcome"),
    [(1, topology.RETRY, "retrying"), (4, topology.DEAD_EXCHANGE, "dead_lettered")],
)
def test_what_the_platform_failed_goes_on_in_the_same_trace(
    attempt: int, exchange: str, outcome: str
) -> None:
    line = Line()
    tracer = handle(OneStepSandbox(is_broken=True), line, attempt)
    run = tracer.named("run runs.python")
    assert line.sent[-1].exchange == exchange
    assert {message.traceparent for message in line.sent} == {run.traceparent}
    assert run.attributes["runlet.outcome"] == outcome
    assert tracer.named("run the program").error == "SandboxUnavailableError"
    assert BROKEN not in repr(tracer.spans)


def test_what_cannot_be_read_is_buried_in_the_same_trace() -> None:
    line = Line()
    tracer = handle(OneStepSandbox(), line, body=b"nonsense")
    [letter] = line.sent
    assert letter.traceparent == tracer.named("run runs.python").traceparent


def test_an_end_that_cannot_be_told_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.consume.event_publisher.LONGEST_OUTAGE_SECONDS", 0)
    line = Line()
    line.is_down = True
    with pytest.raises(BrokerUnavailableError):
        handle(OneStepSandbox(), line)
