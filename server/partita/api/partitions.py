"""Partitions of assets, jobs and runs as the schema shows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from partita.api.context import Context
from partita.api.definitions import Definitions
from partita.api.entries import JobEntry
from partita.api.errors import ApiError
from partita.api.pages import ShownPage, counted, decode_cursor, encode_cursor, page_request
from partita.api.types.enums import PartitionKind
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import (
    DynamicKeys,
    DynamicPartitions,
    MultiPartitions,
    Partitions,
    PartitionSet,
    PartitionsSpec,
    TimePartitions,
    TimeWindow,
    partitions_of,
)
from partita.definitions.specs import AssetSpec, JobSpec
from partita.errors import RequestError
from partita.planning.coverage import Coverage, cover
from partita.records.assets import PartitionState, PartitionStatus
from partita.records.filters import RunFilter, RunOrder
from partita.records.pages import Page, PageRequest
from partita.records.runs import Run, RunRequest, RunStatus
from partita.workspace.catalog import Catalog

MOST_RUNS = 10_000
"""Runs of one job that its partitions' states are read from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownDimension:
    """The value behind a `PartitionDimension`."""

    name: str
    kind: PartitionKind
    cron: str | None = None
    timezone: str | None = None
    start_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPartition:
    """The value behind a `Partition`."""

    key: str
    status: PartitionStatus
    run_id: str | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCount:
    """How many partitions stand in one way."""

    status: PartitionStatus
    count: int


@dataclass(frozen=True, slots=True)
class State:
    """How one partition stands, and the newest run that was to write it."""

    status: PartitionStatus
    run_id: str | None


class States(Protocol):
    """Where the states of partitions are read."""

    async def read(self, context: Context, keys: Sequence[str] | None) -> Mapping[str, State]:
        """States of those partitions of `keys` that something happened to; None: of all partitions."""

    async def count(self, context: Context) -> Mapping[PartitionStatus, int] | None:
        """How many stand in each way, where that is kept; None where it must be counted."""


def _dimension(name: str | None, cut: Partitions, *, now: datetime) -> ShownDimension:
    if isinstance(cut, DynamicPartitions):
        return ShownDimension(name=name or cut.name, kind=PartitionKind.DYNAMIC)
    if not isinstance(cut, TimePartitions):
        return ShownDimension(name=name or "key", kind=PartitionKind.STATIC)
    first = cut.first(now=now)
    start = cut.window(first).start.astimezone(UTC) if first is not None else None
    return ShownDimension(name=name or "time", kind=PartitionKind.TIME_WINDOW, cron=cut.cron, timezone=cut.timezone, start_at=start)


def _window(cut: Partitions, key: str) -> TimeWindow | None:
    """The window of a partition; of several dimensions that of the only one by time."""
    is_by_time = isinstance(cut, TimePartitions) or (isinstance(cut, MultiPartitions) and cut.timed is not None)
    return cut.window(key) if is_by_time else None


