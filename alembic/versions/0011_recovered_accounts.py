"""Which invitations of an account ended when its owner took it back, as moments on its row: no list is needed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
oldest_code = "0008"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("admin_invites_void_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("accounts", sa.Column("void_invites", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("accounts", "void_invites")
    op.drop_column("accounts", "admin_invites_void_until")
