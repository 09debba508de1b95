"""Counted runs are forgotten once they count no more."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from result_collector.retention.executions import Retention
from runlet.clock import SystemClock
from runlet.lifecycle import StopSignal
from support.databases.executions import ExecutionsDatabase


@pytest.mark.parametrize(("minutes", "stays"), [(59, True), (61, False)])
def test_an_allowance_stays_for_an_hour_whatever_the_retention(
    database: ExecutionsDatabase, minutes: int, stays: bool
) -> None:
    database.run(
        "INSERT INTO run_allowances VALUES ('user:5', '{}', now() - make_interval(mins => :ago))",
        ago=minutes,
    )
    engine = database.engine.execution_options(isolation_level="READ COMMITTED")

    Retention(engine, SystemClock(), timedelta(days=30)).turn(StopSignal())

    with database.engine.connect() as connection:
        left = connection.execute(text("SELECT count(*) FROM run_allowances")).scalar_one()
    assert left == int(stays)
