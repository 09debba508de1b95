from datetime import datetime

from runner.consume.start_announcement import Start
from support.clocks import ManualClock


def test_a_start_is_told_once_whoever_asks_for_it() -> None:
    clock, told = ManualClock(), list[datetime]()
    start = Start(clock, told.append)
    begun = start.note()

    start.tell()
    start.tell()

    assert told == [begun]


def test_what_never_started_is_not_told() -> None:
    told: list[datetime] = []
    start = Start(ManualClock(), told.append)

    start.tell()

    assert (told, start.at) == ([], None)


def test_a_run_that_started_over_did_so_at_the_last_moment() -> None:
    clock = ManualClock()
    start = Start(clock, lambda _at: None)
    first = start.note()
    clock.move(0.5)

    assert start.note() > first
    assert start.at == clock.now()
