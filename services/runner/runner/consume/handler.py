"""One request from its delivery to its acknowledged end."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

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
from runner.consume.event_publisher import EventPublisher
from runner.consume.request_decoding import program_from, request_from
from runner.sandbox.cancellation_token import CancellationToken
from runner.sandbox.interface import (
    Outcome,
    Placement,
    Sandbox,
    SandboxUnavailableError,
    StreamName,
)

log = structlog.get_logger()

# How long a request waits in this runner for its engine before other runners may have it.
ENGINE_WAIT_SECONDS = 10.0


class RunHandler:
    """Runs what a delivery asks for, publishes what happened, and only then acknowledges it.

    A message that cannot be run goes to the dead letters; a fault of the platform puts the request
    into the delay queues, and after the last of them to the dead letters too. While the sandbox is
    not available nothing is started: the request returns to its queue, which costs it no attempt.
    What was cancelled is not started, not run to its end and not tried again.
    """

    def __init__(
        self,
        languages: Mapping[str, Language],
        sandbox: Sandbox,
        publisher: EventPublisher,
        cancellations: Cancellations,
        acknowledge: Callable[[Sequence[Delivery]], None],
        clock: Clock,
        runner: str,
    ) -> None:
        self._languages = languages
        self._sandbox = sandbox
        self._publisher = publisher
        self._cancellations = cancellations
        self._acknowledge = acknowledge
        self._clock = clock
        self._runner = runner

    def handle(self, delivery: Delivery) -> None:
        """Work one delivery off. Raises BrokerUnavailableError when its end cannot be published."""
        try:
            request = self._read(delivery)
        except InvalidMessageError as error:
            self._dead_letter(delivery, delivery.body, str(error))
            return
        tracing.note({"runlet.language": request.language, "runlet.attempt": request.attempt})
        with (
            structlog.contextvars.bound_contextvars(
                execution_id=str(request.execution_id),
                session_id=str(request.session_id),
                attempt=request.attempt,
            ),
            self._cancellations.watch(request) as token,
        ):
            self._attempt(request, delivery, token)

    def _read(self, delivery: Delivery) -> RunRequested:
        request = request_from(delivery)
        if request.language not in self._languages:
            raise InvalidMessageError(f"This runner does not know the language {request.language}.")
        return request

    def _attempt(self, request: RunRequested, delivery: Delivery, token: CancellationToken) -> None:
        observer = _AttemptObserver(request, delivery, self._publisher, self._runner)
        try:
            program = program_from(request, self._languages[request.language])
            if not token.is_cancelled:
                self._wait_for_sandbox()
            outcome = self._sandbox.run(program, observer, token)
        except InvalidMessageError as error:
            self._dead_letter(delivery, messages.encode(request), str(error))
        except SandboxUnavailableError as error:
            self._handle_fault(request, delivery, observer.placement, token, str(error))
        else:
            self._finish(request, delivery, outcome)

    def _wait_for_sandbox(self) -> None:
        if not self._sandbox.wait_until_available(ENGINE_WAIT_SECONDS):
            raise SandboxUnavailableError("The container engine does not answer.")

    def _handle_fault(
        self,
        request: RunRequested,
        delivery: Delivery,
        placement: Placement | None,
        token: CancellationToken,
        problem: str,
    ) -> None:
        if token.is_cancelled:
            cancelled = Outcome(Reason.CANCELLED, ExecutionResult(), placement)
            self._finish(request, delivery, cancelled)
        elif placement is None and not self._sandbox.is_available():
            self._return(request, delivery, problem)
        else:
            self._retry_or_dead_letter(request, delivery, problem)

    def _finish(self, request: RunRequested, delivery: Delivery, outcome: Outcome) -> None:
        now, placement = self._clock.now(), outcome.placement
        status = status_for(outcome.reason)
        finished = messages.ExecutionFinished(
            execution_id=request.execution_id,
            session_id=request.session_id,
            attempt=request.attempt,
            status=status,
            reason=outcome.reason,
            started_at=placement.started_at if placement else None,
            finished_at=now,
            result=outcome.result,
            language=request.language,
            runner=self._runner,
            container=placement.container if placement else "",
            image=placement.image if placement else "",
        )
        tracing.note({"runlet.status": status, "runlet.reason": outcome.reason})
        self._publisher.publish_confirmed(envelopes.event(finished, delivery.traceparent))
        self._acknowledge([delivery])
        if placement:
            waited = (placement.started_at - request.queued_at).total_seconds()
            RUN_QUEUE_SECONDS.labels(request.language).observe(max(0.0, waited))
            ran = (now - placement.started_at).total_seconds()
            RUN_SECONDS.labels(request.language).observe(ran)
        # The collector logs what is stored; a line from each would cost as much as a statement.
        log.debug("execution_finished", status=status, reason=outcome.reason)

    def _return(self, request: RunRequested, delivery: Delivery, problem: str) -> None:
        """Put a request that was not started back under the same attempt."""
        tracing.note({"runlet.outcome": "returned"})
        again = envelopes.run_request(request, delivery.traceparent)
        self._publisher.publish_confirmed(again)
        self._acknowledge([delivery])
        log.warning("request_returned", problem=problem)

    def _retry_or_dead_letter(
        self, request: RunRequested, delivery: Delivery, problem: str
    ) -> None:
        retries = request.attempt - request.first_attempt
        if retries >= len(RETRY_DELAYS_SECONDS):
            reason = f"{problem} It was tried {retries + 1} times."
            self._dead_letter(delivery, messages.encode(request), reason)
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
        self._publisher.publish_best_effort(envelopes.event(retrying, delivery.traceparent))
        again = dataclasses.replace(request, attempt=request.attempt + 1)
        self._publisher.publish_confirmed(
            envelopes.delayed_run_request(again, delay, delivery.traceparent)
        )
        self._acknowledge([delivery])
        RUN_RETRIES.labels(request.language).inc()
        log.warning("execution_retrying", status="QUEUED", problem=problem, delay_seconds=delay)

    def _dead_letter(self, delivery: Delivery, body: bytes, reason: str) -> None:
        tracing.note({"runlet.outcome": "dead_lettered"})
        letter = envelopes.dead_letter(
            delivery.type, body, delivery.correlation_id, reason, delivery.traceparent
        )
        self._publisher.publish_confirmed(letter)
        self._acknowledge([delivery])
        log.error("request_dead_lettered", execution_id=delivery.correlation_id, reason=reason)


class _AttemptObserver:
    """Publishes what happens during one attempt; see runner.sandbox.interface.RunObserver."""

    def __init__(
        self, request: RunRequested, delivery: Delivery, publisher: EventPublisher, runner: str
    ) -> None:
        self._request = request
        self._delivery = delivery
        self._publisher = publisher
        self._runner = runner
        self.placement: Placement | None = None

    def running(self, placement: Placement) -> None:
        if self.placement is None:
            started = messages.ExecutionStarted(
                self._request.execution_id,
                self._request.session_id,
                self._request.attempt,
                placement.started_at,
                self._runner,
                placement.container,
                placement.image,
            )
            event = envelopes.event(started, self._delivery.traceparent)
            self._publisher.publish_best_effort(event)
        self.placement = placement

    def printed(self, stream: StreamName, offset: int, text: str) -> "Future[None]":
        printed = ExecutionOutput(
            self._request.execution_id, self._request.attempt, stream, offset, text
        )
        return self._publisher.publish(envelopes.output(printed, self._delivery.traceparent))
