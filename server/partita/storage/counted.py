"""How many partitions of an asset stand how, kept by the database itself: counting a million rows for each look would cost a tenth of a second.

Triggers, because states are written by statements that choose their rows themselves and do not say how these stood before. `migrations/` makes the
same; a test compares them.
"""

from __future__ import annotations

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


def counting_statements(dialect: str) -> tuple[str, ...]:
    """What makes the triggers in a database that has its tables."""
    return SQLITE if dialect == "sqlite" else POSTGRES
