"""How many partitions of an asset stand how, kept by triggers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_MORE = """
    INSERT INTO partition_counts (asset_id, status, count) VALUES (NEW.asset_id, NEW.status, 1)
        ON CONFLICT (asset_id, status) DO UPDATE SET count = partition_counts.count + 1;"""
_LESS = """
    UPDATE partition_counts SET count = count - 1 WHERE asset_id = OLD.asset_id AND status = OLD.status;"""

SQLITE = (
    f"CREATE TRIGGER count_partition_added AFTER INSERT ON asset_partitions BEGIN{_MORE}\nEND",
    f"CREATE TRIGGER count_partition_moved AFTER UPDATE OF status ON asset_partitions WHEN OLD.status <> NEW.status BEGIN{_LESS}{_MORE}\nEND",
    f"CREATE TRIGGER count_partition_removed AFTER DELETE ON asset_partitions BEGIN{_LESS}\nEND",
)
POSTGRES = (
    f"CREATE FUNCTION count_partition_added() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN{_MORE}\n    RETURN NULL;\nEND $$",
    f"CREATE FUNCTION count_partition_moved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN{_LESS}{_MORE}\n    RETURN NULL;\nEND $$",
    f"CREATE FUNCTION count_partition_removed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN{_LESS}\n    RETURN NULL;\nEND $$",
    "CREATE TRIGGER count_partition_added AFTER INSERT ON asset_partitions FOR EACH ROW EXECUTE FUNCTION count_partition_added()",
    "CREATE TRIGGER count_partition_moved AFTER UPDATE OF status ON asset_partitions FOR EACH ROW "
    "WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION count_partition_moved()",
    "CREATE TRIGGER count_partition_removed AFTER DELETE ON asset_partitions FOR EACH ROW EXECUTE FUNCTION count_partition_removed()",
)


def upgrade() -> None:
    """Create the table and its triggers, and count what is there."""
    op.create_table(
        "partition_counts",
        sa.Column("asset_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("asset_id", "status", name="pk_partition_counts"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO partition_counts SELECT asset_id, status, count(*) FROM asset_partitions GROUP BY asset_id, status")
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRES:
        op.get_bind().exec_driver_sql(statement)
