"""The client secret before the one that is good now, and until when it still is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
oldest_code = "0001"


def upgrade() -> None:
    op.add_column("apps", sa.Column("old_secret_hash", sa.String(length=64), nullable=True))
    op.add_column("apps", sa.Column("old_secret_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("apps", "old_secret_until")
    op.drop_column("apps", "old_secret_hash")
