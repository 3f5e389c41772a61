"""Looks at assets that are written elsewhere; how much memory steps have used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table; the columns are added without touching the rows."""
    op.add_column("run_steps", sa.Column("memory", sa.BigInteger()))
    op.add_column("assets", sa.Column("observed", sa.Text()))
    op.create_table(
        "observations",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("partition_id", sa.Integer()),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_observations"),
        sa.UniqueConstraint("id", name="uq_observations_id"),
    )
    op.create_index("ix_observations_asset_id", "observations", ["asset_id", "number"])
    op.create_index("ix_observations_partition_id", "observations", ["asset_id", "partition_id", "number"])
