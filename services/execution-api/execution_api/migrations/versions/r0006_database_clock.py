"""When executions and their events were stored, by the database's clock."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the database note when it stores an execution or an event.

    The version before names the columns that it inserts, so the default serves it too. Rows that
    are there already count from now, and no table is rewritten.
    """
    for table in ("executions", "execution_events"):
        op.add_column(table, _stored_at())


def downgrade() -> None:
    """Forget it."""
    for table in ("executions", "execution_events"):
        op.drop_column(table, "stored_at")


def _stored_at() -> sa.Column[datetime]:
    moment = sa.DateTime(timezone=True)
    return sa.Column("stored_at", moment, nullable=False, server_default=sa.func.now())
