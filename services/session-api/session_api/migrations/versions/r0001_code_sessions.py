"""Code sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the orders in which it is listed."""
    op.create_table(
        "code_sessions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("source_code", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("problem_id", sa.Text),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()
        ),
        sa.CheckConstraint("status IN ('ACTIVE', 'INACTIVE')", name="code_sessions_status"),
        # Room in each page, so that an autosave rewrites its row without touching the indexes.
        postgresql_with={"fillfactor": 70},
    )
    newest = [sa.text("created_at DESC"), sa.text("id DESC")]
    op.create_index("code_sessions_newest", "code_sessions", newest)
    op.create_index("code_sessions_newest_of_user", "code_sessions", ["user_id", *newest])


def downgrade() -> None:
    """Drop the table with its indexes."""
    op.drop_table("code_sessions")
