"""Indexes for tables of millions of rows, and the terms by which accounts and invitations are found.

The terms themselves are made afterwards, in portions: nobody waits for them.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
oldest_code = "0008"

INDEXES = {
    "ix_accounts_status_email_key": ("accounts", ["status", "email_key"], ""),
    "ix_accounts_locked": ("accounts", ["email_key"], "locked_at IS NOT NULL"),
    "ix_accounts_unsearchable": ("accounts", ["id"], "NOT searchable"),
    "ix_memberships_group_account": ("memberships", ["group", "account"], ""),
    "ix_audit_account_kind_at": ("audit", ["account", "kind", "at"], ""),
    "ix_audit_actor_at": ("audit", ["actor", "at"], ""),
    "ix_audit_network_at": ("audit", ["network", "at"], ""),
    "ix_outbox_subject": ("outbox", ["subject"], ""),
    "ix_outbox_dead": ("outbox", ["id"], "dead_at IS NOT NULL"),
    "ix_sent_invites_batch_created_at": ("sent_invites", ["batch", "created_at"], ""),
    "ix_sent_invites_inviter_id_created_at": ("sent_invites", ["inviter_id", "created_at"], ""),
    "ix_sent_invites_accepted": ("sent_invites", ["created_at", "id"], "accepted_at IS NOT NULL"),
    "ix_sent_invites_revoked": ("sent_invites", ["created_at", "id"], "revoked_at IS NOT NULL"),
    "ix_sent_invites_undecided": (
        "sent_invites",
        ["created_at", "id", "expires_at"],
        "accepted_at IS NULL AND revoked_at IS NULL",
    ),
    "ix_sent_invites_unsearchable": ("sent_invites", ["id"], "NOT searchable"),
}
TERM_TABLES = {
    "account_terms": ("email_key", 254, "accounts.email_key", "CASCADE"),
    "invite_terms": ("invite", 16, "sent_invites.id", None),
}


def upgrade() -> None:
    for table in ("accounts", "sent_invites"):
        op.add_column(table, sa.Column("searchable", sa.Boolean(), server_default=sa.false(), nullable=False))
    for name, (table, columns, condition) in INDEXES.items():
        only: Any = {f"{each}_where": sa.text(condition) for each in ("sqlite", "postgresql") if condition}
        # Where a table is large they can be made beforehand, CONCURRENTLY.
        op.create_index(name, table, columns, if_not_exists=True, **only)
    for table, (reference, length, target, onupdate) in TERM_TABLES.items():
        term = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")
        op.create_table(
            table,
            sa.Column("term", term, nullable=False),
            sa.Column(reference, sa.String(length), nullable=False),
            sa.PrimaryKeyConstraint("term", reference, name=op.f(f"pk_{table}")),
            sa.ForeignKeyConstraint(
                [reference],
                [target],
                name=op.f(f"fk_{table}_{reference}_{target.partition('.')[0]}"),
                onupdate=onupdate,
                ondelete="CASCADE",
            ),
            sqlite_with_rowid=False,
        )
        op.create_index(f"ix_{table}_{reference}_term", table, [reference, "term"])


def downgrade() -> None:
    for table in TERM_TABLES:
        op.drop_table(table)
    for name, (table, _, _) in INDEXES.items():
        op.drop_index(name, table)
    for table in ("accounts", "sent_invites"):
        op.drop_column(table, "searchable")