class PartitionedTarget:
    """The value behind `AssetPartitions`: what is cut, and where its states are read."""

    def __init__(self, spec: PartitionsSpec, states: States, dynamic: DynamicKeys) -> None:
        self.partitions: Partitions = partitions_of(spec, dynamic)
        self._states = states

    @property
    def description(self) -> str:
        """How it is cut, in words."""
        return self.partitions.describe()

    def dimensions(self, *, now: datetime) -> list[ShownDimension]:
        """The ways in which its partitions are told apart."""
        if isinstance(self.partitions, MultiPartitions):
            return [_dimension(name, part, now=now) for name, part in self.partitions.dimensions.items()]
        return [_dimension(None, self.partitions, now=now)]

    async def page(self, context: Context, page: PageRequest, *, statuses: Collection[PartitionStatus] | None) -> ShownPage[ShownPartition]:
        """A page of its partitions, in definition order."""
        chosen = await self._chosen(context, statuses)
        start = self._position_after(chosen, page.after)
        stop = min(len(chosen), start + (page.first or 0))
        keys = list(chosen[start:stop])
        states = await self._states.read(context, keys)
        items = [self._shown(key, states.get(key)) for key in keys]
        cursors = [encode_cursor((key,)) for key in keys]
        return ShownPage(page=Page(items=items, cursors=cursors, has_next=stop < len(chosen), has_previous=start > 0), count=counted(len(chosen)))

    async def status_counts(self, context: Context) -> list[StatusCount]:
        """How many of its partitions stand in each way, those without any left out."""
        total = self.partitions.count(now=context.now)
        kept = await self._states.count(context)
        # What is kept also counts partitions that a changed definition no longer has.
        if kept is None or sum(kept.values()) > total:
            kept = (await self._cover(context)).counts
        counts = {**kept, PartitionStatus.MISSING: total - sum(count for status, count in kept.items() if status is not PartitionStatus.MISSING)}
        return [StatusCount(status=status, count=counts[status]) for status in PartitionStatus if counts.get(status)]

    async def _chosen(self, context: Context, statuses: Collection[PartitionStatus] | None) -> PartitionSet:
        existing = self.partitions.keys(now=context.now)
        if statuses is None:
            return existing
        return (await self._cover(context)).standing(statuses)

    async def _cover(self, context: Context) -> Coverage:
        states = await self._states.read(context, None)
        return cover(self.partitions, {key: state.status for key, state in states.items()}, now=context.now)

    def _position_after(self, chosen: PartitionSet, cursor: str | None) -> int:
        if cursor is None:
            return 0
        (key,) = decode_cursor(cursor, ("",))
        ordinal = self.partitions.find_ordinal(key)
        if ordinal is None:
            raise ApiError(f"{cursor[:60]!r} is not a cursor of this list.")
        return chosen.rank(ordinal)

    def _shown(self, key: str, state: State | None) -> ShownPartition:
        window = _window(self.partitions, key)
        return ShownPartition(
            key=key,
            status=state.status if state else PartitionStatus.MISSING,
            run_id=state.run_id if state else None,
            start_at=window.start.astimezone(UTC) if window else None,
            end_at=window.end.astimezone(UTC) if window else None,
        )


@dataclass(frozen=True, slots=True)
class AssetStates:
    """States of the partitions of assets. Of several, a partition stands as badly as the worst."""

    keys: tuple[AssetKey, ...]

    async def read(self, context: Context, keys: Sequence[str] | None) -> Mapping[str, State]:
        """States of partitions that something happened to."""
        assets = context.store.assets
        found = await context.read(lambda: assets.partition_states(self.keys, partition_keys=keys))
        by_partition: dict[str, list[PartitionState]] = {}
        for states in found.values():
            for state in states:
                by_partition.setdefault(state.partition, []).append(state)
        return {key: self._combined(states) for key, states in by_partition.items()}

    async def count(self, context: Context) -> Mapping[PartitionStatus, int] | None:
        """Counts, which are kept for single assets."""
        if len(self.keys) != 1:
            return None
        counts = await context.read(lambda: context.store.assets.partition_counts(self.keys))
        return counts.get(self.keys[0], {})

    def _combined(self, states: Sequence[PartitionState]) -> State:
        newest = max(states, key=lambda state: (state.at is not None, state.at, state.run_id or ""))
        statuses = {state.status for state in states}
        for worst in (PartitionStatus.FAILED, PartitionStatus.RUNNING):
            if worst in statuses:
                return State(worst, newest.run_id)
        is_whole = len(states) == len(self.keys)
        return State(PartitionStatus.MATERIALIZED if is_whole else PartitionStatus.MISSING, newest.run_id)


