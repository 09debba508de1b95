"""Executions between their rows and their type, and their transitions as SQL conditions."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Text, and_, literal_column, or_

from runlet.execution import (
    EXECUTION_FIELDS,
    RESULT_FIELDS,
    Execution,
    ExecutionResult,
    Fence,
    LifecycleEvent,
    Transition,
    transitions_of,
)
from runlet_postgres.execution_tables import executions

# The columns that are shown, in the order of the fields; the column of `execution_id` is `id`.
COLUMN_NAMES = tuple("id" if name == "execution_id" else name for name in EXECUTION_FIELDS)
RESULT_COLUMNS = tuple(executions.c[name] for name in RESULT_FIELDS)
COLUMNS = tuple(executions.c[name] for name in COLUMN_NAMES)

AnyExecution = TypeVar("AnyExecution", bound=Execution)


def read_row(row: Mapping[Any, Any], execution_type: type[AnyExecution]) -> AnyExecution:
    """The execution in a row that has COLUMNS.

    Raises msgspec.ValidationError for one that a version stored in another shape.
    """
    values = {name: row[name] for name in COLUMN_NAMES if name not in RESULT_FIELDS}
    # Until an execution is over, its result is NULL, which stands for the defaults.
    result = {name: row[name] for name in RESULT_FIELDS if row[name] is not None}
    return msgspec.convert(
        {**values, "execution_id": values.pop("id"), "result": result}, execution_type
    )


def result_values(result: ExecutionResult) -> dict[str, Any]:
    """What the columns of a result hold."""
    # Each by its name: what msgspec has read keeps defaults in the class, which to_builtins omits.
    return {name: msgspec.to_builtins(getattr(result, name)) for name in RESULT_FIELDS}


def may_happen(
    event: LifecycleEvent, attempt: ColumnElement[int] | None = None
) -> ColumnElement[bool]:
    """Where an event of `attempt` may change an execution, by runlet.execution.TRANSITIONS.

    Without an attempt there is no fence: for statements that number the attempt themselves.
    """
    return or_(*(_admits(transition, attempt) for transition in transitions_of(event)))


def _admits(transition: Transition, attempt: ColumnElement[int] | None) -> ColumnElement[bool]:
    # Written out instead of as parameters, so that the statement can be prepared.
    conditions = [executions.c.status == literal_column(f"'{transition.source}'", Text)]
    if transition.only_reason is not None:
        reason = literal_column(f"'{transition.only_reason}'", Text)
        conditions.append(executions.c.reason == reason)
    if attempt is not None:
        stored = executions.c.attempts
        is_newer = transition.fence is Fence.NEWER
        conditions.append(stored < attempt if is_newer else stored <= attempt)
    return and_(*conditions)
