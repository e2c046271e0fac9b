"""Invitations for several people, and how many places of each are taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
oldest_code = "0008"


def upgrade() -> None:
    op.create_table(
        "shared_invites",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("title", sa.String(length=100), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("domain", sa.String(length=254), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("inviter_id", sa.String(length=16), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("next", sa.String(length=1500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shared_invites")),
    )
    for column in ("inviter_id", "created_at", "keep_until"):
        op.create_index(op.f(f"ix_shared_invites_{column}"), "shared_invites", [column], unique=False)


def downgrade() -> None:
    op.drop_table("shared_invites")
