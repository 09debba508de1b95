"""Loops that can never end, in programs whose runs met a limit."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import Engine, select

from runlet.clock import Clock
from runlet.execution import FeedbackNote
from runlet_loop_guard import endless_loops
from runlet_postgres.execution_tables import executions

log = structlog.get_logger()

KIND = "endless_loop"
# Of one batch. A program takes 60 ms at most.
BUDGET_SECONDS = 1.0


class _Program(msgspec.Struct):
    """What of a stored request is looked at."""

    language: str
    source_code: str


class LoopChecker:
    """Checks stored programs; for one thread at a time. The engine must be in autocommit mode."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def check(self, execution_ids: Sequence[UUID]) -> dict[UUID, tuple[FeedbackNote, ...]]:
        """The findings, by execution; what BUDGET_SECONDS are not enough for has none.

        Call it outside of transactions. Raises DatabaseUnavailableError.
        """
        deadline = self._clock.monotonic() + BUDGET_SECONDS
        found = {}
        for index, execution_id in enumerate(execution_ids):
            if self._clock.monotonic() >= deadline:
                log.warning("loop_checks_skipped", count=len(execution_ids) - index)
                break
            found[execution_id] = self._check_one(execution_id)
        return found

    def _check_one(self, execution_id: UUID) -> tuple[FeedbackNote, ...]:
        # One at a time: a batch of requests may be too much to hold.
        query = select(executions.c.request).where(executions.c.id == execution_id)
        with self._engine.connect() as connection:
            request = connection.execute(query).scalar_one_or_none()
        if request is None:
            return ()
        program = msgspec.json.decode(request, type=_Program)
        loops = endless_loops(program.language, program.source_code)
        return tuple(FeedbackNote(KIND, loop.line, loop.message) for loop in loops)
