"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    _create_runs()
    _index_runs()
    _create_parts_of_runs()
    _create_feed()
    _create_assets()
    _create_checks()
    _create_locations()
    _create_coordination()
    op.execute("INSERT INTO admission (id) VALUES (1)")


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("short_id", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("job", sa.Text()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("root_id", sa.Text(), nullable=False),
        sa.Column("catalog_hash", sa.Text()),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cancel_requested_at", sa.BigInteger()),
        sa.Column("is_cancel_forced", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("has_partitions", sa.Boolean(), nullable=False),
        sa.Column("has_events", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("materializations", sa.Integer(), server_default="0", nullable=False),
        sa.Column("checks_passed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("checks_failed", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )


def _index_runs() -> None:
    op.create_index(
        "ix_runs_active",
        "runs",
        ["id"],
        sqlite_where=sa.text("status IN ('canceling', 'running', 'starting')"),
        postgresql_where=sa.text("status IN ('canceling', 'running', 'starting')"),
    )
    op.create_index("ix_runs_created_at", "runs", ["created_at", "id"])
    op.create_index("ix_runs_ended_at", "runs", ["ended_at", "id"])
    op.create_index("ix_runs_job", "runs", ["job", "created_at", "id"])
    op.create_index("ix_runs_priority", "runs", ["priority", "id"])
    op.create_index(
        "ix_runs_prunable",
        "runs",
        ["ended_at"],
        sqlite_where=sa.text("has_events AND ended_at IS NOT NULL"),
        postgresql_where=sa.text("has_events AND ended_at IS NOT NULL"),
    )
    op.create_index(
        "ix_runs_queue",
        "runs",
        ["location", sa.literal_column("priority DESC"), "id"],
        sqlite_where=sa.text("status = 'queued'"),
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index("ix_runs_root_id", "runs", ["root_id"])
    op.create_index("ix_runs_short_id", "runs", ["short_id"])
    op.create_index("ix_runs_started_at", "runs", ["started_at", "id"])
    op.create_index("ix_runs_status", "runs", ["status", "created_at", "id"])


def _create_parts_of_runs() -> None:
    op.create_table(
        "run_tags",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "key", name="pk_run_tags"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_tags_key", "run_tags", ["key", "value", "run_id"])
    op.create_table(
        "run_targets",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "asset_id", name="pk_run_targets"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_targets_asset_id", "run_targets", ["asset_id", "run_id"])
    op.create_table(
        "run_partitions",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("partition_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "partition_id", name="pk_run_partitions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_partitions_partition_id", "run_partitions", ["partition_id", "run_id"])
    op.create_table(
        "run_steps",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("error", sa.Text()),
        sa.Column("process", sa.Text()),
        sa.PrimaryKeyConstraint("run_id", "step", name="pk_run_steps"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_events",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("writer_seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("asset_id", sa.Integer()),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq", name="pk_run_events"),
        sa.UniqueConstraint("run_id", "writer", "writer_seq", name="uq_run_events_run_id_writer_writer_seq"),
        sqlite_with_rowid=False,
    )


def _create_feed() -> None:
    op.create_table(
        "changes",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_marks"),
    )


def _create_assets() -> None:
    op.create_table(
        "assets",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("latest", sa.Text()),
        sa.Column("materialization_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("latest_run_id", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_assets"),
        sa.UniqueConstraint("key", name="uq_assets_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "partition_keys",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_partition_keys"),
        sa.UniqueConstraint("key", name="uq_partition_keys_key"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "asset_partitions",
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("partition_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text()),
        sa.Column("at", sa.BigInteger()),
        sa.Column("settled_status", sa.Text()),
        sa.Column("settled_run_id", sa.Text()),
        sa.Column("settled_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("asset_id", "partition_id", name="pk_asset_partitions"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_asset_partitions_running",
        "asset_partitions",
        ["run_id"],
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index("ix_asset_partitions_status", "asset_partitions", ["asset_id", "status"])
    op.create_table(
        "asset_events",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("partition_id", sa.Integer()),
        sa.Column("run_id", sa.Text()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_asset_events"),
        sa.UniqueConstraint("id", name="uq_asset_events_id"),
    )
    op.create_index("ix_asset_events_asset_id", "asset_events", ["asset_id", "number"])
    op.create_index("ix_asset_events_partition_id", "asset_events", ["asset_id", "partition_id", "number"])


def _create_checks() -> None:
    op.create_table(
        "check_results",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("partition_id", sa.Integer()),
        sa.Column("run_id", sa.Text()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_check_results"),
        sa.UniqueConstraint("id", name="uq_check_results_id"),
    )
    op.create_index("ix_check_results_name", "check_results", ["asset_id", "name", "number"])
    op.create_index("ix_check_results_partition_id", "check_results", ["asset_id", "name", "partition_id", "number"])
    op.create_table(
        "checks",
        sa.Column("asset_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("latest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("asset_id", "name", name="pk_checks"),
        sqlite_with_rowid=False,
    )


def _create_locations() -> None:
    op.create_table(
        "catalogs",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_catalogs"),
    )
    op.create_table(
        "locations",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("catalog_hash", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("warnings", sa.Text()),
        sa.Column("loaded_at", sa.BigInteger()),
        sa.Column("python_version", sa.Text()),
        sa.Column("library_version", sa.Text()),
        sa.Column("start", sa.Text()),
        sa.Column("reload_requested_at", sa.BigInteger()),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_locations"),
    )


def _create_coordination() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "heartbeats",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("role", name="pk_heartbeats"),
    )
    op.create_table(
        "admission", sa.Column("id", sa.Integer(), autoincrement=False, nullable=False), sa.PrimaryKeyConstraint("id", name="pk_admission")
    )
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("run_ids", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_idempotency_expires_at", "idempotency", ["expires_at"])
