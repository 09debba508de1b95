import dataclasses
from collections.abc import Callable
from concurrent.futures import Future
from uuid import uuid4

import pytest

from runlet import messages, topology
from runlet.execution import ExecutionResult, Reason, Status
from runlet.languages import PYTHON
from runlet.limits import Limits
from runlet.messages import (
    CancelRequested,
    ExecutionFinished,
    ExecutionOutput,
    ExecutionStarted,
    RunRequested,
)
from runlet_amqp.consumer import Delivery
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
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
    StreamName,
)
from support.clocks import ManualClock
from support.telemetry.metrics import rise


class RecordingPublisher:
    def __init__(self) -> None:
        self.sent: list[Envelope] = []
        self.refusals = 0

    def publish(self, message: Envelope) -> "Future[None]":
        future: Future[None] = Future()
        if self.refusals:
            self.refusals -= 1
            future.set_exception(BrokerUnavailableError("away"))
        else:
            self.sent.append(message)
            future.set_result(None)
        return future

    def exchanges(self) -> list[str]:
        return [message.exchange for message in self.sent]


PLACEMENT = Placement(ManualClock().now(), "runlet-sandbox-1", "runlet/runtime-python")
CANCELLED = Outcome(Reason.CANCELLED, ExecutionResult(stdout="so far\n"), PLACEMENT)


class ScriptedSandbox(Sandbox):
    def __init__(self) -> None:
        self.outcome = Outcome(None, ExecutionResult(stdout="42\n", exit_code=0), PLACEMENT)
        self.fault: str | None = None
        self.is_short = True
        self.is_away = False
        self.programs: list[Program] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.printed: list[tuple[StreamName, int, str]] = []
        self.arrivals: list[Future[None]] = []

    def run(self, program: Program, observer: RunObserver, token: CancellationToken) -> Outcome:
        if token.is_cancelled:
            return dataclasses.replace(CANCELLED, placement=None)
        self.programs.append(program)
        if not self.is_short:
            observer.running(PLACEMENT)
        self.meanwhile()
        if self.fault:
            raise SandboxUnavailableError(self.fault)
        for piece in self.printed:
            self.arrivals.append(observer.printed(*piece))
        return CANCELLED if token.is_cancelled else self.outcome

    def is_available(self) -> bool:
        return not self.is_away

    def wait_until_available(self, seconds: float) -> bool:
        return not self.is_away


class Bench:
    """A handler among doubles."""

    def __init__(self) -> None:
        self.publisher = RecordingPublisher()
        self.sandbox = ScriptedSandbox()
        self.settled: list[Delivery] = []
        self.cancellations = Cancellations()
        self.clock = ManualClock()
        self.use(self.sandbox)

    def use(self, sandbox: Sandbox) -> None:
        self.handler = RunHandler(
            {"python": PYTHON},
            sandbox,
            EventPublisher(self.publisher),
            self.cancellations,
            self.settled.extend,
            self.clock,
            "runner-1",
        )

    def events(self) -> list[messages.Message]:
        return [messages.decode(message.type, message.body) for message in self.publisher.sent]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def request(attempt: int = 1) -> RunRequested:
    return RunRequested(
        execution_id=uuid4(),
        session_id=uuid4(),
        language="python",
        source_code="print(42)",
        limits=Limits(1000, 64, 4096),
        queued_at=ManualClock().now(),
        attempt=attempt,
    )


def cancellation(request: RunRequested) -> CancelRequested:
    """A cancellation of this attempt."""
    return CancelRequested(request.execution_id, request.queued_at, request.attempt)


def delivery(message: RunRequested, earlier: int = 0) -> Delivery:
    return Delivery(
        queue="runs.python",
        tag=1,
        connection_generation=1,
        type="run.requested.v1",
        body=messages.encode(message),
        correlation_id=str(message.execution_id),
        headers={"x-delivery-count": earlier} if earlier else {},
    )


def test_a_run_that_lasts_is_published_started_then_finished_and_only_then_acknowledged(
    bench: Bench,
) -> None:
    incoming = delivery(request())
    bench.sandbox.is_short = False

    bench.handler.handle(incoming)

    started, finished = bench.events()
    assert isinstance(started, ExecutionStarted)
    assert isinstance(finished, ExecutionFinished)
    assert (finished.status, finished.reason, finished.attempt) == (Status.COMPLETED, None, 1)
    assert finished.result.stdout == "42\n"
    assert bench.settled == [incoming]


