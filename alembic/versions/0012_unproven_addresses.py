"""Whether the address of an account was only typed, and not proven. Every account that is there counts as proven."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None
oldest_code = "0008"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("email_unproven", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("accounts", "email_unproven")
