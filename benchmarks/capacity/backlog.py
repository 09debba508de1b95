"""python -m benchmarks.capacity.backlog: whether a long queue and a long history slow the API down.

Fills one stack with a history and a backlog, then asks it and an empty one in turns for runs and
for executions, and writes backlog.md. The one that is not asked is frozen, and the runners stand
still: what is compared is the APIs, the database and the broker, not who gets the cores.
"""

import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import docker
import msgspec
import pika
import sqlalchemy
import urllib3
from sqlalchemy import Engine, text

from benchmarks.speed import report
from benchmarks.speed.figures import latencies
from benchmarks.speed.stack import Stack
from runlet import messages, topology
from runlet.ids import new_id
from runlet.limits import Limits
from runlet.messages import RunRequested
from runlet_telemetry.build_info import VERSION

FILE = Path(__file__).parents[2] / "docs" / "capacity" / "backlog.md"
STORED = int(os.environ.get("BACKLOG_STORED") or 5_000_000)
QUEUED = int(os.environ.get("BACKLOG_QUEUED") or 100_000)
BATCH = 250_000
TURNS, CALLS_A_TURN = 6, 100
MOST_TIMES_SLOWER = 1.2
SOURCE = "print(1)\n"
LIMITS = Limits(time_limit_ms=5000, memory_limit_mb=256, output_limit_bytes=1_048_576)

Call = Callable[[], object]

# A run every 0.4 s until an hour ago, ten of each session in a row, under ids that grow with time
# as Runlet's own do (RFC 9562, 5.7).
_HISTORY = text("""
WITH numbered AS (
    SELECT n, now() - interval '1 hour' - (CAST(:total AS bigint) - n) * interval '0.4 s' AS at,
        now() - interval '1 hour' - (CAST(:total AS bigint) - n / 10 * 10) * interval '0.4 s'
            AS begun
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
), made AS (
    SELECT at, (lpad(to_hex(CAST(extract(epoch FROM at) * 1000 AS bigint)), 12, '0') || '7'
            || substr(md5('execution' || n), 1, 3) || '8' || substr(md5('execution' || n), 4, 15)
        )::uuid AS id,
        (lpad(to_hex(CAST(extract(epoch FROM begun) * 1000 AS bigint)), 12, '0') || '7'
            || substr(md5('session' || n / 10), 1, 3)
            || '8' || substr(md5('session' || n / 10), 4, 15))::uuid AS session_id
    FROM numbered
), stored AS (
    INSERT INTO executions (
        id, session_id, language, status, attempts, request, limits, request_hash, stdout, stderr,
        stdout_truncated, stderr_truncated, exit_code, execution_time_ms, cpu_time_ms,
        memory_peak_kb, created_at, queued_at, started_at, finished_at
    )
    SELECT id, session_id, 'python', 'COMPLETED', 1, CAST(:request AS text),
        CAST(:limits AS jsonb), '\\x00', repeat('Hello World ', 8), '', false, false, 0, 12, 9,
        9000, at, at, at, at
    FROM made
)
INSERT INTO execution_events (execution_id, type, at, attempt)
SELECT id, type, at, 1 FROM made CROSS JOIN unnest(ARRAY['queued', 'started', 'finished']) AS type
""")

_QUEUE = text("""
INSERT INTO executions (
    id, session_id, language, status, request, limits, request_hash, created_at, queued_at
)
SELECT id, id, 'python', 'QUEUED', CAST(:request AS text), CAST(:limits AS jsonb), '\\x00', now(),
    now()
FROM unnest(CAST(:ids AS uuid[])) AS id
""")


class Platform:
    """The platform's calls to one stack, over one kept connection."""

    def __init__(self, address: str) -> None:
        self._http = urllib3.PoolManager(maxsize=1)
        self._address = address

    def new_session(self) -> str:
        """A session's id."""
        body = {"language": "python", "source_code": SOURCE}
        return str(self._call("POST", "/code-sessions", body)["session_id"])

    def run(self, session: str) -> str:
        """The id of a run that was accepted."""
        return str(self._call("POST", f"/code-sessions/{session}/run", None)["execution_id"])

    def read(self, execution: object) -> None:
        """Look at an execution."""
        self._call("GET", f"/executions/{execution}", None)

    def _call(self, method: str, path: str, body: object) -> dict[str, object]:
        answer = self._http.request(method, self._address + path, json=body, retries=False)
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.data!r}")
        found: dict[str, object] = answer.json()
        return found


