"""Recorded writes of assets, and looks at those that are written elsewhere, with their metadata as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita_client.models import MaterializationRecord, ObservationRecord


@dataclass(frozen=True, slots=True)
class Materialization:
    """A recorded write of an asset, or of one partition of it."""

    record: MaterializationRecord
    """Everything that the server told of it; its metadata say there how they want to be shown."""

    @property
    def id(self) -> str:
        """Its id."""
        return self.record.id

    @property
    def at(self) -> datetime:
        """When it was written."""
        return self.record.at

    @property
    def partition(self) -> str | None:
        """The partition that was written; None when the asset has none."""
        return self.record.partition_key

    @property
    def run_id(self) -> str | None:
        """The run that wrote it; None when it was reported from outside."""
        return self.record.run.id if self.record.run else None

    @property
    def version(self) -> str:
        """What tells this data from other: `data_version`, else one that the server has worked out of code and inputs."""
        return self.record.version

    @property
    def data_version(self) -> str | None:
        """Version of the data, as the code that wrote it named it."""
        return self.record.data_version

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the code said of the data, by label."""
        return {entry.label: entry.value for entry in self.record.metadata}


@dataclass(frozen=True, slots=True)
class Observation:
    """A recorded look of a run at an asset that is written elsewhere, or at one partition of it."""

    record: ObservationRecord
    """Everything that the server told of it; its metadata say there how they want to be shown."""

    @property
    def id(self) -> str:
        """Its id."""
        return self.record.id

    @property
    def at(self) -> datetime:
        """When the run looked."""
        return self.record.at

    @property
    def partition(self) -> str | None:
        """The partition that was looked at; None when the asset has none."""
        return self.record.partition_key

    @property
    def run_id(self) -> str | None:
        """The run that looked; None when it was deleted."""
        return self.record.run.id if self.record.run else None

    @property
    def data_version(self) -> str | None:
        """Version of the data, as the code that looked named it."""
        return self.record.data_version

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the code said of the data, by label."""
        return {entry.label: entry.value for entry in self.record.metadata}
