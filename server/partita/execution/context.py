"""What a step's function is given to know where it stands, and to tell what it does."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from partita.definitions.context import Context
from partita.definitions.keys import AssetKey
from partita.definitions.metadata import to_entries
from partita.definitions.partitions import MultiPartitions, Partitions, TimePartitions, TimeWindow, partitions_of
from partita.errors import ExecutionError, NotFoundError
from partita.execution.latest import LatestMaterialization
from partita.execution.loading import load_asset
from partita.execution.logs import EventHandler, clean, new_logger
from partita.execution.scope import RunScope
from partita.planning.plan import FromAsset, Step
from partita.records.events import Event, ProgressMade


class StepContext(Context):
    """What every step knows of itself. `AssetContext`, `OpContext` and `CheckContext` say which kind it is."""

    def __init__(self, scope: RunScope, step: Step, *, attempt: int) -> None:
        self._scope = scope
        self._step = step
        self.attempt = attempt
        """Number of this attempt, from 1."""
        self.started_at = datetime.now(UTC)
        """When this attempt began, before any input was loaded."""
        self.config: Any = None
        """The step's config, where its function takes one."""
        self.metadata: dict[str, Any] = {}
        """What `add_metadata` was given."""
        self._log: logging.Logger | None = None

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._scope.order.run_id

    @property
    def job_name(self) -> str | None:
        """Name of the job; None when assets are materialised directly."""
        return self._scope.order.job

    @property
    def step_key(self) -> str:
        """The step's key in its run: asset key, `graph.op`, or `asset:check`."""
        return self._step.key

    @property
    def tags(self) -> Mapping[str, str]:
        """Labels of the run."""
        return self._scope.order.tags

    @property
    def is_cancelled(self) -> bool:
        """True once the run is asked to stop: long loops may end early."""
        return self._scope.is_cancelled()

    # ---- partitions -------------------------------------------------------------------------------------------------

    @property
    def partition_keys(self) -> tuple[str, ...]:
        """The partitions that the step writes, in order; empty when it has none."""
        return self._step.partition_keys

    @property
    def partition_key(self) -> str:
        """The partition that the step writes.

        Raises:
            ExecutionError: it has none, or writes several.
        """
        keys = self._step.partition_keys
        if len(keys) == 1:
            return keys[0]
        problem = f"writes {len(keys)} partitions: use partition_keys" if keys else "has no partitions"
        raise ExecutionError(f"context.partition_key: step {self.step_key!r} {problem}.")

    @property
    def is_partitioned_by_time(self) -> bool:
        """Whether `partition_window` is known."""
        return self._in_time() is not None

    @property
    def partition_window(self) -> TimeWindow:
        """Start of the first and end of the last partition that the step writes; of several dimensions, in the one by time.

        Raises:
            ExecutionError: it is not partitioned by time.
        """
        found = self._in_time() if self._step.partition_keys else None
        if found is None:
            raise ExecutionError(f"context.partition_window: step {self.step_key!r} is not partitioned by time, or by several dimensions of time.")
        partitions, keys = found
        spans = partitions.set_of(keys).spans
        return TimeWindow(start=partitions.window_of(spans[0][0]).start, end=partitions.window_of(spans[-1][1]).end)

    @property
    def partition_dimensions(self) -> Mapping[str, str]:
        """The keys of the dimensions in the partition that the step writes, by name; empty where there is but one dimension.

        Raises:
            ExecutionError: it has no partitions, or writes several.
        """
        partitions = self._partitions()
        return partitions.values(self.partition_key) if isinstance(partitions, MultiPartitions) else {}

    def _partitions(self) -> Partitions | None:
        return partitions_of(self._step.partitions) if self._step.partitions is not None else None

    def _in_time(self) -> tuple[TimePartitions, Sequence[str]] | None:
        """How the step is cut by time, and the keys that it writes there."""
        partitions, keys = self._partitions(), self._step.partition_keys
        if isinstance(partitions, TimePartitions):
            return partitions, keys
        if isinstance(partitions, MultiPartitions) and partitions.timed is not None:
            name, part = partitions.timed
            return part, [partitions.values(key)[name] for key in keys]
        return None

    def upstream_keys(self, name: str) -> tuple[str, ...]:
        """The partitions that input `name` is loaded from; empty when the upstream asset has none.

        Raises:
            NotFoundError: the function has no such input.
        """
        sources = {each.name: each.source for each in self._step.inputs}
        source = sources.get(name)
        if not isinstance(source, FromAsset):
            raise NotFoundError(f"asset input of step {self.step_key!r}", name, sources)
        return source.partitions or ()

    # ---- telling ----------------------------------------------------------------------------------------------------

    @property
    def log(self) -> logging.Logger:
        """A logger whose records are events of the run."""
        if self._log is None:
            self._log = new_logger(EventHandler(self._tell, step=self.step_key, attempt=self.attempt))
        return self._log

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Show this with what the step writes. A label given again takes the new value.

        Raises:
            DefinitionError: a value that metadata does not know; names its label.
        """
        to_entries(metadata)
        self.metadata.update(metadata)

    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None:
        """Tell how far the step is: `done` of `total`, in whatever unit suits it."""
        if not math.isfinite(done) or not math.isfinite(total or 0):
            raise ExecutionError(f"context.progress({done}, {total}): must be finite numbers.")
        text = clean(message) if message is not None else None
        self._tell(ProgressMade(at=datetime.now(UTC), step=self.step_key, attempt=self.attempt, done=done, total=total, message=text))

    def load(self, key: Any, partition: str | Iterable[str] | None = None) -> Any:
        """The stored value of any asset that the repository knows; several partitions arrive as a dict by key.

        Raises:
            NotFoundError: the repository does not know the asset.
            InputMissingError: nothing is stored.
        """
        return load_asset(self._scope, AssetKey(getattr(key, "key", key)), partition, step=self._step)

    def latest(self, key: Any, partition: str | None = None) -> LatestMaterialization | None:
        """The last write of an asset, or of one partition of it, in whatever run; None: it was never written.

        Without a server or a store, only what this run has written is known.

        Raises:
            NotFoundError: it was never written, and the repository does not know it either.
        """
        wanted = AssetKey(getattr(key, "key", key))
        found = self._scope.look_up(wanted, partition)
        if found is None and wanted not in self._scope.asset_specs:
            raise NotFoundError("asset", wanted, self._scope.asset_specs)
        return LatestMaterialization.of(found) if found is not None else None

    @property
    def _tell(self) -> Callable[[Event], None]:
        return self._scope.tell


class AssetContext(StepContext):
    """The context of an asset's function: a parameter named `context`, or annotated with this class.

    Example:
        ```python
        @pt.asset(partitions=pt.DailyPartitions(start="2013-01-01"))
        def flights(context: pt.AssetContext) -> pd.DataFrame:
            frame = read_day(context.partition_key)
            context.log.info("%d flights", len(frame))
            context.add_metadata({"rows": len(frame)})
            return frame
        ```
    """

    @property
    def asset_key(self) -> AssetKey:
        """The asset that the step writes.

        Raises:
            ExecutionError: its function computes several.
        """
        if self._step.asset is None:
            raise ExecutionError(f"context.asset_key: step {self.step_key!r} computes several assets: use context.selected_keys.")
        return self._step.asset

    @property
    def selected_keys(self) -> frozenset[AssetKey]:
        """The assets that the step is to write."""
        if self._step.asset is not None:
            return frozenset({self._step.asset})
        return frozenset(self._step.writes)


class CheckContext(StepContext):
    """The context of a check's function.

    Example:
        ```python
        @pt.asset_check(asset=flights)
        def has_rows(context: pt.CheckContext, flights: pd.DataFrame) -> pt.CheckResult:
            return pt.CheckResult(passed=len(flights) > 0, description=f"{context.partition_key}: {len(flights)} rows")
        ```
    """

    @property
    def asset_key(self) -> AssetKey:
        """The asset that is checked."""
        assert self._step.asset is not None
        return self._step.asset


class OpContext(StepContext):
    """The context of an op's function.

    Example:
        ```python
        @pt.op
        def extract(context: pt.OpContext) -> list[int]:
            context.progress(1, total=3, message="reading")
            return [context.attempt]
        ```
    """
