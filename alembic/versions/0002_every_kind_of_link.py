"""What the further kinds of links bind and leave behind: serials, lock, anchor, return target, uses of keys."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
oldest_code = "0001"


def columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("email_serial", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lock_serial", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("anchor_email", sa.String(length=254), nullable=True),
        sa.Column("anchor_key", sa.String(length=254), nullable=True),
        sa.Column("anchor_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("anchor_serial", sa.Integer(), server_default="0", nullable=False),
    )


def upgrade() -> None:
    # Added one by one, not in a batch: SQLite would copy and drop the table, and everybody's groups with it.
    for column in columns():
        op.add_column("accounts", column)
    op.create_index(op.f("ix_accounts_anchor_key"), "accounts", ["anchor_key"], unique=True)
    op.add_column("sent_invites", sa.Column("next", sa.String(length=1500), server_default="", nullable=False))
    op.create_table(
        "key_uses",
        sa.Column("key", sa.String(length=8), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("signed", sa.Integer(), nullable=False),
        sa.Column("first_signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("last_opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", "purpose", name=op.f("pk_key_uses")),
    )


def downgrade() -> None:
    op.drop_table("key_uses")
    op.drop_column("sent_invites", "next")
    op.drop_index(op.f("ix_accounts_anchor_key"), "accounts")
    for column in reversed(columns()):
        op.drop_column("accounts", column.name)
