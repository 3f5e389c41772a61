"""What functions of schedules and sensors answer: runs to launch, reasons for none, partitions to add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from partita.definitions.jobs import Job
from partita.definitions.keys import AssetKey, check_name
from partita.definitions.metadata import MetadataEntry, to_entries
from partita.definitions.partitions.keys import check_key
from partita.definitions.run_config import to_stored_config
from partita.definitions.specs import to_key
from partita.definitions.texts import storable, unstorable
from partita.errors import DefinitionError

MAX_RUN_KEY = 1000
"""Characters of a run key: it is looked up among all of its schedule or sensor."""
MAX_CURSOR = 1_000_000
"""Characters of a cursor: it is read and written with each evaluation."""
MAX_REASON = 16_000
"""Characters that are kept of a reason."""


class RunRequest:
    """A run that a schedule or sensor asks for.

    Args:
        run_key: launches at most one run per schedule or sensor, ever; None launches every time. At most 1000 characters.
        config: run config: a dict, a model instance, or YAML or JSON text.
        tags: tags of the run, besides those of the schedule and the job.
        partition: the partition it writes, where the target has partitions.
        assets: a part of the target's assets, at least one; all of them if left out.
        job: which of several targets is meant: a job or its name.

    Example:
        `pt.RunRequest(run_key="orders-17.csv", partition="2013-01-31")`

    Raises:
        DefinitionError: a key, tag or asset that cannot be one.
        InvalidConfigError: a config that is no mapping, or holds what cannot be stored.
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
        self.run_key = _checked_text("RunRequest", "run_key", run_key)
        if run_key is not None and len(run_key) > MAX_RUN_KEY:
            raise DefinitionError(f"RunRequest(run_key=...) has {len(run_key)} characters; at most {MAX_RUN_KEY} are taken. Give a hash of it.")
        self.config: dict[str, Any] = to_stored_config(config) or {}
        self.tags = _checked_tags(tags)
        self.partition = _checked_text("RunRequest", "partition", partition)
        self.assets: tuple[AssetKey, ...] | None = None if assets is None else _checked_assets(assets)
        if not isinstance(job, (Job, str, type(None))):
            raise DefinitionError(f"RunRequest(job={job!r}): give a job or its name.")
        self.job: str | None = job.name if isinstance(job, Job) else job

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
        self.reason = storable(reason[:MAX_REASON])

    def __repr__(self) -> str:
        return f"Skip({self.reason!r})"


class AddPartitions:
    """Keys to add to a set of dynamic partitions; those that are there already stay as they are.

    Example:
        `pt.AddPartitions("customers", ["acme"])`

    Raises:
        DefinitionError: a set may not be called so, or a key be none.
    """

    def __init__(self, partitions: Any, keys: Iterable[str]) -> None:
        name = getattr(partitions, "name", partitions)
        if not isinstance(name, str) or not name:
            raise DefinitionError(f"AddPartitions({partitions!r}, ...): name the set, as pt.DynamicPartitions does.")
        if isinstance(keys, str) or not isinstance(keys, Iterable):
            raise DefinitionError(f"AddPartitions({name!r}, {keys!r}): give a list of keys: [{keys!r}].")
        self.set_name = check_name("set of dynamic partitions", name)
        self.keys = tuple(check_key(key, owner=f"AddPartitions({name!r}, ...)") for key in keys)

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
        self.partition = _checked_text("AssetEvent", "partition", partition)
        self.data_version = _checked_text("AssetEvent", "data_version", data_version)
        self.metadata: tuple[MetadataEntry, ...] = to_entries(metadata or {})


class SensorResult:
    """All that an evaluation of a sensor can answer.

    Args:
        requests: runs to launch.
        skip: why there are none.
        cursor: what the next evaluation finds as `context.cursor`; left as it is when None. At most a million characters.
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
        self.requests = _all_of(RunRequest, requests, "requests")
        self.skip = skip if skip is None else (skip if isinstance(skip, Skip) else Skip(skip)).reason
        if self.skip is not None and self.requests:
            raise DefinitionError("SensorResult(skip=..., requests=...): it either launches runs or skips.")
        if cursor is not None and not isinstance(cursor, str):
            raise DefinitionError(f"SensorResult(cursor={cursor!r}): a cursor is text; use json.dumps for anything else.")
        if cursor is not None and len(cursor) > MAX_CURSOR:
            raise DefinitionError(f"SensorResult(cursor=...) has {len(cursor):,} characters; at most {MAX_CURSOR:,} are taken.")
        self.cursor = cursor if cursor is None else _storable_text("SensorResult", "cursor", cursor)
        self.partitions = _all_of(AddPartitions, partitions, "partitions")
        self.events = _all_of(AssetEvent, events, "events")


def _all_of(kind: type[Any], given: Iterable[Any], name: str) -> tuple[Any, ...]:
    if not isinstance(given, (Iterable, kind)):
        raise DefinitionError(f"SensorResult({name}={given!r}): give a list of pt.{kind.__name__}(...).")
    found = (given,) if isinstance(given, kind) else tuple(given)
    for each in found:
        if not isinstance(each, kind):
            raise DefinitionError(f"SensorResult({name}=...) holds {each!r}; give pt.{kind.__name__}(...).")
    return found


def _checked_text(owner: str, parameter: str, given: object) -> str | None:
    if given is None:
        return None
    if callable(given):
        name = getattr(given, "__name__", type(given).__name__)
        raise DefinitionError(f"{owner}({parameter}=...) is given the function {name!r}, not what it returns. Call it, as in context.partition(job).")
    if not isinstance(given, str) or not given:
        raise DefinitionError(f"{owner}({parameter}={given!r}): give text that is not empty, or leave it out.")
    return _storable_text(owner, parameter, given)


def _storable_text(owner: str, parameter: str, given: str) -> str:
    if (letter := unstorable(given)) is not None:
        raise DefinitionError(f"{owner}({parameter}={given!r}) holds {letter!r}, which cannot be stored. Give what ascii(...) makes of it.")
    return given


def _checked_tags(given: object) -> dict[str, str]:
    if not isinstance(given, (Mapping, type(None))):
        raise DefinitionError(f"RunRequest(tags={given!r}): give a mapping, such as tags={{'team': 'etl'}}.")
    for key, value in (given or {}).items():
        if not (isinstance(key, str) and key and isinstance(value, str)):
            raise DefinitionError(f"RunRequest(tags=...): the tag {key!r}: {value!r} must be text.")
    return {storable(key): storable(value) for key, value in (given or {}).items()}


def _checked_assets(given: Any) -> tuple[AssetKey, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise DefinitionError(f"RunRequest(assets={given!r}): give a list, such as assets=[{given!r}].")
    if not (assets := tuple(map(to_key, given))):
        raise DefinitionError("RunRequest(assets=[]) names no asset. Leave it out for all of the target's assets; launch nothing with pt.Skip(...).")
    return assets
