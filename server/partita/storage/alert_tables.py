"""The tables of alerts, and of what they are about that nothing else remembers. See `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, UniqueConstraint, text

from partita.storage.columns import Number, Text, partial_index
from partita.storage.tables import metadata

IS_ACTIVE_ALERT = text("is_active")

# What the daemon has last told of each asset with a freshness policy: others hear of it when that changes.
asset_freshness = Table(
    "asset_freshness",
    metadata,
    Column("asset_id", Integer, primary_key=True, autoincrement=False),
    Column("is_fresh", Boolean, nullable=False),
    Column("since", BigInteger),
    sqlite_with_rowid=False,
)

# `is_active`: it is still to be told, or what it tells of goes on.
alerts = Table(
    "alerts",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Column("payload", Text, nullable=False),
    UniqueConstraint("id"),
    Index("ix_alerts_sent_at", "sent_at"),
)
partial_index("ix_alerts_active", alerts.c.number, where=IS_ACTIVE_ALERT)
