"""The oldest queued execution of a language, found at once however many wait."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index what is queued by its age."""
    op.create_index(
        "executions_queued",
        "executions",
        ["language", "queued_at"],
        postgresql_where=sa.text("status = 'QUEUED'"),
    )


def downgrade() -> None:
    """Take the index away again."""
    op.drop_index("executions_queued", "executions")
