"""Lanes of the outbox: what somebody waits for, what goes to many, and what is slow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None
oldest_code = "0008"

LOGOUT_PURPOSE = "backchannel-logout"
HAS_BATCH = sa.text("batch IS NOT NULL")


def upgrade() -> None:
    op.add_column("outbox", sa.Column("lane", sa.String(length=8), server_default="direct", nullable=False))
    op.add_column("outbox", sa.Column("batch", sa.String(length=16), nullable=True))
    outbox = sa.table("outbox", sa.column("lane"), sa.column("purpose"))
    op.execute(sa.update(outbox).where(outbox.c.purpose == LOGOUT_PURPOSE).values(lane="calls"))
    op.create_index(op.f("ix_outbox_lane_dead_at_not_before"), "outbox", ["lane", "dead_at", "not_before"])
    op.create_index(
        "ix_outbox_batch",
        "outbox",
        ["batch", "dead_at", "not_before"],
        sqlite_where=HAS_BATCH,
        postgresql_where=HAS_BATCH,
    )
    op.drop_index(op.f("ix_outbox_dead_at_not_before"), "outbox")
    op.create_table(
        "mail_lanes",
        sa.Column("name", sa.String(length=8), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("wait_step", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mail_lanes")),
    )
    op.create_table(
        "mail_batches",
        sa.Column("batch", sa.String(length=16), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("batch", name=op.f("pk_mail_batches")),
    )


def downgrade() -> None:
    op.drop_table("mail_batches")
    op.drop_table("mail_lanes")
    op.create_index(op.f("ix_outbox_dead_at_not_before"), "outbox", ["dead_at", "not_before"])
    op.drop_index("ix_outbox_batch", "outbox")
    op.drop_index(op.f("ix_outbox_lane_dead_at_not_before"), "outbox")
    op.drop_column("outbox", "batch")
    op.drop_column("outbox", "lane")
