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
    op.add_column("accounts", sa.Column("zone", sa.String(length=64), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("accounts", "zone")
