"""Backfills as the schema shows them."""

from __future__ import annotations

from dataclasses import dataclass

from partita.records.backfills import BackfillItem, BackfillItemStatus


@dataclass(frozen=True, slots=True)
class ShownItem:
    """The value behind a `BackfillPartition`."""

    item: BackfillItem


@dataclass(frozen=True, slots=True)
class ShownItemCount:
    """The value behind a `BackfillStatusCount`."""

    status: BackfillItemStatus
    count: int