def test_one_message_says_all_of_a_short_run(bench: Bench) -> None:
    bench.handler.handle(delivery(request()))

    (finished,) = bench.events()
    assert isinstance(finished, ExecutionFinished)
    assert finished.started_at == PLACEMENT.started_at
    assert (finished.runner, finished.container, finished.image) == (
        "runner-1",
        "runlet-sandbox-1",
        "runlet/runtime-python",
    )


def test_a_run_that_starts_over_is_published_started_once(bench: Bench) -> None:
    class StartingOver(ScriptedSandbox):
        def run(self, program: Program, observer: RunObserver, token: CancellationToken) -> Outcome:
            observer.running(PLACEMENT)
            observer.running(PLACEMENT)
            return self.outcome

    bench.use(StartingOver())

    bench.handler.handle(delivery(request()))

    started, finished = bench.events()
    assert isinstance(started, ExecutionStarted)
    assert isinstance(finished, ExecutionFinished)


def test_what_a_program_prints_is_published_between_its_start_and_its_end(bench: Bench) -> None:
    bench.sandbox.is_short = False
    bench.sandbox.printed = [("stdout", 0, "4"), ("stderr", 0, "!"), ("stdout", 1, "2")]
    running = request(attempt=3)

    bench.handler.handle(delivery(running))

    started, *printed, finished = bench.events()
    assert isinstance(started, ExecutionStarted)
    assert printed == [
        ExecutionOutput(running.execution_id, 3, "stdout", 0, "4"),
        ExecutionOutput(running.execution_id, 3, "stderr", 0, "!"),
        ExecutionOutput(running.execution_id, 3, "stdout", 1, "2"),
    ]
    assert isinstance(finished, ExecutionFinished)
    assert {sent.routing_key for sent in bench.publisher.sent[1:4]} == {topology.OUTPUT}
    assert not any(sent.must_route for sent in bench.publisher.sent[1:4])


def test_the_sandbox_learns_that_a_piece_did_not_arrive(bench: Bench) -> None:
    bench.sandbox.printed = [("stdout", 0, "4"), ("stdout", 0, "4")]
    bench.sandbox.meanwhile = lambda: setattr(bench.publisher, "refusals", 1)

    bench.handler.handle(delivery(request()))

    lost, arrived = bench.sandbox.arrivals
    assert isinstance(lost.exception(), BrokerUnavailableError)
    assert arrived.exception() is None


def test_the_source_is_laid_under_the_name_of_its_language(bench: Bench) -> None:
    bench.handler.handle(delivery(request()))

    (program,) = bench.sandbox.programs
    assert [(file.name, file.content) for file in program.files] == [("main.py", b"print(42)")]


def test_a_program_that_fails_is_finished_not_retried(bench: Bench) -> None:
    bench.sandbox.outcome = Outcome(Reason.NONZERO_EXIT, ExecutionResult(exit_code=3))

    bench.handler.handle(delivery(request()))

    finished = bench.events()[-1]
    assert isinstance(finished, ExecutionFinished)
    assert (finished.status, finished.reason) == (Status.FAILED, Reason.NONZERO_EXIT)
    assert topology.RETRY not in bench.publisher.exchanges()


def test_a_result_is_told_again_until_the_broker_has_it(bench: Bench) -> None:
    incoming = delivery(request())
    bench.publisher.refusals = 2

    bench.handler.handle(incoming)

    assert isinstance(bench.events()[-1], ExecutionFinished)
    assert bench.settled == [incoming]


@pytest.mark.parametrize(("attempt", "delay"), [(1, 2), (2, 4), (3, 8)])
def test_a_fault_of_the_platform_delays_the_request_and_counts_the_attempt(
    bench: Bench, attempt: int, delay: int
) -> None:
    bench.sandbox.fault = "The container engine failed: away."
    incoming = delivery(request(attempt))

    bench.handler.handle(incoming)

    retrying, again = bench.publisher.sent
    assert retrying.routing_key == topology.RETRYING
    assert (again.exchange, again.headers[topology.DELAY_HEADER]) == (topology.RETRY, delay)
    following = messages.decode(again.type, again.body)
    assert isinstance(following, RunRequested)
    assert following.attempt == attempt + 1
    assert bench.settled == [incoming]


