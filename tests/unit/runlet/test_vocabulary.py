import pytest

from runlet.backoff import LONGEST_DELAY_SECONDS, Backoff
from runlet.execution import ACTIVE, TERMINAL, Reason, Status, status_for
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
