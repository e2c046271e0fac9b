"""Which keys the database was used with; and, for older code to read, whether it works on these tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
oldest_code = "0008"

VERSION_TABLE = "accounts_alembic_version"


def upgrade() -> None:
    # Filled in by env.py, at each revision from this one on.
    op.add_column(VERSION_TABLE, sa.Column("oldest_code", sa.String(length=32), nullable=True))
    op.create_table(
        "known_keys",
        sa.Column("key", sa.String(length=8), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_known_keys")),
    )


def downgrade() -> None:
    op.drop_table("known_keys")
    op.drop_column(VERSION_TABLE, "oldest_code")