def test_what_waits_for_an_engine_that_is_away_returns_to_its_queue_without_an_attempt(
    bench: Bench,
) -> None:
    bench.sandbox.is_away = True
    incoming = delivery(request(attempt=2), earlier=1)

    bench.handler.handle(incoming)

    (returned,) = bench.publisher.sent
    again = messages.decode(returned.type, returned.body)
    assert (returned.exchange, returned.routing_key) == (topology.RUNS, "python")
    assert isinstance(again, RunRequested)
    assert again.attempt == 3
    assert not bench.sandbox.programs
    assert bench.settled == [incoming]


def test_a_program_that_never_started_because_the_engine_went_away_costs_no_attempt(
    bench: Bench,
) -> None:
    bench.sandbox.fault = "The container engine failed: away."
    bench.sandbox.meanwhile = lambda: setattr(bench.sandbox, "is_away", True)

    bench.handler.handle(delivery(request(attempt=4)))

    (returned,) = bench.publisher.sent
    assert returned.exchange == topology.RUNS


def test_a_program_that_ran_when_the_engine_went_away_is_another_attempt(bench: Bench) -> None:
    bench.sandbox.is_short = False
    bench.sandbox.fault = "The agent of the container did not report in time."
    bench.sandbox.meanwhile = lambda: setattr(bench.sandbox, "is_away", True)

    bench.handler.handle(delivery(request()))

    assert bench.publisher.exchanges() == [topology.RESULTS, topology.RESULTS, topology.RETRY]


def test_what_was_cancelled_does_not_wait_for_the_engine(bench: Bench) -> None:
    cancelled = request()
    bench.cancellations.cancel(cancellation(cancelled))
    bench.sandbox.is_away = True

    bench.handler.handle(delivery(cancelled))

    (finished,) = bench.events()
    assert isinstance(finished, ExecutionFinished)
    assert finished.status is Status.CANCELLED


def test_after_the_last_delay_the_request_is_dead_lettered_with_what_went_wrong(
    bench: Bench,
) -> None:
    bench.sandbox.fault = "The container engine failed: away."

    bench.handler.handle(delivery(request(attempt=4)))

    (letter,) = bench.publisher.sent
    assert letter.exchange == topology.DEAD_EXCHANGE
    assert "engine failed" in str(letter.headers[topology.REASON_HEADER])
    assert "4 times" in str(letter.headers[topology.REASON_HEADER])


def test_a_delivery_that_took_runners_with_it_counts_as_attempts(bench: Bench) -> None:
    bench.handler.handle(delivery(request(), earlier=2))

    (finished,) = bench.events()
    assert isinstance(finished, ExecutionFinished)
    assert finished.attempt == 3


@pytest.mark.parametrize(
    "change",
    [
        {"type": "run.requested.v9"},
        {"type": None},
        {"body": b"{"},
        {"body": b"\xff\xfe"},
        {"type": "execution.started.v1"},
    ],
)
def test_a_message_that_cannot_be_read_is_dead_lettered_as_it_came(
    bench: Bench, change: dict[str, object]
) -> None:
    incoming = dataclasses.replace(delivery(request()), **change)  # type: ignore[arg-type]

    bench.handler.handle(incoming)

    (letter,) = bench.publisher.sent
    assert letter.exchange == topology.DEAD_EXCHANGE
    assert letter.body == incoming.body
    assert letter.headers[topology.REASON_HEADER]
    assert bench.settled == [incoming]
    assert not bench.sandbox.programs


def test_a_request_that_was_sent_out_again_has_all_its_retries(bench: Bench) -> None:
    bench.sandbox.fault = "The container engine failed: away."
    again = dataclasses.replace(request(attempt=5), first_attempt=5)

    bench.handler.handle(delivery(again))

    (retried,) = [sent for sent in bench.publisher.sent if sent.exchange == topology.RETRY]
    assert retried.headers[topology.DELAY_HEADER] == 2


