"""Which accounts were let in by somebody, which apps are for these alone, and whom an app wants asked.

Accounts from before count as let in where the ledger has an accepted invitation to their address, or the audit log
has that they accepted one or were brought in from another system.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
oldest_code = "0008"

MARK_INVITED = """
    UPDATE accounts SET invited = :invited
    WHERE email_key IN (SELECT email_key FROM sent_invites WHERE accepted_at IS NOT NULL)
       OR id IN (SELECT account FROM audit WHERE kind IN ('invite.accepted', 'account.imported'))
"""


def upgrade() -> None:
    op.add_column("accounts", sa.Column("invited", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("apps", sa.Column("invited_only", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("apps", sa.Column("contact", sa.String(length=1000), nullable=True))
    op.execute(sa.text(MARK_INVITED).bindparams(sa.bindparam("invited", True, sa.Boolean())))


def downgrade() -> None:
    op.drop_column("apps", "contact")
    op.drop_column("apps", "invited_only")
    op.drop_column("accounts", "invited")
