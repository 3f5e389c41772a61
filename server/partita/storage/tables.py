"""The tables. What is filtered or sorted is a column; the rest of a record is one JSON payload.

Times are microseconds since the epoch, UTC. Ids of records are the text that people see. Asset keys and partition keys are
interned: their numbers never change and are never used again. `migrations/` builds the same tables; a test compares them.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    UniqueConstraint,
    false,
    text,
    true,
)

from partita.records.runs import ACTIVE, StepStatus
from partita.records.ticks import TickStatus
from partita.storage.columns import Number, Text, partial_index

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _in(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(repr(str(value)) for value in sorted(values))})"


# Literal, because a partial index is used only for a condition that is written like its own.
IS_QUEUED = text("status = 'queued'")
IS_ACTIVE = text(_in("status", ACTIVE))
IS_PRUNABLE = text("has_events AND ended_at IS NOT NULL")
IS_RUNNING = text("status = 'running'")
IS_OF_TICK = text("tick_id IS NOT NULL")
IS_OF_BACKFILL = text("backfill_id IS NOT NULL")
IS_STARTED_TICK = text(f"status = '{TickStatus.STARTED.value}'")
IS_ACTING = text("is_on AND is_declared")
IS_OF_RUN = text("run_id IS NOT NULL")
IS_UNFINISHED_STEP = text(_in("run_steps.status", [status for status in StepStatus if not status.is_finished]))


runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("short_id", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("job", Text),
    Column("status", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("attempt", Integer, nullable=False),
    Column("root_id", Text, nullable=False),
    Column("catalog_hash", Text),
    Column("request", Text, nullable=False),
    Column("error", Text),
    Column("lease_owner", Text),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("lease_until", BigInteger, nullable=False, server_default="0"),
    Column("cancel_requested_at", BigInteger),
    Column("is_cancel_forced", Boolean, nullable=False, server_default=false()),
    Column("last_seq", Integer, nullable=False),
    Column("has_partitions", Boolean, nullable=False),
    Column("has_events", Boolean, nullable=False, server_default=true()),
    Column("materializations", Integer, nullable=False, server_default="0"),
    Column("checks_passed", Integer, nullable=False, server_default="0"),
    Column("checks_failed", Integer, nullable=False, server_default="0"),
    Column("tick_id", Text),
    Column("backfill_id", Text),
    Column("pools", Text),
)
Index("ix_runs_short_id", runs.c.short_id)
Index("ix_runs_created_at", runs.c.created_at, runs.c.id)
Index("ix_runs_started_at", runs.c.started_at, runs.c.id)
Index("ix_runs_ended_at", runs.c.ended_at, runs.c.id)
Index("ix_runs_priority", runs.c.priority, runs.c.id)
Index("ix_runs_status", runs.c.status, runs.c.created_at, runs.c.id)
Index("ix_runs_job", runs.c.job, runs.c.created_at, runs.c.id)
Index("ix_runs_root_id", runs.c.root_id)
partial_index("ix_runs_queue", runs.c.location, runs.c.priority.desc(), runs.c.id, where=IS_QUEUED)
# Few rows, and not by `lease_until`: that changes with every batch of events.
partial_index("ix_runs_active", runs.c.id, where=IS_ACTIVE)
partial_index("ix_runs_prunable", runs.c.ended_at, where=IS_PRUNABLE)
partial_index("ix_runs_tick_id", runs.c.tick_id, runs.c.id, where=IS_OF_TICK)
partial_index("ix_runs_backfill_id", runs.c.backfill_id, runs.c.id, where=IS_OF_BACKFILL)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index("ix_run_tags_key", "key", "value", "run_id"),
    sqlite_with_rowid=False,
)

run_targets = Table(
    "run_targets",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("asset_id", Integer, primary_key=True),
    Index("ix_run_targets_asset_id", "asset_id", "run_id"),
    sqlite_with_rowid=False,
)

run_partitions = Table(
    "run_partitions",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("partition_id", Integer, primary_key=True),
    Index("ix_run_partitions_partition_id", "partition_id", "run_id"),
    sqlite_with_rowid=False,
)

run_steps = Table(
    "run_steps",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("error", Text),
    Column("process", Text),
    Column("memory", BigInteger),
    sqlite_with_rowid=False,
)

# Clustered by run: a run's log is read and deleted as one range.
run_events = Table(
    "run_events",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("writer", Text, nullable=False),
    Column("writer_seq", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("level", SmallInteger, nullable=False),
    Column("step", Text),
    Column("asset_id", Integer),
    Column("payload", Text, nullable=False),
    UniqueConstraint("run_id", "writer", "writer_seq"),
    sqlite_with_rowid=False,
)

# Starts and ends of runs in the order of their commits, which the times that writers note are not in.
run_statuses = Table(
    "run_statuses",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("run_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_run_statuses_status", "location", "repository", "status", "number"),
)

changes = Table(
    "changes",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

# How far something got that must be known when its rows are gone, such as the newest change that was pruned.
marks = Table("marks", metadata, Column("name", Text, primary_key=True), Column("value", BigInteger, nullable=False))

assets = Table(
    "assets",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),
    Column("latest", Text),
    Column("materialization_count", Integer, nullable=False, server_default="0"),
    Column("latest_run_id", Text),
    Column("observed", Text),
    UniqueConstraint("key"),
    sqlite_autoincrement=True,
)

partition_keys = Table(
    "partition_keys",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False),
    UniqueConstraint("key"),
    sqlite_autoincrement=True,
)

# `settled_*` is what the partition falls back to when a run that was to write it ends without having done so.
asset_partitions = Table(
    "asset_partitions",
    metadata,
    Column("asset_id", Integer, primary_key=True),
    Column("partition_id", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("run_id", Text),
    Column("at", BigInteger),
    Column("settled_status", Text),
    Column("settled_run_id", Text),
    Column("settled_at", BigInteger),
    Index("ix_asset_partitions_status", "asset_id", "status"),
    partial_index("ix_asset_partitions_running", "run_id", where=IS_RUNNING),
    sqlite_with_rowid=False,
)

# Kept by triggers: see `counted`.
partition_counts = Table(
    "partition_counts",
    metadata,
    Column("asset_id", Integer, primary_key=True, autoincrement=False),
    Column("status", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)

asset_events = Table(
    "asset_events",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("asset_id", Integer, nullable=False),
    Column("partition_id", Integer),
    Column("run_id", Text),
    Column("at", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
    UniqueConstraint("id"),
    Index("ix_asset_events_asset_id", "asset_id", "number"),
    Index("ix_asset_events_partition_id", "asset_id", "partition_id", "number"),
)

# Looks at what is written elsewhere, which sensors and histories of writes know nothing of.
observations = Table(
    "observations",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("asset_id", Integer, nullable=False),
    Column("partition_id", Integer),
    Column("run_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
    UniqueConstraint("id"),
    Index("ix_observations_asset_id", "asset_id", "number"),
    Index("ix_observations_partition_id", "asset_id", "partition_id", "number"),
)

check_results = Table(
    "check_results",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("asset_id", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("partition_id", Integer),
    Column("run_id", Text),
    Column("at", BigInteger, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("payload", Text, nullable=False),
    UniqueConstraint("id"),
    Index("ix_check_results_name", "asset_id", "name", "number"),
    Index("ix_check_results_partition_id", "asset_id", "name", "partition_id", "number"),
)

checks = Table(
    "checks",
    metadata,
    Column("asset_id", Integer, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("latest", Text, nullable=False),
    sqlite_with_rowid=False,
)

catalogs = Table(
    "catalogs",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("location", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
)

locations = Table(
    "locations",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("catalog_hash", Text),
    Column("error", Text),
    Column("warnings", Text),
    Column("loaded_at", BigInteger),
    Column("python_version", Text),
    Column("library_version", Text),
    Column("start", Text),
    Column("reload_requested_at", BigInteger),
    Column("source", Text, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("until", BigInteger, nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("role", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("error", Text),
    Column("lateness", BigInteger),
    Column("past", Text),
)

# One row. Whoever admits runs locks it first, so that limits are counted and enforced by one transaction at a time.
admission = Table("admission", metadata, Column("id", Integer, primary_key=True, autoincrement=False))

idempotency = Table(
    "idempotency",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("run_ids", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_idempotency_expires_at", "expires_at"),
    sqlite_with_rowid=False,
)

# `seen` is how far a sensor has looked that `watches` "assets" or "runs": a number of `asset_events` or of `run_statuses`.
automations = Table(
    "automations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("location", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("is_on", Boolean, nullable=False),
    Column("is_overridden", Boolean, nullable=False),
    Column("is_declared", Boolean, nullable=False),
    Column("default_on", Boolean, nullable=False),
    Column("definition_hash", Text, nullable=False),
    Column("cursor", Text),
    Column("watches", Text),
    Column("seen", BigInteger),
    Column("next_due_at", BigInteger),
    Column("last_tick_id", Text),
    Column("last_tick_at", BigInteger),
    Column("changed_at", BigInteger, nullable=False),
)
Index("ix_automations_location", automations.c.location, automations.c.id)
partial_index("ix_automations_due", automations.c.next_due_at, where=IS_ACTING)

# `slot` makes a tick unique: its due time, or its own id when it is a dry run.
ticks = Table(
    "ticks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("automation_id", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("is_dry_run", Boolean, nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("lease_owner", Text),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("lease_until", BigInteger, nullable=False, server_default="0"),
    Column("run_count", Integer, nullable=False, server_default="0"),
    Column("payload", Text, nullable=False),
    UniqueConstraint("automation_id", "slot"),
)
# `is_dry_run` at their ends, so that they are enough to count by.
Index("ix_ticks_due_at", ticks.c.due_at, ticks.c.id, ticks.c.is_dry_run)
Index("ix_ticks_automation_id", ticks.c.automation_id, ticks.c.due_at, ticks.c.id, ticks.c.is_dry_run)
Index("ix_ticks_status", ticks.c.status, ticks.c.due_at, ticks.c.id, ticks.c.is_dry_run)
partial_index("ix_ticks_started", ticks.c.location, ticks.c.id, where=IS_STARTED_TICK)

run_keys = Table(
    "run_keys",
    metadata,
    Column("automation_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("tick_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# `number` is the order of addition within the set.
dynamic_partitions = Table(
    "dynamic_partitions",
    metadata,
    Column("set_name", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Index("ix_dynamic_partitions_number", "set_name", "number"),
    sqlite_with_rowid=False,
)

backfills = Table(
    "backfills",
    metadata,
    Column("id", Text, primary_key=True),
    Column("status", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("payload", Text, nullable=False),
    Column("error", Text),
    Column("item_count", Integer, nullable=False),
)
Index("ix_backfills_created_at", backfills.c.created_at, backfills.c.id)
Index("ix_backfills_status", backfills.c.status, backfills.c.created_at, backfills.c.id)

# `asset_id` 0 is the job itself, `partition_id` 0 what has no partitions.
backfill_items = Table(
    "backfill_items",
    metadata,
    Column("backfill_id", Text, primary_key=True),
    Column("asset_id", Integer, primary_key=True, autoincrement=False),
    Column("partition_id", Integer, primary_key=True, autoincrement=False),
    Column("position", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("run_id", Text),
    Index("ix_backfill_items_status", "backfill_id", "status", "position"),
    partial_index("ix_backfill_items_run_id", "run_id", where=IS_OF_RUN),
    sqlite_with_rowid=False,
)
