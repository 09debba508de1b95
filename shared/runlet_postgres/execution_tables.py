"""The tables of the executions database.

The execution API makes and migrates them; the result collector writes into them too. The columns of
a result follow from the fields of runlet.execution.ExecutionResult.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from runlet.execution import ACTIVE, RESULT, CompileResult, Status

metadata = MetaData()

_Moment = DateTime(timezone=True)


def _sql_list(statuses: frozenset[Status]) -> str:
    return ", ".join(f"'{status}'" for status in sorted(statuses))


_COLUMN_TYPES: dict[type, Any] = {
    str: Text,
    bool: Boolean,
    int: BigInteger,
    CompileResult: JSONB(none_as_null=True),
}
_SMALL_NUMBERS = frozenset({"exit_code", "signal"})


def _result_columns() -> list[Column[Any]]:
    """One column for each field of a result; all are NULL until the execution is over."""
    return [
        Column(each.name, Integer if each.name in _SMALL_NUMBERS else _COLUMN_TYPES[each.type])
        for each in RESULT
    ]


executions = Table(
    "executions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("session_id", Uuid, nullable=False),
    Column("language", String(32), nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", String(32)),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    # The whole message body, so that it can be published again.
    Column("request", Text, nullable=False),
    Column("limits", JSONB, nullable=False),
    Column("idempotency_key", String(128)),
    Column("request_hash", LargeBinary(32), nullable=False),
    *_result_columns(),
    Column("feedback", JSONB, nullable=False, server_default=text("'[]'")),
    Column("detail", Text),
    Column("created_at", _Moment, nullable=False),
    Column("queued_at", _Moment, nullable=False),
    Column("started_at", _Moment),
    Column("finished_at", _Moment),
    Column("cancel_requested_at", _Moment),
    Column("callback_url", Text),
    # The W3C trace context of the call that queued it last.
    Column("traceparent", String(64)),
    # By the database's clock, as those of APIs, runners and collectors may be apart.
    Column("stored_at", _Moment, nullable=False, server_default=func.now()),
    CheckConstraint(f"status IN ({_sql_list(frozenset(Status))})", name="executions_status_known"),
    Index(
        "executions_idempotency_key",
        "session_id",
        "idempotency_key",
        unique=True,
        postgresql_where=text("idempotency_key IS NOT NULL"),
    ),
    Index("executions_newest_first", "session_id", text("created_at DESC"), text("id DESC")),
    Index(
        "executions_one_active",
        "session_id",
        unique=True,
        postgresql_where=text(f"status IN ({_sql_list(ACTIVE)})"),
    ),
    Index("executions_age", "created_at", postgresql_using="brin"),
    Index(
        "executions_queued",
        "language",
        "queued_at",
        postgresql_where=text(f"status = '{Status.QUEUED}'"),
    ),
)

execution_events = Table(
    "execution_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("execution_id", Uuid, ForeignKey("executions.id", ondelete="CASCADE"), nullable=False),
    Column("type", String(32), nullable=False),
    Column("at", _Moment, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("detail", Text),
    # By the database's clock; `at` is by the clock of whoever noticed the event.
    Column("stored_at", _Moment, nullable=False, server_default=func.now()),
    UniqueConstraint("execution_id", "type", "attempt", name="execution_events_once"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("execution_id", Uuid, ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True),
    Column("created_at", _Moment, nullable=False, server_default=func.now()),
    Column("traceparent", String(64)),
    # Which attempt the request starts; the stored one says the first.
    Column("attempt", Integer, nullable=False, server_default=text("1")),
    Index("outbox_oldest_first", "created_at"),
)

callbacks = Table(
    "callbacks",
    metadata,
    Column("execution_id", Uuid, ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True),
    Column("url", Text, nullable=False),
    Column("status", String(16), nullable=False),
    # Attempts that were begun, and the number of the first that tells the latest end: an execution
    # that is requeued ends once more.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("first_attempt", Integer, nullable=False, server_default=text("1")),
    Column("created_at", _Moment, nullable=False, server_default=func.now()),
    # When something is expected to happen; a pending callback that is long past it was lost.
    Column("due_at", _Moment, nullable=False, server_default=func.now()),
    CheckConstraint("status IN ('PENDING', 'DELIVERED', 'FAILED')", name="callbacks_status_known"),
    Index("callbacks_pending", "due_at", postgresql_where=text("status = 'PENDING'")),
)

callback_attempts = Table(
    "callback_attempts",
    metadata,
    Column(
        "execution_id",
        Uuid,
        ForeignKey("callbacks.execution_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("attempt", Integer, primary_key=True),
    Column("at", _Moment, nullable=False),
    Column("http_status", Integer),
    Column("problem", Text),
)

# When a subject, such as a session or a user, has run something lately.
run_allowances = Table(
    "run_allowances",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("runs", ARRAY(_Moment), nullable=False),
    Column("updated_at", _Moment, nullable=False),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("execution_id", Uuid),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("at", _Moment, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("dead_letters_newest_first", text("at DESC"), text("id DESC")),
)
