from collections.abc import Iterator, Sequence
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import OperationalError

from execution_api.executions import missed_event_poller
from execution_api.executions.missed_event_poller import LookOut, State
from execution_api.executions.waiters import Waiters
from runlet.execution import Status
from support.wait_until import eventually

X, Y, Z = uuid4(), uuid4(), uuid4()


class Table:
    """Executions as they are stored."""

    def __init__(self, **states: tuple[Status, int]) -> None:
        self.states = {X: states.get("x"), Y: states.get("y"), Z: states.get("z")}
        self.questions: list[set[UUID]] = []
        self.is_away = False

    def read(self, ids: Sequence[UUID]) -> list[State]:
        self.questions.append(set(ids))
        if self.is_away:
            raise OperationalError("SELECT", {}, Exception("away"))
        found = [(id_, self.states[id_]) for id_ in ids]
        return [State(id_, *state) for id_, state in found if state is not None]


@pytest.fixture
def waiters() -> Waiters:
    return Waiters()


@pytest.fixture(autouse=True)
def _no_looking_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed_event_poller, "LOOK_SECONDS", 3600.0)
    monkeypatch.setattr(missed_event_poller, "DEAF_LOOK_SECONDS", 3600.0)


def look_out_over(table: Table, waiters: Waiters, active: list[State] | None = None) -> LookOut:
    return LookOut(waiters, table.read, ([] if active is None else active).append)


@pytest.fixture
def table() -> Table:
    return Table(x=(Status.COMPLETED, 1), y=(Status.RUNNING, 2))


def test_nothing_is_asked_when_nobody_waits(table: Table, waiters: Waiters) -> None:
    look_out_over(table, waiters).look()
    assert table.questions == []


def test_one_question_serves_all_and_only_those_concerned_read(
    table: Table, waiters: Waiters
) -> None:
    active: list[State] = []
    with waiters.bell(X) as over, waiters.bell(Y) as running, waiters.bell(Z) as gone:
        look_out_over(table, waiters, active).look()
    assert table.questions == [{X, Y, Z}]
    assert (over.to_be_read, running.to_be_read, gone.to_be_read) == (True, False, True)
    assert active == [State(Y, Status.RUNNING, 2)]


def test_a_database_that_is_away_disturbs_nobody(table: Table, waiters: Waiters) -> None:
    table.is_away = True
    with waiters.bell(X) as bell:
        look_out_over(table, waiters).look()
        assert not bell.has_rung
        table.is_away = False
        look_out_over(table, waiters).look()
        assert bell.to_be_read


@pytest.fixture
def running(table: Table, waiters: Waiters) -> Iterator[LookOut]:
    look_out = look_out_over(table, waiters)
    look_out.start()
    yield look_out
    look_out.close()


def test_it_looks_at_once_when_it_is_called(running: LookOut, waiters: Waiters) -> None:
    with waiters.bell(X) as bell:
        running.call()
        assert eventually(lambda: bell.to_be_read)


def test_it_looks_now_and_then_by_itself(
    table: Table, waiters: Waiters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed_event_poller, "DEAF_LOOK_SECONDS", 0.001)
    look_out = look_out_over(table, waiters)
    look_out.start()
    with waiters.bell(Y):
        eventually(lambda: len(table.questions) > 2)
    look_out.close()
