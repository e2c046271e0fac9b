"""Pictures of apps, which users see where they sign in to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None
oldest_code = "0008"


def upgrade() -> None:
    op.add_column("apps", sa.Column("logo", sa.String(length=16), nullable=True))
    op.create_table(
        "app_logos",
        sa.Column("app", sa.String(length=64), nullable=False),
        sa.Column("content_type", sa.String(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["app"], ["apps.id"], name=op.f("fk_app_logos_app_apps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("app", name=op.f("pk_app_logos")),
    )


def downgrade() -> None:
    op.drop_table("app_logos")
    op.drop_column("apps", "logo")
