import pytest

from runlet.backoff import LONGEST_DELAY_SECONDS, Backoff
from runlet.execution import (
    ACTIVE,
    TERMINAL,
    TRANSITIONS,
    LifecycleEvent,
    Reason,
    Status,
    status_for,
)
from runlet.languages import LANGUAGES, offered


def test_every_status_is_either_active_or_terminal() -> None:
    assert set(Status) == ACTIVE | TERMINAL
    assert not ACTIVE & TERMINAL


@pytest.mark.parametrize("reason", [None, *Reason])
def test_every_reason_belongs_to_one_terminal_status(reason: Reason | None) -> None:
    expected = {
        None: Status.COMPLETED,
        Reason.TIME_LIMIT: Status.TIMEOUT,
        Reason.CANCELLED: Status.CANCELLED,
    }

    assert status_for(reason) is expected.get(reason, Status.FAILED)


def test_an_execution_that_is_over_is_only_queued_again_after_a_fault_of_the_platform() -> None:
    leaving = [each for each in TRANSITIONS if each.source in TERMINAL]

    assert [(each.event, each.source, each.only_reason) for each in leaving] == [
        (LifecycleEvent.REQUEUED, Status.FAILED, Reason.INFRASTRUCTURE)
    ]


def test_no_event_of_a_runner_counts_once_its_attempt_was_overtaken() -> None:
    told = {LifecycleEvent.STARTED, LifecycleEvent.RETRYING, LifecycleEvent.FINISHED}

    for transition in TRANSITIONS:
        assert not transition.fence.admits(attempt=1, attempts=2)
        if transition.event in told and transition.source is Status.QUEUED:
            assert not transition.fence.admits(attempt=1, attempts=1)


def test_each_event_makes_at_most_one_transition_out_of_a_status() -> None:
    moves = [(each.event, each.source) for each in TRANSITIONS]

    assert len(set(moves)) == len(moves)


def test_no_name_offers_every_language() -> None:
    assert offered(()) == LANGUAGES


def test_a_deployment_offers_what_it_names_in_its_order() -> None:
    assert list(offered(["javascript", "python"])) == ["javascript", "python"]


def test_a_language_that_is_not_declared_is_named() -> None:
    with pytest.raises(ValueError, match="cobol"):
        offered(["cobol"])


def test_delays_between_attempts_grow_to_a_bound_and_begin_again() -> None:
    backoff = Backoff()

    late = [backoff.next_delay() for _ in range(50)]
    backoff.reset()

    assert all(0 < delay <= LONGEST_DELAY_SECONDS for delay in late)
    assert max(late[10:]) > late[0]
    assert backoff.next_delay() <= 0.2