class Side:
    """One of the two stacks, and what its calls took, in ms."""

    def __init__(self, client: docker.DockerClient, name: str) -> None:
        self._stack = Stack.of_environment(client, name)
        self._stack.run_compose("stop", "-t", "10", "runner")
        self._platform = Platform(self._stack.address())
        self._took: defaultdict[str, list[float]] = defaultdict(list)

    def freeze(self) -> None:
        """Let none of its processes run."""
        self._stack.run_compose("pause")

    def thaw(self) -> None:
        """Let them run again."""
        self._stack.run_compose("unpause")

    def take_turn(self) -> None:
        """Ask for runs, each of a session of its own, and read one of them."""
        sessions = iter([self._platform.new_session() for _ in range(2 * CALLS_A_TURN)])
        runs: list[str] = []

        def run() -> None:
            runs.append(self._platform.run(next(sessions)))

        def read() -> None:
            self._platform.read(runs[0])

        latencies(run, CALLS_A_TURN)
        self._took["POST /code-sessions/{id}/run"] += latencies(run, CALLS_A_TURN)
        self._took["GET /executions/{id}"] += latencies(read, CALLS_A_TURN)

    def medians(self) -> dict[str, float]:
        """The median of each call, in ms."""
        return {call: statistics.median(took) for call, took in self._took.items()}


def main() -> int:
    """Fill, measure; 1 when something became slower than it may."""
    client = docker.DockerClient.from_env(timeout=120)
    full, empty = Side(client, "FULL"), Side(client, "BENCH")
    empty.freeze()
    engine = sqlalchemy.create_engine(os.environ["RUNLET_BACKLOG_DATABASE_URL"])
    fill(engine, os.environ["RUNLET_BACKLOG_AMQP_URL"])
    for turn in range(TURNS):
        _say(f"Turn {turn + 1} of {TURNS}")
        full.take_turn()
        full.freeze()
        empty.thaw()
        empty.take_turn()
        empty.freeze()
        full.thaw()
    empty.thaw()
    before, after = empty.medians(), full.medians()
    machine = report.describe_machine(os.cpu_count() or 1, client.version()["Version"])
    FILE.write_text(_table(machine, before, after), encoding="utf-8")
    sys.stdout.write(FILE.read_text(encoding="utf-8"))
    return 0 if all(after[call] <= MOST_TIMES_SLOWER * before[call] for call in before) else 1


def fill(engine: Engine, amqp_url: str) -> None:
    """The history and the backlog, as Runlet itself would have stored and published them."""
    for first in range(0, STORED, BATCH):
        _say(f"History: {first:,} of {STORED:,}")
        with engine.begin() as connection:
            # The foreign key of an event that is made beside its execution needs no look.
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            last = min(first + BATCH, STORED) - 1
            connection.execute(
                _HISTORY, {"first": first, "last": last, "total": STORED, **_request_values()}
            )
    ids = [new_id(datetime.now(UTC)) for _ in range(QUEUED)]
    _say(f"Backlog: {QUEUED:,}")
    with engine.begin() as connection:
        connection.execute(_QUEUE, {"ids": [str(each) for each in ids], **_request_values()})
    _publish(amqp_url, ids)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))


def _request_values() -> dict[str, str]:
    return {
        "request": messages.encode(_request(UUID(int=0))).decode(),
        "limits": msgspec.json.encode(LIMITS).decode(),
    }


def _request(execution_id: UUID) -> RunRequested:
    return RunRequested(execution_id, execution_id, "python", SOURCE, LIMITS, datetime.now(UTC))


def _publish(amqp_url: str, ids: Iterable[UUID]) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqp_url)) as connection:
        channel = connection.channel()
        for each in ids:
            properties = pika.BasicProperties(
                content_type="application/json",
                type=messages.TYPE_NAMES[RunRequested],
                correlation_id=str(each),
                message_id=str(uuid4()),
                delivery_mode=pika.DeliveryMode.Persistent,
            )
            body = messages.encode(_request(each))
            channel.basic_publish(topology.RUNS, "python", body, properties)


def _table(machine: str, empty: dict[str, float], full: dict[str, float]) -> str:
    lines = [
        "# A long queue and a long history",
        "",
        f"Written by `make backlog` with Runlet {VERSION}. {machine}",
        f"Empty: nothing stored, nothing queued. Full: {STORED:,} stored executions and {QUEUED:,}",
        "queued ones, in the database and in RabbitMQ. Two stacks asked in turns, the other one",
        "frozen; one caller, no runner at work; p50 in ms.",
        "",
        "| call | empty | full | full to empty | at most |",
        "|---|---|---|---|---|",
    ]
    for call, ms in empty.items():
        lines.append(
            f"| `{call}` | {ms:.2f} | {full[call]:.2f} | {full[call] / ms:.2f} "
            f"| {MOST_TIMES_SLOWER} |"
        )
    return "\n".join([*lines, ""])


def _say(what: str) -> None:
    sys.stdout.write(f"    {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
