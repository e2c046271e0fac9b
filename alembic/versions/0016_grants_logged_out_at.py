"""Of which sign-ins to other apps it was recorded that the app must be told of their end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None
oldest_code = "0008"


def upgrade() -> None:
    op.add_column("grants", sa.Column("logged_out_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("grants", "logged_out_at")
