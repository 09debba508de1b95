"""Executions, their events, the outbox and dead letters."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _create_executions()
    _create_execution_events()
    _create_outbox()
    _create_dead_letters()


def downgrade() -> None:
    """Drop the tables and what is in them."""
    for table in ("dead_letters", "outbox", "execution_events", "executions"):
        op.drop_table(table)


def _create_executions() -> None:
    op.create_table(
        "executions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.String(32), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32)),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("limits", postgresql.JSONB(), nullable=False),
        sa.Column("idempotency_key", sa.String(128)),
        sa.Column("request_hash", sa.LargeBinary(32), nullable=False),
        *_result_columns(),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("queued_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        sa.CheckConstraint(
            "status IN ('CANCELLED', 'COMPLETED', 'FAILED', 'QUEUED', 'RUNNING', 'TIMEOUT')",
            name="executions_status_known",
        ),
    )
    _index_executions()


def _result_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("stdout", sa.Text()),
        sa.Column("stderr", sa.Text()),
        sa.Column("stdout_truncated", sa.Boolean()),
        sa.Column("stderr_truncated", sa.Boolean()),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("signal", sa.Integer()),
        sa.Column("execution_time_ms", sa.BigInteger()),
        sa.Column("cpu_time_ms", sa.BigInteger()),
        sa.Column("memory_peak_kb", sa.BigInteger()),
        sa.Column("compile", postgresql.JSONB()),
        sa.Column("feedback", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'")),
        sa.Column("detail", sa.Text()),
    ]


def _index_executions() -> None:
    op.create_index(
        "executions_idempotency_key",
        "executions",
        ["session_id", "idempotency_key"],
        unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_index(
        "executions_newest_first",
        "executions",
        ["session_id", sa.text("created_at DESC"), sa.text("id DESC")],
    )
    op.create_index(
        "executions_one_active",
        "executions",
        ["session_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('QUEUED', 'RUNNING')"),
    )
    op.create_index(
        "executions_queued",
        "executions",
        ["queued_at"],
        postgresql_where=sa.text("status = 'QUEUED'"),
    )


def _create_execution_events() -> None:
    op.create_table(
        "execution_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column(
            "execution_id",
            sa.Uuid(),
            sa.ForeignKey("executions.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.UniqueConstraint("execution_id", "type", "attempt", name="execution_events_once"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column(
            "execution_id",
            sa.Uuid(),
            sa.ForeignKey("executions.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("traceparent", sa.String(64)),
    )
    op.create_index("outbox_oldest_first", "outbox", ["created_at"])


def _create_dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("execution_id", sa.Uuid()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index(
        "dead_letters_newest_first", "dead_letters", [sa.text("at DESC"), sa.text("id DESC")]
    )