def test_a_dead_lettered_request_names_the_attempt_that_failed(bench: Bench) -> None:
    bench.sandbox.fault = "The container engine failed: away."

    bench.handler.handle(delivery(request(attempt=2), earlier=2))

    letter = bench.publisher.sent[-1]
    assert letter.exchange == topology.DEAD_EXCHANGE
    dead_lettered = messages.decode(letter.type, letter.body)
    assert isinstance(dead_lettered, RunRequested)
    assert dead_lettered.attempt == 4


def test_what_was_cancelled_before_its_delivery_is_not_started(bench: Bench) -> None:
    cancelled = request()
    bench.cancellations.cancel(cancellation(cancelled))
    incoming = delivery(cancelled)

    bench.handler.handle(incoming)

    (finished,) = bench.events()
    assert isinstance(finished, ExecutionFinished)
    assert (finished.status, finished.reason) == (Status.CANCELLED, Reason.CANCELLED)
    assert finished.started_at is None
    assert not bench.sandbox.programs
    assert bench.settled == [incoming]


def test_what_is_cancelled_while_it_runs_ends_cancelled_with_its_output(bench: Bench) -> None:
    running = request()
    bench.sandbox.meanwhile = lambda: bench.cancellations.cancel(cancellation(running))

    bench.handler.handle(delivery(running))

    finished = bench.events()[-1]
    assert isinstance(finished, ExecutionFinished)
    assert (finished.status, finished.result.stdout) == (Status.CANCELLED, "so far\n")
    assert finished.started_at is not None


def test_what_was_cancelled_is_not_tried_again_when_the_platform_fails(bench: Bench) -> None:
    running = request()
    bench.sandbox.fault = "The container engine failed: away."
    bench.sandbox.meanwhile = lambda: bench.cancellations.cancel(cancellation(running))

    bench.handler.handle(delivery(running))

    (finished,) = bench.events()
    assert isinstance(finished, ExecutionFinished)
    assert finished.status is Status.CANCELLED
    assert topology.RETRY not in bench.publisher.exchanges()


def test_what_is_cancelled_between_two_attempts_ends_with_the_next(bench: Bench) -> None:
    waiting = request()
    bench.sandbox.fault = "The container engine failed: away."
    bench.handler.handle(delivery(waiting))
    bench.cancellations.cancel(cancellation(waiting))

    bench.handler.handle(delivery(dataclasses.replace(waiting, attempt=2)))

    finished = bench.events()[-1]
    assert isinstance(finished, ExecutionFinished)
    assert (finished.status, finished.attempt) == (Status.CANCELLED, 2)


def test_a_language_this_runner_does_not_know_is_dead_lettered(bench: Bench) -> None:
    bench.handler.handle(delivery(dataclasses.replace(request(), language="cobol")))

    (letter,) = bench.publisher.sent
    assert "cobol" in str(letter.headers[topology.REASON_HEADER])


def test_waiting_for_a_start_and_running_are_measured_apart(bench: Bench) -> None:
    waited = rise("runlet_run_queue_seconds_sum", language="python")
    ran = rise("runlet_run_seconds_sum", language="python")
    runs = rise("runlet_run_seconds_count", language="python")
    queued = request()
    bench.clock.move(2)
    placement = dataclasses.replace(PLACEMENT, started_at=bench.clock.now())
    bench.sandbox.outcome = dataclasses.replace(bench.sandbox.outcome, placement=placement)
    bench.sandbox.meanwhile = lambda: bench.clock.move(0.5)

    bench.handler.handle(delivery(queued))

    assert waited() == pytest.approx(2)
    assert ran() == pytest.approx(0.5)
    assert runs() == 1


def test_what_did_not_start_has_no_duration(bench: Bench) -> None:
    starts = rise("runlet_run_queue_seconds_count", language="python")
    runs = rise("runlet_run_seconds_count", language="python")
    retries = rise("runlet_run_retries_total", language="python")
    bench.sandbox.fault = "The container engine failed."

    bench.handler.handle(delivery(request()))

    assert (starts(), runs(), retries()) == (0, 0, 1)


def test_the_attempt_after_which_a_run_is_given_up_is_no_retry(bench: Bench) -> None:
    retries = rise("runlet_run_retries_total", language="python")
    bench.sandbox.fault = "The container engine failed."
    last = dataclasses.replace(request(attempt=4), first_attempt=1)

    bench.handler.handle(delivery(last))

    assert retries() == 0
