"""Acts on many accounts: the frozen set of each, and what became of every account in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None
oldest_code = "0008"


def upgrade() -> None:
    op.create_table(
        "bulk_acts",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("kept", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_acts")),
    )
    op.create_index(op.f("ix_bulk_acts_created_at_id"), "bulk_acts", ["created_at", "id"])
    op.create_index(op.f("ix_bulk_acts_touched_at"), "bulk_acts", ["touched_at"])
    op.create_table(
        "bulk_act_accounts",
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=16), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["act"], ["bulk_acts.id"], name=op.f("fk_bulk_act_accounts_act_bulk_acts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["account"], ["accounts.id"], name=op.f("fk_bulk_act_accounts_account_accounts"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("act", "number", name=op.f("pk_bulk_act_accounts")),
        sa.UniqueConstraint("act", "account", name=op.f("uq_bulk_act_accounts_act_account")),
    )
    op.create_index(op.f("ix_bulk_act_accounts_account"), "bulk_act_accounts", ["account"])
    op.create_index(
        op.f("ix_bulk_act_accounts_act_verdict_number"), "bulk_act_accounts", ["act", "verdict", "number"]
    )


def downgrade() -> None:
    op.drop_table("bulk_act_accounts")
    op.drop_table("bulk_acts")
