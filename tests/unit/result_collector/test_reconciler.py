from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from result_collector.ingest.completion_publisher import CompletionPublisher
from result_collector.reconciliation import reconciler as reconciler_module
from result_collector.reconciliation import stuck_executions
from result_collector.reconciliation.queue_inspector import IdleLanguages, QueueSnapshot
from result_collector.reconciliation.reconciler import Reconciler
from result_collector.reconciliation.repository import Reconciliation, UnansweredCancellation
from runlet import messages, topology
from runlet.lifecycle import StopSignal
from runlet.messages import CancelRequested
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
from runlet_postgres.errors import DatabaseUnavailableError
from support.clocks import ManualClock

AFTER = 60.0
CALM = QueueSnapshot(drained=True, idle_languages=frozenset({"python", "c"}))
EVENTS_WAIT = QueueSnapshot(drained=False, idle_languages=frozenset({"python", "c"}))
TRACE = f"00-{'ab' * 16}-{'cd' * 8}-01"
PYTHON_WAITS = QueueSnapshot(drained=True, idle_languages=frozenset({"c"}))


class BrokerQueues:
    """Shows one snapshot after the other; None stands for a broker that does not answer."""

    def __init__(self, *snapshots: QueueSnapshot | None) -> None:
        self._snapshots = list(snapshots)

    def inspect(self) -> QueueSnapshot:
        """The next snapshot."""
        snapshot = self._snapshots.pop(0)
        if snapshot is None:
            raise BrokerUnavailableError("away")
        return snapshot


@dataclass
class Settling:
    """Notes for which idle languages it was asked to settle."""

    cancellations: list[UnansweredCancellation] = field(default_factory=list)
    batch_sizes: list[int] = field(default_factory=list)
    asked: list[set[str]] = field(default_factory=list)

    is_away: bool = False

    def find_overtaken(self) -> list[UUID]:
        """Nothing. Raises DatabaseUnavailableError while the database is away."""
        if self.is_away:
            raise DatabaseUnavailableError("away")
        return []

    def settle_batch(self, idle_languages: frozenset[str], _overtaken: list[UUID]) -> list[Any]:
        """Find nothing, or as much as was asked for."""
        self.asked.append(set(idle_languages))
        return [None] * self.batch_sizes.pop(0) if self.batch_sizes else []

    def unanswered_cancellations(self) -> list[UnansweredCancellation]:
        """What was asked for."""
        return self.cancellations


class Messages:
    """Takes whatever is published."""

    def __init__(self) -> None:
        self.published: list[Envelope] = []

    def publish(self, message: Envelope) -> "Future[None]":
        """Take a message."""
        self.published.append(message)
        future: Future[None] = Future()
        future.set_result(None)
        return future


def turns(
    *snapshots: QueueSnapshot | None, settling: Settling | None = None, pause: float = AFTER
) -> Settling:
    """Let a reconciler take these turns, `pause` seconds apart."""
    settling, clock, broker = settling or Settling(), ManualClock(), Messages()
    reconciler = Reconciler(
        BrokerQueues(*snapshots),
        IdleLanguages(clock, AFTER),
        cast(Reconciliation, settling),
        broker,
        CompletionPublisher(broker),
    )
    for snapshot in snapshots:
        if snapshot is None:
            with pytest.raises(BrokerUnavailableError):
                reconciler.turn(StopSignal())
        else:
            reconciler.turn(StopSignal())
        clock.move(pause)
    return settling


def test_one_snapshot_is_not_enough() -> None:
    assert turns(CALM).asked == []


def test_two_snapshots_that_agree_are() -> None:
    assert turns(CALM, CALM).asked == [{"python", "c"}]


@pytest.mark.parametrize(
    "snapshots", [(EVENTS_WAIT, CALM), (CALM, EVENTS_WAIT), (CALM, EVENTS_WAIT, CALM)], ids=str
)
def test_nothing_is_settled_while_events_wait_to_be_stored(
    snapshots: tuple[QueueSnapshot, ...],
) -> None:
    assert turns(*snapshots).asked == []


def test_a_broker_that_was_away_has_to_be_looked_at_twice_again() -> None:
    assert turns(CALM, None, CALM).asked == []
    assert len(turns(CALM, None, CALM, CALM).asked) == 1


def test_after_an_outage_of_the_database_the_queues_have_to_be_looked_at_twice_again() -> None:
    settling, broker = Settling(), Messages()
    reconciler = Reconciler(
        BrokerQueues(CALM, CALM, CALM, CALM),
        IdleLanguages(ManualClock(), AFTER),
        cast(Reconciliation, settling),
        broker,
        CompletionPublisher(broker),
    )
    reconciler.turn(StopSignal())
    settling.is_away = True
    with pytest.raises(DatabaseUnavailableError):
        reconciler.turn(StopSignal())
    settling.is_away = False

    reconciler.turn(StopSignal())
    assert settling.asked == []
    reconciler.turn(StopSignal())
    assert len(settling.asked) == 1


def test_a_language_for_which_work_waits_is_not_idle() -> None:
    assert turns(CALM, PYTHON_WAITS, CALM).asked == [{"c"}, {"c"}]


def test_a_language_is_idle_only_after_a_while() -> None:
    assert turns(CALM, CALM, CALM, pause=AFTER / 2).asked == [set(), {"python", "c"}]


def test_full_batches_are_followed_by_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reconciler, "_report", lambda *_: None)
    sizes = [stuck_executions.BATCH_SIZE, stuck_executions.BATCH_SIZE, 3]
    assert len(turns(CALM, CALM, settling=Settling(batch_sizes=sizes)).asked) == 3


def test_cancellations_are_published_again_at_every_turn_in_the_trace_of_the_run() -> None:
    cancel = CancelRequested(uuid4(), datetime.now(UTC))
    clock, broker = ManualClock(), Messages()
    reconciler = Reconciler(
        BrokerQueues(EVENTS_WAIT, EVENTS_WAIT),
        IdleLanguages(clock, AFTER),
        cast(Reconciliation, Settling([UnansweredCancellation(cancel, TRACE)])),
        broker,
        CompletionPublisher(broker),
    )
    reconciler.turn(StopSignal())
    reconciler.turn(StopSignal())
    told = [messages.decode(message.type, message.body) for message in broker.published]
    assert told == [cancel, cancel]
    assert {message.exchange for message in broker.published} == {topology.CONTROL}
    assert {message.traceparent for message in broker.published} == {TRACE}


def test_a_turn_ends_with_work_left_and_the_next_one_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Reconciler, "_report", lambda *_: None)
    full = [stuck_executions.BATCH_SIZE] * (reconciler_module.MAX_BATCHES + 1)
    settling = Settling(batch_sizes=full)

    assert len(turns(CALM, CALM, settling=settling).asked) == reconciler_module.MAX_BATCHES
    assert settling.batch_sizes == [stuck_executions.BATCH_SIZE]
