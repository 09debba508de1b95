from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from result_collector.instrumentation import CountedCompletions
from support.clocks import ManualClock
from support.telemetry.metrics import rise

FINISHED = "runlet_runs_finished_total"
TURNAROUND = "runlet_run_turnaround_seconds_sum"


class Listener:
    """Takes ends."""

    def __init__(self) -> None:
        self.published: list[tuple[Mapping[str, Any], str | None]] = []

    def publish(self, row: Mapping[str, Any], traceparent: str | None) -> None:
        self.published.append((row, traceparent))


def ended(**changed: object) -> dict[str, object]:
    """An execution that was accepted on the clock's fixed day and has ended."""
    accepted = {"created_at": ManualClock().now(), "language": "python"}
    return {**accepted, "status": "COMPLETED", "reason": None, **changed}


def test_an_end_is_passed_on_as_it_came_and_counted_with_the_time_it_took() -> None:
    clock, listener = ManualClock(), Listener()
    ends = rise(FINISHED, language="python", status="COMPLETED", reason="none")
    waited = rise(TURNAROUND, language="python")
    row = ended()
    clock.move(3)

    CountedCompletions(listener, clock).publish(row, "a trace")

    assert listener.published == [(row, "a trace")]
    assert ends() == 1
    assert waited() == pytest.approx(3)


def test_what_the_reconciler_ends_counts_by_its_reason() -> None:
    lost = rise(FINISHED, language="python", status="FAILED", reason="lost")

    CountedCompletions(Listener(), ManualClock()).publish(
        ended(status="FAILED", reason="lost"), None
    )

    assert lost() == 1


def test_rows_of_languages_that_are_gone_make_no_labels() -> None:
    unknown = rise(FINISHED, language="unknown", status="COMPLETED", reason="none")

    for language in ("cobol", "fortran"):
        CountedCompletions(Listener(), ManualClock()).publish(ended(language=language), None)

    assert unknown() == 2


def test_clocks_that_disagree_make_no_negative_time() -> None:
    waited = rise(TURNAROUND, language="python")
    later = ManualClock().now() + timedelta(seconds=5)

    CountedCompletions(Listener(), ManualClock()).publish(ended(created_at=later), None)

    assert waited() == 0
