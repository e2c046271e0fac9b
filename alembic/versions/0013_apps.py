"""What an app sends, who may sign in to it by mail domain, and what it is told as username.

Registrations keep what they say of PKCE; only new ones begin without it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
oldest_code = "0008"


def _make_columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("allowed_email_domain", sa.String(length=253), nullable=True),
        sa.Column("claims_in_id_token", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("preferred_username", sa.String(length=16), server_default="none", nullable=False),
        sa.Column("sends_pkce", sa.Boolean(), nullable=True),
        sa.Column("sends_nonce", sa.Boolean(), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
    )


def upgrade() -> None:
    for column in _make_columns():
        op.add_column("apps", column)


def downgrade() -> None:
    for column in _make_columns():
        op.drop_column("apps", column.name)
