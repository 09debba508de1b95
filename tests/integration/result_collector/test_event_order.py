"""The life of an execution as a property: whatever order its events come in, however often, and
whichever of them are lost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from execution_api.executions.cancel_repository import CancellationRepository
from result_collector.reconciliation.repository import MOST_REPUBLICATIONS, Reconciliation
from runlet import messages, topology
from runlet.execution import TERMINAL, TRANSITIONS, LifecycleEvent, Reason, Status
from runlet.messages import RunRequested
from runlet_amqp.consumer import Delivery
from support.databases import stuck_executions
from support.databases.event_factory import finished, retrying, started
from support.databases.executions import ExecutionsDatabase
from support.databases.stores import delivered, delivery, store_deliveries

# Nothing here requeues anything by hand.
HAPPENING = [each for each in TRANSITIONS if each.event is not LifecycleEvent.REQUEUED]
LEGAL_MOVES = {
    source: {source}.union(*(each.targets for each in HAPPENING if each.source is source))
    for source in Status
}
ENDS = {each.event for each in TRANSITIONS if each.targets <= TERMINAL}
OUTCOME = ("status", "reason", "stdout", "stderr", "exit_code", "signal", "detail", "feedback")

# Whatever has not ended by then is overdue.
LONG_ENOUGH_SECONDS = 3600

quick = settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Fact:
    """Something that happens to an attempt, or to the execution as a whole."""

    kind: str
    attempt: int = 0


@dataclass(frozen=True)
class History:
    """All that is told of one execution, in the order in which it happens.

    The program is deterministic: each attempt that ends by itself ends for the same `reason`.
    """

    facts: tuple[Fact, ...]
    reason: Reason | None

    @property
    def end(self) -> Fact:
        """How the newest attempt ended, and with it the execution."""
        return self.facts[-1]

    def ends_agree(self) -> bool:
        """Whether no earlier attempt has told another end than the newest one."""
        kinds = {fact.kind for fact in self.facts if fact.kind in ("finished", "given up")}
        return len(kinds) == 1


@st.composite
def histories(draw: st.DrawFn) -> History:
    """What runners and the broker can make of a request.

    An attempt starts, and then ends, or is put off, or its runner dies: before it has told
    anything of the end, or when it has told the end but has not settled the request. The newest
    attempt ends, or its request is given up.
    """
    count = draw(st.integers(1, 4))
    facts = []
    for attempt in range(1, count):
        facts.append(Fact("started", attempt))
        how = draw(st.sampled_from(["retrying", "crashed", "finished"]))
        facts += [] if how == "crashed" else [Fact(how, attempt)]
    facts.append(Fact("started", count))
    facts.append(Fact(draw(st.sampled_from(["finished", "finished", "given up"])), count))
    reason = draw(st.sampled_from([None, Reason.NONZERO_EXIT, Reason.TIME_LIMIT]))
    return History(tuple(facts), reason)


def arrivals(facts: Sequence[Fact]) -> st.SearchStrategy[list[Fact]]:
    """These facts in any order, some of them twice."""
    again = st.lists(st.sampled_from(facts), max_size=3) if facts else st.just([])
    return again.flatmap(lambda repeated: st.permutations([*facts, *repeated]))


def parts(facts: Sequence[Fact]) -> st.SearchStrategy[list[Fact]]:
    """What is left of these facts when some are lost."""
    kept = st.lists(st.booleans(), min_size=len(facts), max_size=len(facts))
    return kept.map(lambda keep: [fact for fact, kept in zip(facts, keep, strict=True) if kept])


class Life:
    """One execution, and everything that can happen to it."""

    def __init__(self, database: ExecutionsDatabase, reason: Reason | None) -> None:
        self._database = database
        self.request: RunRequested = database.add()
        stuck_executions.forget_outbox(database, self.request)
        self._reason = reason
        engine = database.engine.execution_options(isolation_level="READ COMMITTED")
        self._reconciliation = Reconciliation(engine, timedelta(seconds=60), ["python"])
        self._others: dict[str, Callable[[], object]] = {
            "cancel": self._cancel,
            "reconcile": self.reconcile,
        }

    def row(self) -> dict[str, Any]:
        """The execution as it is stored."""
        return self._database.execution(self.request.execution_id)

    def outcome(self) -> dict[str, Any]:
        """The part of it that a learner sees as the result."""
        row = self.row()
        return {name: row[name] for name in OUTCOME}

    def ends(self) -> list[str]:
        """The events that say that it ended."""
        events = self._database.events(self.request.execution_id)
        return [name for name, _attempt in events if name in ENDS]

    def happen(self, fact: Fact) -> None:
        """Let one thing happen."""
        if fact.kind in self._others:
            self._others[fact.kind]()
        else:
            store_deliveries(self._database, self.told(fact))

    def happen_at_once(self, facts: Sequence[Fact]) -> None:
        """Let events be stored in one batch."""
        store_deliveries(self._database, *map(self.told, facts))

    def told(self, fact: Fact) -> Delivery:
        """How the collector hears of it."""
        match fact.kind:
            case "started":
                return delivered(started(self.request, fact.attempt))
            case "retrying":
                return delivered(retrying(self.request, fact.attempt))
            case "finished":
                code = 1 if self._reason else 0
                end = finished(
                    self.request, fact.attempt, self._reason, stdout="42\n", exit_code=code
                )
                return delivered(end)
            case _:
                return self._letter(fact.attempt)

    def reconcile(self) -> None:
        """Look for it when much time has passed, and publish what is to be published."""
        stuck_executions.let_pass(self._database, self.request, LONG_ENOUGH_SECONDS)
        self._reconciliation.settle_batch(["python"], [])
        stuck_executions.forget_outbox(self._database, self.request)

    def _cancel(self) -> None:
        repository = CancellationRepository(self._database.engine)
        repository.cancel(self.request.execution_id, datetime.now(UTC))

    def _letter(self, attempt: int) -> Delivery:
        request = messages.RunRequested(**{**vars(self.request), "attempt": attempt})
        body, id_ = messages.encode(request), str(self.request.execution_id)
        headers = {topology.REASON_HEADER: "No sandbox came up."}
        return delivery("run.requested.v1", body, id_, topology.DEAD_QUEUE, **headers)


@quick
@given(data=st.data())
def test_only_legal_moves_happen_and_an_end_is_for_ever(
    database: ExecutionsDatabase, data: st.DataObject
) -> None:
    history = data.draw(histories())
    interference = data.draw(
        st.lists(st.sampled_from([Fact("cancel"), Fact("reconcile")]), max_size=3)
    )
    heard = data.draw(parts(history.facts))
    life = Life(database, history.reason)
    before = life.row()
    for fact in data.draw(arrivals([*heard, *interference])):
        life.happen(fact)
        after = life.row()
        assert after["status"] in LEGAL_MOVES[Status(before["status"])]
        assert after["attempts"] >= before["attempts"]
        if before["status"] in TERMINAL:
            assert after == before
        assert len(life.ends()) == (after["status"] in TERMINAL)
        before = after


@quick
@given(data=st.data())
def test_equal_sets_of_events_end_equal(database: ExecutionsDatabase, data: st.DataObject) -> None:
    """Of a complete history, which is one whose newest attempt has told its end.

    Whatever else is lost, comes twice or comes late, the outcome is that end. Two kinds of sets
    are no part of this, because a fence has to decide between what came first and what is newer:
    those without the end of the newest attempt (`finished 1` counts unless `started 2` was heard
    before), and those in which an earlier attempt told another end than the newest (its runner
    finished but died before it settled the request, which was given up later).
    """
    history = data.draw(histories().filter(History.ends_agree))
    heard = [*data.draw(parts(history.facts[:-1])), history.end]
    one, other = (Life(database, history.reason) for _ in range(2))
    for fact in data.draw(arrivals(heard)):
        one.happen(fact)
    other.happen_at_once(data.draw(arrivals(heard)))
    told = Life(database, history.reason)
    told.happen(history.end)
    assert one.outcome() == other.outcome() == told.outcome()
    assert one.row()["status"] in TERMINAL


@quick
@given(data=st.data())
def test_whatever_is_lost_everything_ends(
    database: ExecutionsDatabase, data: st.DataObject
) -> None:
    history = data.draw(histories())
    life = Life(database, history.reason)
    for fact in data.draw(parts(history.facts).flatmap(arrivals)):
        life.happen(fact)
    for _ in range(MOST_REPUBLICATIONS + 1):
        life.reconcile()
    assert life.row()["status"] in TERMINAL
