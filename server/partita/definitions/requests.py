"""What functions of schedules and sensors answer: runs to launch, reasons for none, partitions to add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from partita.definitions.keys import AssetKey
from partita.definitions.metadata import MetadataEntry, to_entries
from partita.definitions.run_config import to_run_config
from partita.definitions.specs import to_key
from partita.errors import DefinitionError


class RunRequest:
    """A run that a schedule or sensor asks for.

    Args:
        run_key: launches at most one run per schedule or sensor, ever; None launches every time.
        config: run config: a dict, a model instance, or YAML or JSON text.
        tags: tags of the run, besides those of the schedule and the job.
        partition: the partition it writes, where the target has partitions.
        assets: a part of the target's assets; all of them if left out.
        job: which of several targets is meant: a job or its name.

    Example:
        `pt.RunRequest(run_key="orders-17.csv", partition="2013-01-31")`

    Raises:
        DefinitionError: a key, tag or asset that cannot be one.
        InvalidConfigError: a config that is no mapping.
    """

    def __init__(
        self,
        *,
        run_key: str | None = None,
        config: Any = None,
        tags: Mapping[str, str] | None = None,
        partition: str | None = None,
        assets: Iterable[Any] | None = None,
        job: Any = None,
    ) -> None:
        for name, given in (("run_key", run_key), ("partition", partition)):
            if given is not None and not (isinstance(given, str) and given):
                raise DefinitionError(f"RunRequest({name}={given!r}): give text that is not empty, or leave it out.")
        if isinstance(assets, str):
            raise DefinitionError(f"RunRequest(assets={assets!r}): give a list, such as assets=[{assets!r}].")
        self.run_key = run_key
        self.config: dict[str, Any] = to_run_config(config) or {}
        self.tags = dict(tags or {})
        for key, value in self.tags.items():
            if not (isinstance(key, str) and key and isinstance(value, str)):
                raise DefinitionError(f"RunRequest(tags=...): the tag {key!r}: {value!r} must be text.")
        self.partition = partition
        self.assets: tuple[AssetKey, ...] | None = None if assets is None else tuple(to_key(each) for each in assets)
        self.job: str | None = job if job is None or isinstance(job, str) else getattr(job, "name", str(job))

    def __repr__(self) -> str:
        given = {name: value for name, value in vars(self).items() if value}
        return f"RunRequest({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunRequest) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]  # it holds config


class Skip:
    """Nothing is to be launched this time, and why.

    Example:
        `return pt.Skip("no new files")`
    """

    def __init__(self, reason: str) -> None:
        if not isinstance(reason, str) or not reason.strip():
            raise DefinitionError(f"Skip({reason!r}): say why, as text.")
        self.reason = reason

    def __repr__(self) -> str:
        return f"Skip({self.reason!r})"


class AddPartitions:
    """Keys to add to a set of dynamic partitions; those that are there already stay as they are.

    Example:
        `pt.AddPartitions("customers", ["acme"])`
    """

    def __init__(self, partitions: Any, keys: Iterable[str]) -> None:
        name = getattr(partitions, "name", partitions)
        if not isinstance(name, str) or not name:
            raise DefinitionError(f"AddPartitions({partitions!r}, ...): name the set, as pt.DynamicPartitions does.")
        if isinstance(keys, str):
            raise DefinitionError(f"AddPartitions({name!r}, {keys!r}): give a list of keys: [{keys!r}].")
        self.set_name = name
        self.keys = tuple(keys)

    def __repr__(self) -> str:
        return f"AddPartitions({self.set_name!r}, {list(self.keys)!r})"


class AssetEvent:
    """A write of an asset that a sensor has seen, outside of any run: it is recorded as a materialization.

    Example:
        `pt.AssetEvent("raw/orders", metadata={"rows": 12})`
    """

    def __init__(
        self, asset: Any, *, partition: str | None = None, data_version: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        self.asset: AssetKey = to_key(asset)
        self.partition = partition
        self.data_version = data_version
        self.metadata: tuple[MetadataEntry, ...] = to_entries(metadata or {})


class SensorResult:
    """All that an evaluation of a sensor can answer.

    Args:
        requests: runs to launch.
        skip: why there are none.
        cursor: what the next evaluation finds as `context.cursor`; left as it is when None.
        partitions: keys to add to dynamic partitions, before the runs are launched.
        events: writes of assets to record.

    Example:
        `pt.SensorResult(requests=[pt.RunRequest(run_key=name)], cursor=name)`

    Raises:
        DefinitionError: `skip` together with requests, or a value of another kind.
    """

    def __init__(
        self,
        *,
        requests: Iterable[RunRequest] = (),
        skip: str | Skip | None = None,
        cursor: str | None = None,
        partitions: Iterable[AddPartitions] = (),
        events: Iterable[AssetEvent] = (),
    ) -> None:
        self.requests = _all_of(RunRequest, [requests] if isinstance(requests, RunRequest) else requests, "requests")
        self.skip = skip.reason if isinstance(skip, Skip) else skip
        if self.skip is not None and self.requests:
            raise DefinitionError("SensorResult(skip=..., requests=...): it either launches runs or skips.")
        if cursor is not None and not isinstance(cursor, str):
            raise DefinitionError(f"SensorResult(cursor={cursor!r}): a cursor is text; use json.dumps for anything else.")
        self.cursor = cursor
        self.partitions = _all_of(AddPartitions, partitions, "partitions")
        self.events = _all_of(AssetEvent, events, "events")


def _all_of(kind: type[Any], given: Iterable[Any], name: str) -> tuple[Any, ...]:
    found = tuple(given)
    for each in found:
        if not isinstance(each, kind):
            raise DefinitionError(f"SensorResult({name}=...) holds {each!r}; give pt.{kind.__name__}(...).")
    return found
