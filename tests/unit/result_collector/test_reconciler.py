from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from result_collector.ingest.completion_publisher import Endings
from result_collector.reconciliation import stuck_executions
from result_collector.reconciliation.queue_inspector import IdleLanguages, Look
from result_collector.reconciliation.reconciler import Reconciler
from result_collector.reconciliation.repository import Reconciliation, Unheard
from runlet import messages, topology
from runlet.messages import CancelRequested
from runlet_amqp.envelopes import Envelope
from runlet_amqp.errors import BrokerUnavailableError
from support.clocks import ManualClock

AFTER = 60.0
CALM = Look(drained=True, idle_languages=frozenset({"python", "c"}))
EVENTS_WAIT = Look(drained=False, idle_languages=frozenset({"python", "c"}))
TRACE = f"00-{'ab' * 16}-{'cd' * 8}-01"
PYTHON_WAITS = Look(drained=True, idle_languages=frozenset({"c"}))


class BrokerQueues:
    """Shows one look after the other; None stands for a broker that does not answer."""

    def __init__(self, *looks: Look | None) -> None:
        self._looks = list(looks)

    def look(self) -> Look:
        """The next look."""
        look = self._looks.pop(0)
        if look is None:
            raise BrokerUnavailableError("away")
        return look


@dataclass
class Settling:
    """Notes for which idle languages it was asked to settle."""

    cancellations: list[Unheard] = field(default_factory=list)
    batch_sizes: list[int] = field(default_factory=list)
    asked: list[set[str]] = field(default_factory=list)

    def find_overtaken(self) -> list[UUID]:
        """Nothing."""
        return []

    def settle_batch(self, idle_languages: frozenset[str], _overtaken: list[UUID]) -> list[Any]:
        """Find nothing, or as much as was asked for."""
        self.asked.append(set(idle_languages))
        return [None] * self.batch_sizes.pop(0) if self.batch_sizes else []

    def unheard_cancellations(self) -> list[Unheard]:
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


def turns(*looks: Look | None, settling: Settling | None = None, pause: float = AFTER) -> Settling:
    """Let a reconciler look so often, `pause` seconds apart."""
    settling, clock, broker = settling or Settling(), ManualClock(), Messages()
    reconciler = Reconciler(
        BrokerQueues(*looks),
        IdleLanguages(clock, AFTER),
        cast(Reconciliation, settling),
        broker,
        Endings(broker),
    )
    for look in looks:
        if look is None:
            with pytest.raises(BrokerUnavailableError):
                reconciler.turn()
        else:
            reconciler.turn()
        clock.move(pause)
    return settling


def test_one_look_is_not_enough() -> None:
    assert turns(CALM).asked == []


def test_two_looks_that_agree_are() -> None:
    assert turns(CALM, CALM).asked == [{"python", "c"}]


@pytest.mark.parametrize(
    "looks", [(EVENTS_WAIT, CALM), (CALM, EVENTS_WAIT), (CALM, EVENTS_WAIT, CALM)], ids=str
)
def test_nothing_is_settled_while_events_wait_to_be_stored(looks: tuple[Look, ...]) -> None:
    assert turns(*looks).asked == []


def test_a_broker_that_was_away_has_to_be_looked_at_twice_again() -> None:
    assert turns(CALM, None, CALM).asked == []
    assert len(turns(CALM, None, CALM, CALM).asked) == 1


def test_a_language_for_which_work_waits_is_not_idle() -> None:
    assert turns(CALM, PYTHON_WAITS, CALM).asked == [{"c"}, {"c"}]


def test_a_language_is_idle_only_after_a_while() -> None:
    assert turns(CALM, CALM, CALM, pause=AFTER / 2).asked == [set(), {"python", "c"}]


def test_full_batches_are_followed_by_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reconciler, "_report", lambda *_: None)
    sizes = [stuck_executions.BATCH_SIZE, stuck_executions.BATCH_SIZE, 3]
    assert len(turns(CALM, CALM, settling=Settling(batch_sizes=sizes)).asked) == 3


def test_cancellations_are_told_again_at_every_look_in_the_trace_of_the_run() -> None:
    cancel = CancelRequested(uuid4(), datetime.now(UTC))
    clock, broker = ManualClock(), Messages()
    reconciler = Reconciler(
        BrokerQueues(EVENTS_WAIT, EVENTS_WAIT),
        IdleLanguages(clock, AFTER),
        cast(Reconciliation, Settling([Unheard(cancel, TRACE)])),
        broker,
        Endings(broker),
    )
    reconciler.turn()
    reconciler.turn()
    told = [messages.decode(message.type, message.body) for message in broker.published]
    assert told == [cancel, cancel]
    assert {message.exchange for message in broker.published} == {topology.CONTROL}
    assert {message.traceparent for message in broker.published} == {TRACE}