@dataclass(frozen=True, slots=True)
class JobStates:
    """States of the partitions of a job of ops: how the newest run of each ended."""

    job: JobEntry

    async def read(self, context: Context, keys: Sequence[str] | None) -> Mapping[str, State]:
        """States of partitions that a run was asked for."""
        where = RunFilter(jobs=((*self.job.place, self.job.name),), partition_keys=tuple(keys) if keys is not None else None)
        states: dict[str, State] = {}
        page = PageRequest(first=500)
        for _ in range(MOST_RUNS // 500):
            found = await self._page(context, where, page)
            for run in found.items:
                for key in run.request.partition_keys:
                    if run.status is not RunStatus.CANCELED:
                        states.setdefault(key, State(_STATUS_OF_RUN.get(run.status, PartitionStatus.RUNNING), run.id))
            if not found.has_next:
                break
            page = PageRequest(first=500, after=found.cursors[-1])
        return states

    async def count(self, context: Context) -> Mapping[PartitionStatus, int] | None:
        """Nothing is kept."""
        del context
        return None

    async def _page(self, context: Context, where: RunFilter, page: PageRequest) -> Page[Run]:
        return await context.read(lambda: context.store.runs.list(where, order=RunOrder(), page=page))


_STATUS_OF_RUN = {RunStatus.SUCCEEDED: PartitionStatus.MATERIALIZED, RunStatus.FAILED: PartitionStatus.FAILED}


class RunTarget:
    """The value behind `RunPartitions`: what a run was asked to write."""

    def __init__(self, request: RunRequest) -> None:
        self._request = request

    @property
    def count(self) -> int:
        """How many partitions."""
        return len(self._request.partition_keys)

    def page(self, *, first: int | None, after: str | None) -> list[str]:
        """A part of the keys.

        Raises:
            ApiError: `first` is out of bounds, or the run does not write `after`.
        """
        keys = self._request.partition_keys
        size = page_request(first=first, after=None).first or 0
        if after is not None and after not in keys:
            raise ApiError(f"The run does not write a partition {after[:100]!r}.")
        start = 0 if after is None else keys.index(after) + 1
        return list(keys[start : start + size])

    def range(self, definitions: Definitions) -> list[str] | None:
        """First and last key, when they are one unbroken range of what the definition of this moment says."""
        spec = spec_of_request(self._request, definitions.catalog)
        if spec is None:
            return None
        try:
            ranges = partitions_of(spec, definitions.dynamic).set_of(self._request.partition_keys).ranges()
        except RequestError:
            return None  # the definition has changed since
        return list(ranges[0]) if len(ranges) == 1 else None


def partitions_of_asset(spec: AssetSpec, definitions: Definitions) -> PartitionedTarget | None:
    """The partitions of an asset."""
    return None if spec.partitions is None else PartitionedTarget(spec.partitions, AssetStates((spec.key,)), definitions.dynamic)


def partitions_of_job(job: JobEntry, definitions: Definitions) -> PartitionedTarget | None:
    """The partitions of a job: those it declares, or those that its assets share."""
    catalog = definitions.catalog
    spec = _spec_of_job(job.spec, catalog)
    if spec is None:
        return None
    cut_alike = tuple(key for key in job.spec.assets if _asset_partitions(key, catalog) == spec)
    return PartitionedTarget(spec, AssetStates(cut_alike) if cut_alike else JobStates(job), definitions.dynamic)


def spec_of_request(request: RunRequest, catalog: Catalog) -> PartitionsSpec | None:
    """How the target of a request is cut; None when it is not, or no longer exists."""
    if request.assets:
        return next((spec for key in request.assets if (spec := _asset_partitions(key, catalog))), None)
    repository = catalog.repositories.get((request.location, request.repository))
    job = next((each for each in repository.jobs if each.name == request.job), None) if repository else None
    return _spec_of_job(job, catalog) if job else None


def _spec_of_job(job: JobSpec, catalog: Catalog) -> PartitionsSpec | None:
    if job.partitions is not None:
        return job.partitions
    specs = {spec for key in job.assets if (spec := _asset_partitions(key, catalog))}
    return specs.pop() if len(specs) == 1 else None


def _asset_partitions(key: AssetKey, catalog: Catalog) -> PartitionsSpec | None:
    return catalog.asset(key).partitions if key in catalog.graph else None
