"""What an invitation says in its inviter's own words, and where in its list it stood."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None
oldest_code = "0008"


def upgrade() -> None:
    for table in ("sent_invites", "invite_batches", "invite_batch_rows"):
        op.add_column(table, sa.Column("message", sa.String(500), nullable=False, server_default=sa.text("''")))
    op.add_column(
        "invite_batch_rows", sa.Column("next", sa.String(1500), nullable=False, server_default=sa.text("''"))
    )
    op.add_column("sent_invites", sa.Column("line", sa.Integer(), nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    op.drop_column("sent_invites", "line")
    op.drop_column("invite_batch_rows", "next")
    for table in ("sent_invites", "invite_batches", "invite_batch_rows"):
        op.drop_column(table, "message")
