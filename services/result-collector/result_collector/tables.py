"""The columns the collector writes; the tables belong to the execution API, which makes them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

_metadata = MetaData()

executions = Table(
    "executions",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("session_id", Uuid),
    Column("language", String),
    Column("status", String),
    Column("reason", String),
    Column("attempts", Integer),
    Column("stdout", Text),
    Column("stderr", Text),
    Column("stdout_truncated", Boolean),
    Column("stderr_truncated", Boolean),
    Column("exit_code", Integer),
    Column("signal", Integer),
    Column("execution_time_ms", BigInteger),
    Column("cpu_time_ms", BigInteger),
    Column("memory_peak_kb", BigInteger),
    Column("compile", JSONB(none_as_null=True)),
    Column("detail", Text),
    Column("limits", JSONB),
    Column("feedback", JSONB),
    Column("created_at", DateTime(timezone=True)),
    Column("queued_at", DateTime(timezone=True)),
    Column("started_at", DateTime(timezone=True)),
    Column("finished_at", DateTime(timezone=True)),
    Column("cancel_requested_at", DateTime(timezone=True)),
    Column("callback_url", Text),
    Column("traceparent", String),
)

callbacks = Table(
    "callbacks",
    _metadata,
    Column("execution_id", Uuid, primary_key=True),
    Column("url", Text),
    Column("status", String),
    Column("attempts", Integer),
    Column("first_attempt", Integer),
    Column("due_at", DateTime(timezone=True)),
)

callback_attempts = Table(
    "callback_attempts",
    _metadata,
    Column("execution_id", Uuid, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("at", DateTime(timezone=True)),
    Column("http_status", Integer),
    Column("problem", Text),
)

execution_events = Table(
    "execution_events",
    _metadata,
    Column("execution_id", Uuid),
    Column("type", String),
    Column("at", DateTime(timezone=True)),
    Column("attempt", Integer),
    Column("detail", Text),
)

outbox = Table(
    "outbox",
    _metadata,
    Column("execution_id", Uuid, primary_key=True),
    Column("created_at", DateTime(timezone=True)),
    Column("traceparent", String),
    Column("attempt", Integer),
)

dead_letters = Table(
    "dead_letters",
    _metadata,
    Column("id", Uuid, primary_key=True),
    Column("execution_id", Uuid),
    Column("reason", Text),
    Column("attempts", Integer),
    Column("at", DateTime(timezone=True)),
    Column("type", Text),
    Column("body", LargeBinary),
)

run_allowances = Table(
    "run_allowances",
    _metadata,
    Column("subject", Text, primary_key=True),
    Column("updated_at", DateTime(timezone=True)),
)
