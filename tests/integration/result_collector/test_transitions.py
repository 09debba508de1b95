"""What may happen to an execution is what the transition table says, event by event."""

from collections.abc import Callable
from itertools import product

import pytest

from runlet.execution import LifecycleEvent, Reason, Status, transitions_of
from runlet.messages import Event, RunRequested
from support.databases.event_factory import finished, retrying, started
from support.databases.executions import ExecutionsDatabase
from support.databases.stores import store

ATTEMPTS = 2

TOLD: dict[LifecycleEvent, Callable[[RunRequested, int], Event]] = {
    LifecycleEvent.STARTED: started,
    LifecycleEvent.RETRYING: retrying,
    LifecycleEvent.FINISHED: lambda request, attempt: finished(request, attempt, Reason.TIME_LIMIT),
}


@pytest.mark.parametrize("event", TOLD)
def test_an_event_changes_what_the_table_lists_and_nothing_else(
    database: ExecutionsDatabase, event: LifecycleEvent
) -> None:
    for source, attempt in product(Status, (ATTEMPTS - 1, ATTEMPTS, ATTEMPTS + 1)):
        request = database.add()
        database.run(
            "UPDATE executions SET status = :status, attempts = :attempts WHERE id = :id",
            status=source,
            attempts=ATTEMPTS,
            id=request.execution_id,
        )
        [stored] = store(database, TOLD[event](request, attempt))
        targets = {
            target
            for each in transitions_of(event)
            if each.source is source and each.fence.admits(attempt, ATTEMPTS)
            for target in each.targets
        }
        now = database.execution(request.execution_id)["status"]
        assert stored.changed == bool(targets), (source, attempt)
        assert now in (targets or {source}), (source, attempt)
