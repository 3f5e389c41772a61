"""What conditions have come to, and what is remembered of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "condition_states",
        sa.Column("asset_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("asset_id", name="pk_condition_states"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "condition_evaluations",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("payload", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_condition_evaluations"),
        sa.UniqueConstraint("id", name="uq_condition_evaluations_id"),
    )
    op.create_index("ix_condition_evaluations_asset_id", "condition_evaluations", ["asset_id", "number"])
