"""A context for calling a definition's function directly, as tests do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from partita.definitions.keys import AssetKey
from partita.definitions.labels import to_tags
from partita.definitions.metadata import to_entries
from partita.definitions.partitions import Partitions, partitions_of
from partita.definitions.policies import in_process
from partita.definitions.repository import Repository
from partita.definitions.results import Materialization
from partita.definitions.specs import AssetSpec, parts_of
from partita.errors import NotFoundError, RequestError
from partita.execution.context import AssetContext, CheckContext, OpContext
from partita.execution.order import Order
from partita.execution.scope import Outside, RunScope
from partita.planning.plan import FromAsset, Plan, Step, StepInput, StepKind, StepOutput
from partita.records.assets import Materialization as MaterializationRecord
from partita.records.events import Event

__all__ = ["BuiltContext", "build_context"]
NAME = "test"
"""What the run and the step are called where nothing else is said."""


class BuiltContext(AssetContext, CheckContext, OpContext):
    """The context of an asset, a check or an op outside of any run. `with` closes the resources that were opened."""

    def __init__(self, scope: RunScope, step: Step, *, config: Any, upstream: Mapping[AssetKey, Any], events: list[Event]) -> None:
        super().__init__(scope, step, attempt=1)
        self.config = config
        self._upstream = upstream
        self._events = events
        self._is_cancelled = False

    @property
    def resources(self) -> Mapping[str, Any]:
        """The resources it was built with, opened when they are asked for."""
        return self._scope.resources

    @property
    def events(self) -> Sequence[Event]:
        """What was told through it: log records and progress."""
        return tuple(self._events)

    @property
    def is_cancelled(self) -> bool:
        """True after `cancel()`."""
        return self._is_cancelled

    def cancel(self) -> None:
        """Let the function find its run asked to stop."""
        self._is_cancelled = True

    def load(self, key: Any, partition: str | Iterable[str] | None = None) -> Any:
        """The value that `upstream` gives for the asset; of a dict by partition those that are asked for.

        Raises:
            NotFoundError: `upstream` has no such asset or partition.
        """
        wanted = _key(key)
        if wanted not in self._upstream:
            raise NotFoundError("upstream asset", wanted, self._upstream)
        value = self._upstream[wanted]
        if partition is None:
            return value
        keys = (partition,) if isinstance(partition, str) else tuple(partition)
        for each in keys:
            if not isinstance(value, Mapping) or each not in value:
                raise NotFoundError(f"partition of upstream asset {str(wanted)!r}", each, value if isinstance(value, Mapping) else ())
        return value[partition] if isinstance(partition, str) else {each: value[each] for each in keys}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._scope.close()


def build_context(  # noqa: PLR0913 (part of the authoring contract)
    *,
    partition: str | Sequence[str] | None = None,
    partitions: Partitions | None = None,
    resources: Mapping[str, Any] | None = None,
    config: Any = None,
    upstream: Mapping[Any, Any] | None = None,
    latest: Mapping[Any, Materialization[Any]] | None = None,
    asset: Any = NAME,
    tags: Mapping[str, str] | None = None,
) -> BuiltContext:
    """A context with which an asset's, check's or op's function is called directly.

    Args:
        partition: the key that the step writes, or several.
        partitions: what the key is one of, unless `asset` says so; needed where the function asks for `partition_window`. The key is checked.
        resources: what `context.resources` holds, by name.
        config: what `context.config` is.
        upstream: what `context.load` gives, by asset key; a dict by partition where partitions are asked for.
        latest: what `context.latest` tells, by asset key: a `pt.Materialization` with metadata and data version.
        asset: what `context.asset_key` is: the asset, or its key. A multi asset, or a list of assets, is what `context.selected_keys` are.
        tags: labels of the run.

    Example:
        ```python
        context = pt.build_context(partition="2013-03-10", upstream={"raw/orders": [1, 2]})
        assert delays(context, flights=[3]) == 1
        ```

    Raises:
        RequestError: a partition that `partitions` does not have, or something that is no mapping.
    """
    for name, given in (("resources", resources), ("upstream", upstream), ("latest", latest)):
        if given is not None and not isinstance(given, Mapping):
            raise RequestError(f"{name}={given!r}: give a mapping from names.")
    assets = asset if isinstance(asset, (list, tuple)) else (asset,)
    partitions = partitions if partitions is not None else _partitions_of(assets)
    keys = () if partition is None else (partition,) if isinstance(partition, str) else tuple(partition)
    for key in keys if partitions is not None else ():
        _check(partitions, key)
    above = {_key(key): value for key, value in (upstream or {}).items()}
    written = {_key(key): _recorded(_key(key), given) for key, given in (latest or {}).items()}
    written_keys = tuple(_key(part) for each in assets for part in parts_of(each))
    step = Step(
        key=NAME,
        kind=StepKind.ASSET,
        definition=NAME,
        asset=written_keys[0] if len(written_keys) == 1 else None,
        outputs=tuple(StepOutput(name=str(key), asset=key) for key in written_keys),
        partition_keys=keys,
        partitions=partitions.spec if partitions is not None else None,
        inputs=tuple(StepInput(name=key.name, source=_source(key, value)) for key, value in above.items()),
    )
    plan = Plan(repository=NAME, executor=in_process(), steps=(step,))
    order = Order(
        run_id=NAME, job=None, repository=NAME, location=NAME, plan=plan, steps=None, tags=dict(to_tags(tags)), values_url="", logs_directory=""
    )
    events: list[Event] = []
    outside = Outside(events.extend, lambda: False, lambda key, _: written.get(key))
    scope = RunScope(order, Repository(NAME), outside, resources=resources)
    return BuiltContext(scope, step, config=config, upstream=above, events=events)


def _key(subject: Any) -> AssetKey:
    return AssetKey(getattr(subject, "key", subject))


def _recorded(key: AssetKey, given: Materialization[Any]) -> MaterializationRecord:
    if not isinstance(given, Materialization):
        raise RequestError(f"latest={{{str(key)!r}: {given!r}}}: give a pt.Materialization, such as pt.Materialization(metadata={{'rows': 3}}).")
    now = datetime.now(UTC)
    return MaterializationRecord(id=f"mat_{NAME}", asset=key, at=now, data_version=given.data_version, metadata=to_entries(given.metadata))


def _partitions_of(assets: Sequence[Any]) -> Partitions | None:
    """How the first of the assets is cut that is cut at all; of a bare key nothing is known."""
    specs = [getattr(part, "spec", None) for each in assets for part in parts_of(each)]
    found = next((spec.partitions for spec in specs if isinstance(spec, AssetSpec) and spec.partitions is not None), None)
    return None if found is None else partitions_of(found)


def _check(partitions: Partitions | None, key: str) -> None:
    if partitions is not None and not partitions.could_have(key):
        raise RequestError(f"partition={key!r} is no key of the partitions given: {partitions.describe()}.")


def _source(key: AssetKey, value: Any) -> FromAsset:
    keys = tuple(value) if isinstance(value, Mapping) and all(isinstance(each, str) for each in value) else None
    return FromAsset(asset=key, io_manager=NAME, partitions=keys)
