"""Backfills: what they are to write, and how far they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from partita.definitions.keys import AssetKey
from partita.definitions.policies import BackfillPolicy
from partita.records.failures import PythonError
from partita.records.pages import Direction


class BackfillStatus(StrEnum):
    """Where a backfill stands."""

    REQUESTED = "requested"
    """Nothing of it has been launched yet."""
    RUNNING = "running"
    PAUSED = "paused"
    """Nothing more is launched until it is resumed. Runs that have begun go on, those in the queue wait there."""
    CANCELING = "canceling"
    """Nothing more is launched; its runs are being ended."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """All that could be done is done, and some of it failed."""
    CANCELED = "canceled"

    @property
    def is_finished(self) -> bool:
        """True once nothing more happens to it by itself."""
        return self in {BackfillStatus.SUCCEEDED, BackfillStatus.FAILED, BackfillStatus.CANCELED}


class BackfillItemStatus(StrEnum):
    """Where one partition of one asset stands in a backfill."""

    WAITING = "waiting"
    """For its turn, or for what it depends on."""
    RUNNING = "running"
    """A run that is to write it has been launched."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    """Something that it depends on in this backfill did not succeed, or its asset cannot be written any more."""

    @property
    def is_finished(self) -> bool:
        """True once it is decided."""
        return self not in {BackfillItemStatus.WAITING, BackfillItemStatus.RUNNING}


UNWRITTEN = (BackfillItemStatus.FAILED, BackfillItemStatus.CANCELED, BackfillItemStatus.SKIPPED)
"""How an item stands that has ended without being written."""


class BackfillJob(msgspec.Struct, frozen=True, kw_only=True):
    """The partitioned job that a backfill runs."""

    location: str
    repository: str
    name: str


class BackfillRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked for; the partitions themselves are the backfill's items."""

    selection: str | None = None
    """Of assets, as it was given; None for a job."""
    assets: tuple[AssetKey, ...] = ()
    """What it meant, upstream first."""
    job: BackfillJob | None = None
    policy: BackfillPolicy | None = None
    """How partitions are cut into runs; None: as the assets say, else one each."""
    config: dict[str, Any] = {}
    tags: dict[str, str] = {}
    priority: int = 0
    order: Direction = Direction.ASC
    """Of the partitions of each asset; what they depend on comes first whatever the order."""
    title: str | None = None
    launched_by: str = "user"


class Backfill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One backfill as it stands now."""

    id: str
    request: BackfillRequest
    status: BackfillStatus
    created_at: datetime
    item_count: int
    ended_at: datetime | None = None
    error: PythonError | None = None
    """Why it failed; while it goes on, why some of it will not be written."""


class BackfillItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One partition of one asset, or of the job, in a backfill.

    There are millions of them and none can be part of a cycle, so the collector need not look at any: that would stop the daemon for
    a tenth of a second now and then.
    """

    asset: AssetKey | None = None
    """None: the job."""
    partition: str | None = None
    """None: the asset has no partitions."""
    status: BackfillItemStatus = BackfillItemStatus.WAITING
    run_id: str | None = None
    """The newest run that was to write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillFilter:
    """Backfills to list or count: all given fields must hold, a list means any of its values."""

    ids: tuple[str, ...] | None = None
    statuses: tuple[BackfillStatus, ...] | None = None
    assets: tuple[AssetKey, ...] | None = None
