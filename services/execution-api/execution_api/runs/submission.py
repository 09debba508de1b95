"""Accepting a run: snapshot, one transaction, publishing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog

from execution_api.errors import (
    CallRefusedError,
    EndlessLoopError,
    InvalidError,
    RateLimitedError,
    SessionBusyError,
    SessionClosedError,
    UnavailableError,
)
from execution_api.executions.repository import ExecutionRepository, KnownExecution, NewExecution
from execution_api.executions.waiters import WaiterRegistry
from execution_api.instrumentation import rejections_counted
from execution_api.outbox.outbox import Outbox, StoredRequest
from execution_api.runs import rate_limits, run_request
from execution_api.runs.backlog import Backlog
from execution_api.runs.rate_limits import RateLimitCheck, RateLimitSettings
from execution_api.runs.run_request import RunBody
from execution_api.runs.session_client import Snapshot
from runlet import messages
from runlet.callback_hosts import AllowedHosts
from runlet.clock import Clock
from runlet.execution import FIRST_ATTEMPT, Status
from runlet.languages import Language
from runlet.limits import LimitSettings
from runlet.messages import RunRequested
from runlet_loop_guard import endless_loops
from runlet_telemetry.metrics import RUNS_ACCEPTED

log = structlog.get_logger()

# An active execution may end between the refused insert and the question which one it was.
INSERT_TRIES = 5


class Sessions(Protocol):
    """Where snapshots of sessions come from."""

    def fetch(self, session_id: UUID) -> Snapshot:
        """The session as it is now. Raises SessionNotFoundError, UnavailableError."""
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
class RunSubmission:
    """Turns calls into executions; any thread may call it."""

    sessions: Sessions
    repository: ExecutionRepository
    outbox: Outbox
    backlog: Backlog
    languages: Mapping[str, Language]
    limits: LimitSettings
    rate_limits: RateLimitSettings
    callback_hosts: AllowedHosts
    rejects_endless_loops: bool
    waiters: WaiterRegistry
    clock: Clock

    def accept(self, call: RunCall) -> AcceptedRun:
        """Store the run and publish it for a runner.

        Raises CallRefusedError that says why the call cannot be accepted.
        """
        with rejections_counted():
            try:
                return self._accept(call)
            except CallRefusedError:
                # What was accepted before is answered the same way, whatever has changed since.
                if earlier := self._find_by_idempotency_key(call):
                    return _repeat(earlier, call)
                raise

    def _accept(self, call: RunCall) -> AcceptedRun:
        run_request.check_callback(call.body, self.callback_hosts)
        self.backlog.check()
        session = self.sessions.fetch(call.session_id)
        request = self._request(session, call.body)
        check = rate_limits.check_for(session, self.rate_limits)
        if self.rejects_endless_loops:
            self._reject_endless_loops(request, check)
        return self._insert(_new_execution(request, call), call, check)

    def _request(self, session: Snapshot, body: RunBody) -> RunRequested:
        if session.status != "ACTIVE":
            raise SessionClosedError
        language = self.languages.get(session.language)
        if language is None:
            raise InvalidError(
                "language",
                f"{session.language} is not offered any more. "
                f"Change the session's language to one of: {', '.join(self.languages)}.",
            )
        return run_request.build(session, language, body, self.limits, self.clock.now())

    def _reject_endless_loops(self, request: RunRequested, check: RateLimitCheck | None) -> None:
        """The analysis takes tens of milliseconds, so that what costs less is asked first."""
        self._refuse_while_busy(request.session_id)
        if check is not None:
            self.repository.check_rate_limits(check)
        if loops := endless_loops(request.language, request.source_code):
            sentences = (f"Line {loop.line}: {loop.message}" for loop in loops)
            raise EndlessLoopError("source_code", *sentences)

    def _insert(
        self, new: NewExecution, call: RunCall, check: RateLimitCheck | None
    ) -> AcceptedRun:
        for _ in range(INSERT_TRIES):
            try:
                inserted = self._store(new, check)
            except RateLimitedError:
                # An execution that is in the way tells more.
                self._refuse_while_busy(call.session_id)
                raise
            if inserted:
                self._publish(new)
                return AcceptedRun(new.request.execution_id, Status.QUEUED)
            self._refuse_while_busy(call.session_id)
            if earlier := self._find_by_idempotency_key(call):
                return _repeat(earlier, call)
        raise UnavailableError("This session's executions change too fast. Try the run again.", 1)

    def _store(self, new: NewExecution, check: RateLimitCheck | None) -> bool:
        execution_id, inserted = new.request.execution_id, False
        # Before it is stored, as its end may be published at once.
        self.waiters.mark_pending(execution_id)
        try:
            inserted = self.repository.insert(new, check)
        finally:
            if not inserted:
                self.waiters.clear_pending(execution_id)
        return inserted

    def _refuse_while_busy(self, session_id: UUID) -> None:
        if active := self.repository.find_active(session_id):
            raise SessionBusyError(active.execution_id, active.status)

    def _find_by_idempotency_key(self, call: RunCall) -> KnownExecution | None:
        if call.idempotency_key is None:
            return None
        return self.repository.find_by_key(call.session_id, call.idempotency_key)

    def _publish(self, new: NewExecution) -> None:
        request = new.request
        # First, because a runner waits for it.
        self.outbox.publish(_stored(new))
        log.info(
            "execution_queued",
            execution_id=str(request.execution_id),
            session_id=str(request.session_id),
            status=Status.QUEUED,
            attempt=FIRST_ATTEMPT,
            queued_at=request.queued_at.isoformat(),
        )
        RUNS_ACCEPTED.labels(request.language).inc()


def _new_execution(request: RunRequested, call: RunCall) -> NewExecution:
    return NewExecution(
        request,
        messages.encode(request).decode(),
        call.body.digest(),
        call.idempotency_key,
        call.traceparent,
        call.body.callback_url,
    )


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
        raise InvalidError(
            "Idempotency-Key",
            "This key was used for a run with another body. Use a new key for a new run.",
        )
    return AcceptedRun(earlier.execution_id, earlier.status)
