"""Apps that stand behind a proxy, and which apps were told that a session has ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
oldest_code = "0001"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "app_origins",
        sa.Column("origin", sa.String(length=255), nullable=False),
        sa.Column("app", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["app"], ["apps.id"], name=op.f("fk_app_origins_app_apps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("origin", "app", name=op.f("pk_app_origins")),
    )
    op.create_index(op.f("ix_app_origins_app"), "app_origins", ["app"])
    op.create_table(
        "app_logouts",
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("logout", sa.String(length=16), nullable=False),
        sa.Column("account", sa.String(length=16), nullable=False),
        sa.Column("app", sa.String(length=64), nullable=False),
        sa.Column("app_name", sa.String(length=100), nullable=False),
        sa.Column("sid", sa.String(length=16), nullable=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("answered_at", moment, nullable=True),
        sa.Column("answer", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_logouts")),
    )
    for columns in (["logout"], ["account"], ["at"], ["app", "at"]):
        op.create_index(op.f(f"ix_app_logouts_{'_'.join(columns)}"), "app_logouts", columns)


def downgrade() -> None:
    op.drop_table("app_logouts")
    op.drop_table("app_origins")
