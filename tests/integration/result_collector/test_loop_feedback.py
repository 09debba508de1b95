"""Runs that met a limit are stored with the loops of their program that can never end."""

from dataclasses import replace
from typing import Any, NoReturn

import pytest
from sqlalchemy import event

from result_collector.feedback import loops
from result_collector.feedback.loops import LoopChecker
from runlet.execution import CompileResult, Reason
from runlet.messages import RunRequested
from runlet_loop_guard import EndlessLoop
from support.clocks import ManualClock
from support.databases.event_factory import finished, started
from support.databases.executions import ExecutionsDatabase, run_requested
from support.databases.stores import store

ENDLESS = "n = 1\nwhile True:\n    n = 2\n"


@pytest.fixture
def endless(database: ExecutionsDatabase) -> RunRequested:
    """A queued run of a program that can never end."""
    return database.add(replace(run_requested(), source_code=ENDLESS))


def feedback(database: ExecutionsDatabase, request: RunRequested) -> list[tuple[str, int | None]]:
    """Kinds and lines of what is remarked about it."""
    notes = database.execution(request.execution_id)["feedback"]
    return [(note["kind"], note["line"]) for note in notes]


@pytest.mark.parametrize("reason", [Reason.TIME_LIMIT, Reason.OUTPUT_LIMIT, Reason.MEMORY_LIMIT])
def test_a_limit_comes_with_the_loop_that_met_it(
    database: ExecutionsDatabase, endless: RunRequested, reason: Reason
) -> None:
    store(database, started(endless), finished(endless, reason=reason))
    assert feedback(database, endless) == [("endless_loop", 2), (reason, None)]


@pytest.mark.parametrize(
    ("reason", "result"),
    [
        (None, {}),
        (Reason.NONZERO_EXIT, {"exit_code": 1}),
        (Reason.CANCELLED, {}),
        (Reason.INFRASTRUCTURE, {}),
        (Reason.TIME_LIMIT, {"compile": CompileResult(None, "", "", 9)}),
    ],
    ids=["completed", "failed", "cancelled", "infrastructure", "compiler"],
)
def test_what_ended_in_another_way_is_not_looked_at(
    database: ExecutionsDatabase,
    endless: RunRequested,
    monkeypatch: pytest.MonkeyPatch,
    reason: Reason | None,
    result: dict[str, Any],
) -> None:
    monkeypatch.setattr(loops, "endless_loops", must_not_be_called)
    store(database, finished(endless, reason=reason, **result))
    assert "endless_loop" not in dict(feedback(database, endless))


def must_not_be_called(*_arguments: object) -> NoReturn:
    """Takes the place of an analysis that nobody needs."""
    pytest.fail("The program was analysed.")


def test_programs_are_analysed_outside_of_transactions(
    database: ExecutionsDatabase, endless: RunRequested, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    analysed_after: list[int] = []

    def analyse(*_arguments: object) -> tuple[EndlessLoop, ...]:
        analysed_after.append(len(statements))
        return ()

    monkeypatch.setattr(loops, "endless_loops", analyse)
    other = database.add(replace(run_requested(), source_code=ENDLESS))
    statements.clear()
    ends = [finished(request, reason=Reason.TIME_LIMIT) for request in (endless, other)]
    store(database, *ends)
    # Each program was read by one statement, and nothing else was sent before the last analysis.
    assert analysed_after == [1, 2]
    assert len(statements) > 2


def test_programs_beyond_the_budget_of_a_batch_are_left_out(
    database: ExecutionsDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()

    def slow(*_arguments: object) -> tuple[EndlessLoop, ...]:
        clock.move(loops.BUDGET_SECONDS * 0.6)
        return ()

    monkeypatch.setattr(loops, "endless_loops", slow)
    ids = [database.add().execution_id for _ in range(4)]
    assert list(LoopChecker(database.engine, clock).check(ids)) == ids[:2]


def test_an_execution_that_is_gone_has_no_findings(
    database: ExecutionsDatabase, endless: RunRequested
) -> None:
    database.run("DELETE FROM executions")
    found = LoopChecker(database.engine, ManualClock()).check([endless.execution_id])
    assert found == {endless.execution_id: ()}
