"""What a platform's backend asks for on top: callbacks, and bounds on how often is run."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables of callbacks and of allowances."""
    op.add_column("executions", sa.Column("callback_url", sa.Text()))
    _create_callbacks()
    op.create_table(
        "run_allowances",
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("runs", postgresql.ARRAY(_MOMENT), nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
    )


def downgrade() -> None:
    """Drop them and what is in them."""
    for table in ("run_allowances", "callback_attempts", "callbacks"):
        op.drop_table(table)
    op.drop_column("executions", "callback_url")


def _create_callbacks() -> None:
    op.create_table(
        "callbacks",
        sa.Column("execution_id", sa.Uuid(), primary_key=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("first_attempt", sa.Integer(), nullable=False, server_default=sa.text("1")),
        sa.Column("created_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.Column("due_at", _MOMENT, nullable=False, server_default=sa.func.now()),
        sa.ForeignKeyConstraint(["execution_id"], ["executions.id"], ondelete="CASCADE"),
        sa.CheckConstraint(
            "status IN ('PENDING', 'DELIVERED', 'FAILED')", name="callbacks_status_known"
        ),
    )
    op.create_index(
        "callbacks_pending",
        "callbacks",
        ["due_at"],
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.create_table(
        "callback_attempts",
        sa.Column("execution_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("http_status", sa.Integer()),
        sa.Column("problem", sa.Text()),
        sa.PrimaryKeyConstraint("execution_id", "attempt"),
        sa.ForeignKeyConstraint(["execution_id"], ["callbacks.execution_id"], ondelete="CASCADE"),
    )
