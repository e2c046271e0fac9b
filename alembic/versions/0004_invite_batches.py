"""Invitations in batches: the lists they come from, and what the ledger is searched by."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
oldest_code = "0001"


def columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("name", sa.String(length=100), server_default="", nullable=False),
        sa.Column("search", sa.String(length=400), server_default="", nullable=False),
        sa.Column("batch", sa.String(length=16), nullable=True),
    )


def upgrade() -> None:
    for column in columns():
        op.add_column("sent_invites", column)
    op.execute("UPDATE sent_invites SET search = email_key")
    op.create_index(op.f("ix_sent_invites_batch_id"), "sent_invites", ["batch", "id"])
    op.create_table(
        "invite_batches",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("made_by", sa.String(length=16), nullable=False),
        sa.Column("next", sa.String(length=1500), nullable=False),
        sa.Column("unused", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invite_batches")),
        sa.UniqueConstraint("name", name=op.f("uq_invite_batches_name")),
    )
    op.create_index(op.f("ix_invite_batches_created_at"), "invite_batches", ["created_at"])
    op.create_table(
        "invite_batch_rows",
        sa.Column("batch", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_key", sa.String(length=254), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("adds", sa.JSON(), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("invite_id", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch"],
            ["invite_batches.id"],
            name=op.f("fk_invite_batch_rows_batch_invite_batches"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("batch", "number", name=op.f("pk_invite_batch_rows")),
        sa.UniqueConstraint("batch", "email_key", name=op.f("uq_invite_batch_rows_batch_email_key")),
    )
    op.create_index(op.f("ix_invite_batch_rows_email_key"), "invite_batch_rows", ["email_key"])
    op.create_index(
        op.f("ix_invite_batch_rows_batch_verdict_number"), "invite_batch_rows", ["batch", "verdict", "number"]
    )


def downgrade() -> None:
    op.drop_table("invite_batch_rows")
    op.drop_table("invite_batches")
    op.drop_index(op.f("ix_sent_invites_batch_id"), "sent_invites")
    for column in reversed(columns()):
        op.drop_column("sent_invites", column.name)
