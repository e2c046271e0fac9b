"""The address that a line of the audit log is about, as a tag in the line's row; ``audit_marks`` held it before.

Code of the version before goes on with ``audit_marks`` while both run: the table stays for one version, and the sweep
turns what is still written there into tags.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
oldest_code = "0008"

WHERE_TAGGED: Any = {f"{dialect}_where": sa.text("address_tag IS NOT NULL") for dialect in ("sqlite", "postgresql")}
INDEXES = {"ix_audit_address_tag_at": ["address_tag", "at"], "ix_audit_tagged_at": ["at"]}


def upgrade() -> None:
    op.add_column("audit", sa.Column("address_tag", sa.String(length=32), nullable=True))
    op.execute(
        "UPDATE audit SET address_tag = (SELECT max(mark) FROM audit_marks WHERE audit_marks.audit = audit.id)"
        " WHERE id IN (SELECT audit FROM audit_marks)"
    )
    for name, columns in INDEXES.items():
        op.create_index(name, "audit", columns, **WHERE_TAGGED)


def downgrade() -> None:
    op.execute(
        "INSERT INTO audit_marks (mark, audit, at) SELECT address_tag, id, at FROM audit"
        " WHERE address_tag IS NOT NULL ON CONFLICT DO NOTHING"
    )
    for name in INDEXES:
        op.drop_index(name, "audit")
    op.drop_column("audit", "address_tag")
