"""An execution is shown the same by whatever way it comes: read, published, called back."""

import json

import pytest

from execution_api.executions.event_listener import as_row
from execution_api.executions.repository import ExecutionRepository
from execution_api.executions.schemas import ExecutionSchema
from result_collector.callbacks import document
from runlet import messages
from runlet.execution import EXECUTION_FIELDS, RESULT_FIELDS, CompileResult, Reason
from runlet.messages import ExecutionEnded
from runlet_postgres.execution_rows import read_row
from support.databases.event_factory import finished
from support.databases.executions import ExecutionsDatabase
from support.databases.stores import store


@pytest.mark.parametrize("compiled", [None, CompileResult(1, "", "error", 80)], ids=str)
def test_every_field_of_an_execution_is_shown_everywhere_alike(
    database: ExecutionsDatabase, compiled: CompileResult | None
) -> None:
    request = database.add()
    [stored] = store(database, finished(request, 1, Reason.SIGNAL, signal=11, compile=compiled))
    assert stored.ended is not None
    row = ExecutionRepository(database.engine).find(request.execution_id)
    assert row is not None
    shown = ExecutionSchema().dump(row)
    body = messages.encode(read_row(stored.ended, ExecutionEnded))
    ended = messages.decode("execution.ended.v1", body)
    assert isinstance(ended, ExecutionEnded)

    assert tuple(shown) == EXECUTION_FIELDS
    assert set(RESULT_FIELDS) <= set(shown)
    assert ExecutionSchema().dump(as_row(ended)) == shown
    assert json.loads(document.encode(row)) == shown
