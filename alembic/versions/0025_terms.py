"""Which version of the terms somebody has accepted, and when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None
oldest_code = "0008"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("terms_version", sa.String(length=32), server_default="", nullable=False))
    op.add_column("accounts", sa.Column("terms_accepted_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("accounts", "terms_accepted_at")
    op.drop_column("accounts", "terms_version")
