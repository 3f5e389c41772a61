"""The last write of an asset, as a step asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from partita.definitions.keys import AssetKey
from partita.definitions.metadata import from_entries
from partita.records.assets import Materialization
from partita.records.events import AssetMaterialized, Event

LookUp = Callable[[AssetKey, str | None], Materialization | None]
"""Finds the last write of an asset, or of one partition of it; None: there is none."""


@dataclass(frozen=True, kw_only=True)
class LatestMaterialization:
    """What is known of the last write of an asset."""

    asset_key: AssetKey
    at: datetime
    partition: str | None = None
    run_id: str | None = None
    """None: it was reported from outside."""
    version: str
    """What tells this data from other: `data_version`, else one worked out of code and inputs."""
    data_version: str | None = None
    code_version: str | None = None
    metadata: Mapping[str, Any]
    """Plain values by label."""

    @classmethod
    def of(cls, record: Materialization) -> LatestMaterialization:
        """What a record says."""
        return cls(
            asset_key=record.asset,
            at=record.at,
            partition=record.partition,
            run_id=record.run_id,
            version=record.effective_version,
            data_version=record.data_version,
            code_version=record.code_version,
            metadata=from_entries(record.metadata),
        )


def latest_in(events: Sequence[Event], run_id: str, asset: AssetKey, partition: str | None) -> Materialization | None:
    """The last write of an asset that events of a run tell of."""
    for number, event in enumerate(reversed(events)):
        if isinstance(event, AssetMaterialized) and event.asset == asset and partition in (None, event.partition):
            return Materialization.of_event(event, run_id=run_id, seq=len(events) - number)
    return None
