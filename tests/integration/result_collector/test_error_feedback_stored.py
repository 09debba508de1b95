"""What went wrong in a program is stored with its end."""

from dataclasses import replace

from runlet.execution import Reason
from runlet.languages import WORKING_DIRECTORY
from support.databases.event_factory import finished, started
from support.databases.executions import ExecutionsDatabase
from support.databases.stores import store

TRACEBACK = f"""Traceback (most recent call last):
  File "{WORKING_DIRECTORY}/main.py", line 3, in <module>
    print(1 / 0)
          ~~^~~
ZeroDivisionError: division by zero
"""


def test_an_uncaught_error_is_named_with_its_line(database: ExecutionsDatabase) -> None:
    request = database.add()
    failed = finished(request, reason=Reason.NONZERO_EXIT, stderr=TRACEBACK, exit_code=1)
    store(database, started(request), replace(failed, language="python"))

    feedback = database.execution(request.execution_id)["feedback"]

    assert feedback == [{"kind": "ZeroDivisionError", "line": 3, "message": "division by zero"}]


def test_what_a_good_program_prints_is_no_error(database: ExecutionsDatabase) -> None:
    request = database.add()
    store(
        database, started(request), replace(finished(request, stderr=TRACEBACK), language="python")
    )

    assert database.execution(request.execution_id)["feedback"] == []
