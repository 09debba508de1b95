"""The APIs keep what their OpenAPI documents say: schemathesis, all checks on, finds nothing.

Nothing is left out. Executions end at once, because a stand-in for the runners tells their end as
soon as they are queued, and so `wait` and the stream never wait for long.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import execution_api
import session_api
from support.databases.executions import ExecutionsDatabase
from support.deployments.api_pairs import ApiPair, known_ids, running_pair
from support.http.schemathesis_runs import RUN_SECONDS, run_schemathesis

MakeDatabase = Callable[[Path], str]

PHASES = ("Examples", "Coverage", "Fuzzing", "Stateful")

pytestmark = pytest.mark.timeout(2 * RUN_SECONDS + 60)


@pytest.fixture
def executions(make_database: MakeDatabase) -> Iterator[ExecutionsDatabase]:
    database = ExecutionsDatabase(make_database(_migrations(execution_api.__file__)))
    yield database
    database.close()


@pytest.fixture(params=[False, True], ids=["for everybody", "with tokens and callbacks"])
def pair(
    request: pytest.FixtureRequest,
    make_database: MakeDatabase,
    executions: ExecutionsDatabase,
    amqp_url: str,
) -> Iterator[ApiPair]:
    sessions = make_database(_migrations(session_api.__file__))
    with running_pair(sessions, executions.url, amqp_url, with_tokens=request.param) as running:
        yield running


def test_schemathesis_finds_nothing(
    pair: ApiPair, executions: ExecutionsDatabase, tmp_path: Path
) -> None:
    known = known_ids(pair, executions)
    for address in (pair.sessions, pair.executions):
        ran = run_schemathesis(tmp_path, address, known, pair.headers)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert all(f"✅ {phase}" in ran.stdout for phase in PHASES), ran.stdout


def _migrations(package: str | None) -> Path:
    return Path(package or "").with_name("alembic.ini")
