from collections.abc import Iterator, Sequence
from uuid import UUID, uuid4

import pytest

from execution_api.executions import missed_event_poller
from execution_api.executions.missed_event_poller import MissedEventPoller, State
from execution_api.executions.waiters import WaiterRegistry
from runlet.execution import Status
from runlet_postgres.errors import DatabaseUnavailableError
from support.loops import supervised
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
            raise DatabaseUnavailableError("away")
        found = [(id_, self.states[id_]) for id_ in ids]
        return [State(id_, *state) for id_, state in found if state is not None]


@pytest.fixture
def waiters() -> WaiterRegistry:
    return WaiterRegistry()


@pytest.fixture(autouse=True)
def _no_looking_by_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed_event_poller, "POLL_SECONDS", 3600.0)
    monkeypatch.setattr(missed_event_poller, "DISCONNECTED_POLL_SECONDS", 3600.0)


def poller_of(
    table: Table, waiters: WaiterRegistry, active: list[State] | None = None
) -> MissedEventPoller:
    return MissedEventPoller(waiters, table.read, ([] if active is None else active).append)


@pytest.fixture
def table() -> Table:
    return Table(x=(Status.COMPLETED, 1), y=(Status.RUNNING, 2))


def test_nothing_is_asked_when_nobody_waits(table: Table, waiters: WaiterRegistry) -> None:
    poller_of(table, waiters).poll()
    assert table.questions == []


def test_one_question_serves_all_and_only_those_concerned_read(
    table: Table, waiters: WaiterRegistry
) -> None:
    active: list[State] = []
    with (
        waiters.waiting_for(X) as over,
        waiters.waiting_for(Y) as running,
        waiters.waiting_for(Z) as gone,
    ):
        poller_of(table, waiters, active).poll()
    assert table.questions == [{X, Y, Z}]
    assert (over.is_stale, running.is_stale, gone.is_stale) == (True, False, True)
    assert active == [State(Y, Status.RUNNING, 2)]


def test_a_database_that_is_away_disturbs_nobody(table: Table, waiters: WaiterRegistry) -> None:
    table.is_away = True
    with waiters.waiting_for(X) as waiter:
        poller_of(table, waiters).poll()
        assert not waiter.is_notified
        table.is_away = False
        poller_of(table, waiters).poll()
        assert waiter.is_stale


@pytest.fixture
def running(table: Table, waiters: WaiterRegistry) -> Iterator[MissedEventPoller]:
    poller = poller_of(table, waiters)
    with supervised(poller.loop()):
        yield poller


def test_it_looks_at_once_when_it_is_called(
    running: MissedEventPoller, waiters: WaiterRegistry
) -> None:
    with waiters.waiting_for(X) as waiter:
        running.wake()
        assert eventually(lambda: waiter.is_stale)


def test_it_looks_now_and_then_by_itself(
    table: Table, waiters: WaiterRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed_event_poller, "DISCONNECTED_POLL_SECONDS", 0.001)
    poller = poller_of(table, waiters)
    with supervised(poller.loop()), waiters.waiting_for(Y):
        eventually(lambda: len(table.questions) > 2)
