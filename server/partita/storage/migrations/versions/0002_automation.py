"""Schedules and sensors, their ticks, backfills, dynamic partitions; what runs know of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables; columns are added without touching the rows."""
    _extend_runs()
    _create_automations()
    _create_ticks()
    _create_partitions()
    _create_backfills()


def _extend_runs() -> None:
    for name in ("tick_id", "backfill_id", "pools"):
        op.add_column("runs", sa.Column(name, sa.Text()))
    _partial_index("ix_runs_tick_id", "runs", ["tick_id", "id"], where="tick_id IS NOT NULL")
    _partial_index("ix_runs_backfill_id", "runs", ["backfill_id", "id"], where="backfill_id IS NOT NULL")
    op.create_table(
        "run_statuses",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_run_statuses"),
    )
    op.create_index("ix_run_statuses_status", "run_statuses", ["location", "repository", "status", "number"])


def _create_automations() -> None:
    op.create_table(
        "automations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("is_overridden", sa.Boolean(), nullable=False),
        sa.Column("is_declared", sa.Boolean(), nullable=False),
        sa.Column("default_on", sa.Boolean(), nullable=False),
        sa.Column("definition_hash", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("watches", sa.Text()),
        sa.Column("seen", sa.BigInteger()),
        sa.Column("next_due_at", sa.BigInteger()),
        sa.Column("last_tick_id", sa.Text()),
        sa.Column("last_tick_at", sa.BigInteger()),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_automations"),
    )
    op.create_index("ix_automations_location", "automations", ["location", "id"])
    _partial_index("ix_automations_due", "automations", ["next_due_at"], where="is_on AND is_declared")


def _create_ticks() -> None:
    op.create_table(
        "ticks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("automation_id", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("is_dry_run", sa.Boolean(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("run_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ticks"),
        sa.UniqueConstraint("automation_id", "slot", name="uq_ticks_automation_id_slot"),
    )
    op.create_index("ix_ticks_due_at", "ticks", ["due_at", "id", "is_dry_run"])
    op.create_index("ix_ticks_automation_id", "ticks", ["automation_id", "due_at", "id", "is_dry_run"])
    op.create_index("ix_ticks_status", "ticks", ["status", "due_at", "id", "is_dry_run"])
    _partial_index("ix_ticks_started", "ticks", ["location", "id"], where="status = 'started'")
    op.create_table(
        "run_keys",
        sa.Column("automation_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("tick_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("automation_id", "key", name="pk_run_keys"),
        sqlite_with_rowid=False,
    )


def _create_partitions() -> None:
    op.create_table(
        "dynamic_partitions",
        sa.Column("set_name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("set_name", "key", name="pk_dynamic_partitions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_dynamic_partitions_number", "dynamic_partitions", ["set_name", "number"])


def _create_backfills() -> None:
    op.create_table(
        "backfills",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("item_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_backfills"),
    )
    op.create_index("ix_backfills_created_at", "backfills", ["created_at", "id"])
    op.create_index("ix_backfills_status", "backfills", ["status", "created_at", "id"])
    op.create_table(
        "backfill_items",
        sa.Column("backfill_id", sa.Text(), nullable=False),
        sa.Column("asset_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("partition_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text()),
        sa.PrimaryKeyConstraint("backfill_id", "asset_id", "partition_id", name="pk_backfill_items"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_backfill_items_status", "backfill_items", ["backfill_id", "status", "position"])
    _partial_index("ix_backfill_items_run_id", "backfill_items", ["run_id"], where="run_id IS NOT NULL")


def _partial_index(name: str, table: str, columns: list[str], *, where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
