"""One request from its delivery to its settled end."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from functools import partial

import structlog

from runlet import messages
from runlet.clock import Clock
from runlet.execution import ExecutionResult, Reason, status_for
from runlet.languages import Language
from runlet.messages import ExecutionOutput, InvalidMessageError, RunRequested
from runlet.topology import RETRY_DELAYS_SECONDS
from runlet_amqp import envelopes
from runlet_amqp.consumer import Delivery
from runlet_telemetry import tracing
from runlet_telemetry.metrics import RUN_QUEUE_SECONDS, RUN_RETRIES, RUN_SECONDS
from runner.consume.cancellations import Cancellations
from runner.consume.event_publisher import Reporter
from runner.consume.request_decoding import program_from, request_from
from runner.consume.start_announcement import Start
from runner.sandbox.cancellation_token import StopRequest
from runner.sandbox.interface import Outcome, Sandbox, SandboxUnavailableError, StreamName

log = structlog.get_logger()

CANCELLED = Outcome(Reason.CANCELLED, ExecutionResult())


class RunHandler:
    """Runs what a delivery asks for, publishes what happened, and only then settles it.

    A message that cannot be run goes to the dead letters; a fault of the platform puts the request
    into the delay queues, and after the last of them to the dead letters too. What was cancelled
    is not started, not run to its end and not tried again.
    """

    def __init__(
        self,
        languages: Mapping[str, Language],
        sandbox: Sandbox,
        reporter: Reporter,
        cancellations: Cancellations,
        settle: Callable[[Sequence[Delivery]], None],
        clock: Clock,
        runner: str,
    ) -> None:
        self._languages = languages
        self._sandbox = sandbox
        self._reporter = reporter
        self._cancellations = cancellations
        self._settle = settle
        self._clock = clock
        self._runner = runner

    def handle(self, delivery: Delivery) -> None:
        """Work one delivery off. Raises BrokerUnavailableError when the end cannot be told."""
        try:
            request = self._read(delivery)
        except InvalidMessageError as error:
            self._bury(delivery, delivery.body, str(error))
            return
        tracing.note({"runlet.language": request.language, "runlet.attempt": request.attempt})
        with (
            structlog.contextvars.bound_contextvars(
                execution_id=str(request.execution_id),
                session_id=str(request.session_id),
                attempt=request.attempt,
            ),
            self._cancellations.watch(request) as stop,
        ):
            self._attempt(request, delivery, stop)

    def _read(self, delivery: Delivery) -> RunRequested:
        request = request_from(delivery)
        if request.language not in self._languages:
            raise InvalidMessageError(f"This runner does not know the language {request.language}.")
        return request

    def _attempt(self, request: RunRequested, delivery: Delivery, stop: StopRequest) -> None:
        start = Start(self._clock, partial(self._tell_started, request, delivery))

        def on_output(stream: StreamName, offset: int, text: str) -> "Future[None]":
            printed = ExecutionOutput(request.execution_id, request.attempt, stream, offset, text)
            return self._reporter.offer(envelopes.output(printed, delivery.traceparent))

        def on_start() -> None:
            self._note_started(request, start.note())

        try:
            program = program_from(request, self._languages[request.language])
            outcome = self._sandbox.run(program, on_start, start.tell, on_output, stop)
        except InvalidMessageError as error:
            self._bury(delivery, messages.encode(request), str(error))
        except SandboxUnavailableError as error:
            start.tell()
            if stop.asked:
                self._finish(request, delivery, CANCELLED, start.at)
            else:
                self._retry_or_bury(request, delivery, str(error))
        else:
            start.tell()
            self._finish(request, delivery, outcome, start.at)

    def _note_started(self, request: RunRequested, at: datetime) -> None:
        waited = (at - request.queued_at).total_seconds()
        RUN_QUEUE_SECONDS.labels(request.language).observe(max(0.0, waited))
        # The collector logs what is stored; a line from each would cost as much as a statement.
        log.debug("execution_started", status="RUNNING", queued_at=request.queued_at.isoformat())

    def _tell_started(self, request: RunRequested, delivery: Delivery, at: datetime) -> None:
        started = messages.ExecutionStarted(
            request.execution_id, request.session_id, request.attempt, at, self._runner
        )
        self._reporter.mention(envelopes.event(started, delivery.traceparent))

    def _finish(
        self,
        request: RunRequested,
        delivery: Delivery,
        outcome: Outcome,
        started_at: datetime | None,
    ) -> None:
        now = self._clock.now()
        status = status_for(outcome.reason)
        finished = messages.ExecutionFinished(
            execution_id=request.execution_id,
            session_id=request.session_id,
            attempt=request.attempt,
            status=status,
            reason=outcome.reason,
            started_at=started_at,
            finished_at=now,
            result=outcome.result,
            language=request.language,
        )
        tracing.note({"runlet.status": status, "runlet.reason": outcome.reason})
        self._reporter.tell(envelopes.event(finished, delivery.traceparent))
        self._settle([delivery])
        if started_at is not None:
            RUN_SECONDS.labels(request.language).observe((now - started_at).total_seconds())
        log.debug(
            "execution_finished",
            status=status,
            reason=outcome.reason,
            started_at=started_at and started_at.isoformat(),
            finished_at=now.isoformat(),
        )

    def _retry_or_bury(self, request: RunRequested, delivery: Delivery, problem: str) -> None:
        retries = request.attempt - request.first_attempt
        if retries >= len(RETRY_DELAYS_SECONDS):
            reason = f"{problem} It was tried {retries + 1} times."
            self._bury(delivery, messages.encode(request), reason)
            return
        tracing.note({"runlet.outcome": "retrying"})
        delay = RETRY_DELAYS_SECONDS[retries]
        retrying = messages.ExecutionRetrying(
            request.execution_id,
            request.session_id,
            request.attempt,
            self._clock.now(),
            problem,
            delay,
        )
        self._reporter.mention(envelopes.event(retrying, delivery.traceparent))
        again = dataclasses.replace(request, attempt=request.attempt + 1)
        self._reporter.tell(envelopes.delayed_run_request(again, delay, delivery.traceparent))
        self._settle([delivery])
        RUN_RETRIES.labels(request.language).inc()
        log.warning("execution_retrying", status="QUEUED", problem=problem, delay_seconds=delay)

    def _bury(self, delivery: Delivery, body: bytes, reason: str) -> None:
        tracing.note({"runlet.outcome": "dead_lettered"})
        letter = envelopes.dead_letter(
            delivery.type, body, delivery.correlation_id, reason, delivery.traceparent
        )
        self._reporter.tell(letter)
        self._settle([delivery])
        log.error("request_buried", execution_id=delivery.correlation_id, reason=reason)
