"""Both APIs with all they talk to; programs end as soon as they are queued."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import requests

from support.broker.collectors import running_collector
from support.broker.instant_runner import running_instant_runner
from support.databases.executions import ExecutionsDatabase, run_requested
from support.deployments.gunicorns import Replica, running_replica
from support.http.schemathesis_runs import KnownIds

TOKEN, SERVICE_TOKEN = "0123456789-platform", "0123456789-service"
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}
TOKENS = {"API_TOKENS": f"platform:{TOKEN}", "SERVICE_TOKEN": SERVICE_TOKEN}
# Nothing listens there: what is posted there is refused, and tried again later.
CALLBACK_HOSTS = "127.0.0.1:9"
NO_BOUNDS = {
    "RATE_LIMIT_RUNS_PER_MINUTE": "0",
    "RATE_LIMIT_USER_RUNS_PER_MINUTE": "0",
    "MAX_CONSECUTIVE_FAILURES": "0",
}
SESSIONS, EXECUTIONS, LETTERS = 3, 5, 30


@dataclass(frozen=True)
class ApiPair:
    """Where both APIs listen, and the headers they want."""

    sessions: str
    executions: str
    headers: Mapping[str, str]


@contextmanager
def running_pair(
    sessions_database: str, executions_database: str, amqp_url: str, *, with_tokens: bool
) -> Iterator[ApiPair]:
    """Both APIs, the result collector and a stand-in for the runners.

    With tokens there are callbacks as well.
    """
    headers = WITH_TOKEN if with_tokens else {}
    shared = {"WEB_WORKERS": "1", "LOG_LEVEL": "WARNING", **(TOKENS if with_tokens else {})}
    callbacks = CALLBACK_HOSTS if with_tokens else ""
    with ExitStack() as running:

        def start(app: str, database_url: str, **settings: str) -> Replica:
            given = {**shared, "DATABASE_URL": database_url, **settings}
            return running.enter_context(running_replica(app, headers, **given))

        sessions = start("session_api.wsgi:app", sessions_database)
        executions = start(
            "execution_api.wsgi:app",
            executions_database,
            AMQP_URL=amqp_url,
            SESSION_API_URL=sessions.url,
            CALLBACK_ALLOWED_HOSTS=callbacks,
            **NO_BOUNDS,
        )
        running.enter_context(running_collector(executions_database, amqp_url))
        running.enter_context(running_instant_runner(amqp_url))
        yield ApiPair(sessions.url, executions.url, headers)


def known_ids(pair: ApiPair, database: ExecutionsDatabase) -> KnownIds:
    """Ids of what there is in each state, made for this."""
    sessions = [_begin(pair) for _ in range(SESSIONS)]
    over = [database.add_failed() for _ in range(EXECUTIONS)]
    queued = [database.add(run_requested()) for _ in range(EXECUTIONS)]
    letters = [database.add_dead_letter(database.add_failed().execution_id) for _ in range(LETTERS)]
    ended = [str(each.execution_id) for each in over]
    return {
        ("runCode", "session_id"): sessions,
        ("listExecutions", "session_id"): [*sessions, *(str(each.session_id) for each in over)],
        # Only what is over, because else it would take up to 30 seconds, and without end.
        ("getExecution", "execution_id"): ended,
        ("streamExecution", "execution_id"): ended,
        ("getExecutionEvents", "execution_id"): ended,
        ("cancelExecution", "execution_id"): [*ended, *(str(each.execution_id) for each in queued)],
        ("requeueDeadLetter", "letter_id"): [str(each) for each in letters[::2]],
        ("deleteDeadLetter", "letter_id"): [str(each) for each in letters[1::2]],
    }


def _begin(pair: ApiPair) -> str:
    created = requests.post(
        f"{pair.sessions}/code-sessions",
        json={"language": "python"},
        headers=dict(pair.headers),
        timeout=120,
    )
    assert created.status_code == 201, created.text
    session_id: str = created.json()["session_id"]
    return session_id
