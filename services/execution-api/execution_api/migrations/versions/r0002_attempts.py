"""Requests that are sent again, cancellations, and the age of executions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what requeueing, cancelling and retention need."""
    op.add_column(
        "outbox", sa.Column("attempt", sa.Integer(), nullable=False, server_default=sa.text("1"))
    )
    op.add_column("executions", sa.Column("cancel_requested_at", sa.DateTime(timezone=True)))
    # executions_one_active finds the queued ones as well, and each index costs every run.
    op.drop_index("executions_queued", "executions")
    op.create_index("executions_age", "executions", ["created_at"], postgresql_using="brin")


def downgrade() -> None:
    """Take it away again."""
    op.drop_index("executions_age", "executions")
    op.create_index(
        "executions_queued",
        "executions",
        ["queued_at"],
        postgresql_where=sa.text("status = 'QUEUED'"),
    )
    op.drop_column("executions", "cancel_requested_at")
    op.drop_column("outbox", "attempt")
