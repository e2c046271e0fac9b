"""Time zones of accounts, and names that people give their sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None
oldest_code = "0008"


def upgrade() -> None:
    # Accounts that older code creates have no zone.
    op.add_column("accounts", sa.Column("zone", sa.String(length=64), server_default=sa.text("''"), nullable=False))
    op.create_table(
        "session_names",
        sa.Column("session", sa.String(length=16), nullable=False),
        sa.Column("account", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.id"], name=op.f("fk_session_names_account_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_session_names")),
    )
    op.create_index(op.f("ix_session_names_account"), "session_names", ["account"])
    op.create_index(op.f("ix_session_names_expires_at"), "session_names", ["expires_at"])


def downgrade() -> None:
    op.drop_table("session_names")
    op.drop_column("accounts", "zone")
