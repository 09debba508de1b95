"""Which trace an execution belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep the trace context of the call that queued an execution last."""
    op.add_column("executions", sa.Column("traceparent", sa.String(64)))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("executions", "traceparent")
