"""What is known of assets from their events: latest facts, partition states, check results."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self, TypeVar

import msgspec

from partita.definitions.keys import AssetKey
from partita.definitions.metadata import MetadataEntry
from partita.records.events import AssetMaterialized, AssetObserved, Severity


class PartitionStatus(StrEnum):
    """State of one partition of one asset. MISSING is never stored: it is what no row means."""

    MISSING = "missing"
    RUNNING = "running"
    MATERIALIZED = "materialized"
    FAILED = "failed"


class InputVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The version of an upstream asset that a write was made from."""

    asset: AssetKey
    version: str | None = None
    """None: not known, because it was missing, was written meanwhile, or several of its partitions were read."""


WriteT = TypeVar("WriteT", bound="Write")


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """What staleness depends on of a write of an asset; any recorded materialisation can be read as one."""

    id: str
    """`mat_<run id or event id>_<seq>`."""
    at: datetime
    data_version: str | None = None
    code_version: str | None = None
    version: str | None = None
    """What tells this data from other: `data_version`, else worked out. None in records of before versions were kept."""
    changed_at: datetime | None = None
    """Since when the asset, or this partition of it, has had this version."""
    read_at: datetime | None = None
    """When the step that wrote it began to read."""
    inputs: tuple[InputVersion, ...] | None = None
    """What it was made from; None: not recorded."""

    @property
    def effective_version(self) -> str:
        """Its version, of older records too: each of these counts as new data."""
        return self.version or self.data_version or self.id

    @property
    def tells_version(self) -> bool:
        """Whether the data's version is known by it."""
        return True

    @property
    def effective_changed_at(self) -> datetime:
        """Since when the data has been as it is."""
        return self.changed_at or self.at


class Materialization(Write, frozen=True, kw_only=True):
    """A recorded write of an asset; `run_id` None when it was reported from outside."""

    asset: AssetKey
    partition: str | None = None
    run_id: str | None = None
    step: str | None = None
    metadata: tuple[MetadataEntry, ...] = ()

    @classmethod
    def of_event(cls, event: AssetMaterialized, *, run_id: str, seq: int) -> Self:
        """What an event of a run tells; the versions are worked out when it is stored."""
        return cls(
            id=f"mat_{run_id.removeprefix('run_')}_{seq}",
            asset=event.asset,
            at=event.at,
            partition=event.partition,
            run_id=run_id,
            step=event.step,
            data_version=event.data_version,
            code_version=event.code_version,
            metadata=event.metadata,
            read_at=event.read_at,
        )


class Observation(Write, frozen=True, kw_only=True):
    """A recorded look at an asset that is written elsewhere. `version` None: it is not known."""

    asset: AssetKey
    partition: str | None = None
    run_id: str
    step: str | None = None
    metadata: tuple[MetadataEntry, ...] = ()

    @property
    def tells_version(self) -> bool:
        """Whether the data's version is known by it."""
        return self.version is not None

    @classmethod
    def of_event(cls, event: AssetObserved, *, run_id: str, seq: int) -> Self:
        """What an event of a run tells; the versions are worked out when it is stored."""
        return cls(
            id=f"obs_{run_id.removeprefix('run_')}_{seq}",
            asset=event.asset,
            at=event.at,
            partition=event.partition,
            run_id=run_id,
            step=event.step,
            data_version=event.data_version,
            metadata=event.metadata,
        )


def newest(known: WriteT | None, found: WriteT) -> WriteT:
    """The later of what is known of one asset or partition and what is found besides."""
    return known if known is not None and known.at > found.at else found


class ReportedMaterialization(msgspec.Struct, frozen=True, kw_only=True):
    """A write of an asset that no run of ours did."""

    asset: AssetKey
    partition: str | None = None
    data_version: str | None = None
    metadata: tuple[MetadataEntry, ...] = ()


class AssetState(msgspec.Struct, frozen=True, kw_only=True):
    """Latest facts of one asset."""

    asset: AssetKey
    latest: Materialization | None = None
    observed: Observation | None = None
    materialization_count: int = 0
    latest_run_id: str | None = None
    """The newest run that was asked to write it, whatever became of it."""


class PartitionState(msgspec.Struct, frozen=True, kw_only=True):
    """State of one partition that something happened to."""

    asset: AssetKey
    partition: str
    status: PartitionStatus
    run_id: str | None = None
    at: datetime | None = None


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded verdict of an asset check."""

    id: str
    asset: AssetKey
    check: str
    at: datetime
    passed: bool
    severity: Severity
    is_blocking: bool = False
    run_id: str | None = None
    partition: str | None = None
    description: str | None = None
    metadata: tuple[MetadataEntry, ...] = ()
