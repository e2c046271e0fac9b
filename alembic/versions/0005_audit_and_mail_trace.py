"""The audit log in order, sealed in a chain; and which address its lines are about, as keyed digests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None
oldest_code = "0001"


def upgrade() -> None:
    op.create_table(
        "audit_marks",
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.Column("audit", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("mark", "audit", name=op.f("pk_audit_marks")),
    )
    op.create_index(op.f("ix_audit_marks_at"), "audit_marks", ["at"])
    op.create_index(op.f("ix_audit_marks_audit"), "audit_marks", ["audit"])
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("audit", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("personal", sa.String(length=43), nullable=False),
        sa.Column("salt", sa.String(length=22), nullable=True),
        sa.Column("digest", sa.String(length=43), nullable=False),
        sa.Column("key", sa.String(length=8), nullable=True),
        sa.Column("proof", sa.String(length=43), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seals")),
        sa.UniqueConstraint("audit", name=op.f("uq_audit_seals_audit")),
    )
    op.create_index(op.f("ix_audit_at_id"), "audit", ["at", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_at_id"), "audit")
    op.drop_table("audit_seals")
    op.drop_table("audit_marks")
