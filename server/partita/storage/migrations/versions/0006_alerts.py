"""Alerts; conditions that are switched off; whether assets are fresh; how late the daemon's roles are, and what went wrong in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables; the columns are added without touching the rows."""
    op.add_column("heartbeats", sa.Column("lateness", sa.BigInteger()))
    op.add_column("heartbeats", sa.Column("past", TEXT))
    op.create_table(
        "asset_freshness",
        sa.Column("asset_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("is_fresh", sa.Boolean(), nullable=False),
        sa.Column("since", sa.BigInteger()),
        sa.PrimaryKeyConstraint("asset_id", name="pk_asset_freshness"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "paused_conditions",
        sa.Column("asset_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("asset_id", name="pk_paused_conditions"),
    )
    op.create_table(
        "alerts",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("rule", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger()),
        sa.Column("payload", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_alerts"),
        sa.UniqueConstraint("id", name="uq_alerts_id"),
    )
    op.create_index("ix_alerts_sent_at", "alerts", ["sent_at"])
    op.create_index("ix_alerts_active", "alerts", ["number"], sqlite_where=sa.text("is_active"), postgresql_where=sa.text("is_active"))
