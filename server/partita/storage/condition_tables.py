"""The tables of conditions. See `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, UniqueConstraint

from partita.storage.columns import Number, Text
from partita.storage.tables import metadata

# What is remembered between evaluations of an asset's condition.
condition_states = Table(
    "condition_states",
    metadata,
    Column("asset_id", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Evaluations that asked for something, or could not.
condition_evaluations = Table(
    "condition_evaluations",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("asset_id", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("payload", Text, nullable=False),
    UniqueConstraint("id"),
    Index("ix_condition_evaluations_asset_id", "asset_id", "number"),
)

# Conditions that are switched off.
paused_conditions = Table("paused_conditions", metadata, Column("asset_id", Integer, primary_key=True, autoincrement=False))
