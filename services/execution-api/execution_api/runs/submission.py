"""Accepting a run: snapshot, one transaction, hand-over."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog

from execution_api.executions.repository import ExecutionRepository, KnownExecution, NewExecution
from execution_api.executions.waiters import Waiters
from execution_api.instrumentation import rejections_counted
from execution_api.outbox.outbox import Outbox, StoredRequest
from execution_api.runs import conflicts, loop_check, rate_limits, run_request
from execution_api.runs.backlog import Backlog
from execution_api.runs.loop_check import LoopGuard
from execution_api.runs.rate_limits import Cause, Claim, OverLimitError, RateLimitSettings
from execution_api.runs.run_request import RunBody
from execution_api.runs.session_client import Snapshot
from runlet import messages
from runlet.callback_hosts import AllowedHosts
from runlet.clock import Clock
from runlet.execution import FIRST_ATTEMPT, Status
from runlet.languages import Language
from runlet.limits import LimitSettings
from runlet.messages import RunRequested
from runlet_http.problems import ProblemError, invalid, unavailable
from runlet_telemetry.metrics import RUNS_ACCEPTED

log = structlog.get_logger()

# An active execution may end between the refused insert and the question which one it was.
INSERT_TRIES = 5


class Sessions(Protocol):
    """Where snapshots of sessions come from."""

    def fetch(self, session_id: UUID) -> Snapshot:
        """The session as it is now. Raises ProblemError when there is none to be had."""
        ...


@dataclass(frozen=True)
class RunCall:
    """One call to run a session's code."""

    session_id: UUID
    body: RunBody
    idempotency_key: str | None
    traceparent: str


@dataclass(frozen=True)
class AcceptedRun:
    """The execution a call led to: a new one, or the one its key made before."""

    execution_id: UUID
    status: Status


@dataclass(frozen=True)
class Acceptance:
    """Turns calls into executions."""

    sessions: Sessions
    repository: ExecutionRepository
    outbox: Outbox
    backlog: Backlog
    languages: Mapping[str, Language]
    settings: LimitSettings
    bounds: RateLimitSettings
    callback_hosts: AllowedHosts
    loop_guard: LoopGuard
    waiters: Waiters
    clock: Clock

    def accept(self, call: RunCall) -> AcceptedRun:
        """Store the run and send it on its way to a runner.

        Raises ProblemError with the answer for a call that cannot be accepted.
        """
        with rejections_counted():
            return self._accept(call)

    def _accept(self, call: RunCall) -> AcceptedRun:
        run_request.check_sizes(call.body, self.settings.max_source_bytes)
        run_request.check_callback(call.body, self.callback_hosts)
        if earlier := self._made_by_key(call):
            return _repeat(earlier, call)
        self.backlog.check()
        session = self.sessions.fetch(call.session_id)
        request = self._request(session, call.body)
        return self._insert(request, call, rate_limits.claim_for(session, self.bounds))

    def _made_by_key(self, call: RunCall) -> KnownExecution | None:
        if call.idempotency_key is None:
            return None
        return self.repository.find_by_key(call.session_id, call.idempotency_key)

    def _request(self, session: Snapshot, body: RunBody) -> RunRequested:
        if session.status != "ACTIVE":
            closed = "This code session is closed. Create a new session to run code."
            raise ProblemError(409, closed, cause=Cause.CLOSED)
        language = self.languages.get(session.language)
        if language is None:
            raise invalid(
                "language",
                f"{session.language} is not offered any more. "
                f"Change the session's language to one of: {', '.join(self.languages)}.",
            )
        return run_request.build(session, language, body, self.settings, self.clock.now())

    def _insert(self, request: RunRequested, call: RunCall, claim: Claim | None) -> AcceptedRun:
        body = messages.encode(request).decode()
        new = NewExecution(
            request,
            body,
            call.body.digest(),
            call.idempotency_key,
            call.traceparent,
            call.body.callback_url,
            loop_check.check(self.loop_guard, request.language, request.source_code),
        )
        for _ in range(INSERT_TRIES):
            if accepted := self._try_insert(new, call, claim):
                return accepted
        raise unavailable("This session's executions change too fast. Try the run again.", 1)

    def _try_insert(
        self, new: NewExecution, call: RunCall, claim: Claim | None
    ) -> AcceptedRun | None:
        try:
            inserted = self._store(new, claim)
        except OverLimitError as over:
            # An execution that is in the way, or is the one that is asked for, tells more.
            if earlier := self._competing(call):
                return _repeat(earlier, call)
            raise rate_limits.problem(over, self.bounds) from over
        if inserted:
            self._send(new)
            return AcceptedRun(new.request.execution_id, Status.QUEUED)
        earlier = self._competing(call)
        return _repeat(earlier, call) if earlier else None

    def _store(self, new: NewExecution, claim: Claim | None) -> bool:
        execution_id, inserted = new.request.execution_id, False
        # Before it is stored, as its end may be told at once.
        self.waiters.expect(execution_id)
        try:
            inserted = self.repository.insert(new, claim)
        finally:
            if not inserted:
                self.waiters.cease_to_expect(execution_id)
        return inserted

    def _competing(self, call: RunCall) -> KnownExecution | None:
        """The execution that the call's key made meanwhile.

        Raises ProblemError 409 when there is none but another execution is active.
        """
        key = call.idempotency_key
        competing = self.repository.find_competing(call.session_id, key)
        for known in competing:
            if key is not None and known.idempotency_key == key:
                return known
        if competing:
            raise conflicts.already_active(competing[0].execution_id, competing[0].status)
        return None

    def _send(self, new: NewExecution) -> None:
        request = new.request
        # First, because a runner waits for it.
        self.outbox.hand_over(_stored(new))
        log.info(
            "execution_queued",
            execution_id=str(request.execution_id),
            session_id=str(request.session_id),
            status=Status.QUEUED,
            attempt=FIRST_ATTEMPT,
            queued_at=request.queued_at.isoformat(),
        )
        RUNS_ACCEPTED.labels(request.language).inc()


def _stored(new: NewExecution) -> StoredRequest:
    return StoredRequest(
        execution_id=new.request.execution_id,
        language=new.request.language,
        body=new.body,
        traceparent=new.traceparent,
        attempt=FIRST_ATTEMPT,
        queued_at=new.request.queued_at,
    )


def _repeat(earlier: KnownExecution, call: RunCall) -> AcceptedRun:
    if earlier.request_hash != call.body.digest():
        raise invalid(
            "Idempotency-Key",
            "This key was used for a run with another body. Use a new key for a new run.",
        )
    return AcceptedRun(earlier.execution_id, earlier.status)
