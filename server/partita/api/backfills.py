"""Backfills as the schema shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from partita.api.problems import Problem
from partita.definitions.keys import AssetKey
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


@dataclass(frozen=True, slots=True)
class ShownAssetProgress:
    """The value behind a `BackfillAssetProgress`."""

    key: AssetKey
    counts: Mapping[BackfillItemStatus, int]


@dataclass(frozen=True, slots=True)
class PreviewedAsset:
    """The value behind a `BackfillPreviewAsset`."""

    key: AssetKey
    partition_count: int
    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedBackfill:
    """The value behind a `BackfillPreview`."""

    partition_count: int = 0
    run_count: int = 0
    assets: Sequence[PreviewedAsset] = ()
    errors: Sequence[Problem] = ()
