"""Addresses from which mail came back for good."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None
oldest_code = "0008"


def upgrade() -> None:
    op.create_table(
        "unreachable_addresses",
        sa.Column("email_key", sa.String(254), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mail", sa.String(16), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("said", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("email_key", name="pk_unreachable_addresses"),
    )
    op.create_index("ix_unreachable_addresses_since_mail", "unreachable_addresses", ["since", "mail"])


def downgrade() -> None:
    op.drop_table("unreachable_addresses")
