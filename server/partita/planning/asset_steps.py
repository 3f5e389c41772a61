"""The steps of a run of assets: one per asset, one per check, with the partitions each writes and reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from partita.definitions.keys import AssetKey
from partita.definitions.policies import Retry
from partita.definitions.specs import AssetSpec, CheckSpec, InputSpec, RepositorySpec
from partita.planning.partitioning import Partitioning, Target
from partita.planning.plan import FromAsset, Step, StepInput, StepKind, StepOutput

DEFAULT_IO = "io_manager"


def target_of(spec: AssetSpec) -> Target:
    """An asset as something that a run writes."""
    return Target(spec.key, spec.partitions)


class AssetSteps:
    """Makes the steps for some assets and checks of a repository.

    Args:
        repository: declares them.
        assets: what the run materialises.
        checks: what it evaluates.
        partitioning: the partitions of the run.
        references: the owners' specs of assets that other locations define.
        step_retry: for steps without a rule of their own.
    """

    def __init__(
        self,
        repository: RepositorySpec,
        *,
        assets: Collection[AssetKey],
        checks: Sequence[CheckSpec],
        partitioning: Partitioning,
        references: Mapping[AssetKey, AssetSpec],
        step_retry: Retry | None = None,
    ) -> None:
        self._specs = {spec.key: spec for spec in repository.assets}
        self._assets = frozenset(assets)
        self._partitioning = partitioning
        self._references = references
        self._step_retry = step_retry
        self._checks: dict[AssetKey, list[CheckSpec]] = {}
        for check in checks:
            self._checks.setdefault(check.asset, []).append(check)
        self._blocking = self._find_blocking()

    def __iter__(self) -> Iterator[Step]:
        for key, spec in self._specs.items():
            if key in self._assets:
                yield self._asset_step(spec)
            for check in self._checks.get(key, ()):
                yield self._check_step(check, self.owner(key))

    def owner(self, key: AssetKey) -> AssetSpec:
        """The spec that counts for `key`: the repository's own when it computes the asset, else its owner's."""
        own = self._specs.get(key)
        if own is not None and not own.is_external:
            return own
        found = self._references.get(key, own)
        return found if found is not None else AssetSpec(key)

    def _asset_step(self, spec: AssetSpec) -> Step:
        target = target_of(spec)
        key = str(spec.key)
        upstream = spec.upstream
        return Step(
            key=key,
            kind=StepKind.ASSET,
            definition=key,
            inputs=tuple(self._input(each, target) for each in spec.inputs),
            outputs=(StepOutput(io_manager=spec.io_manager, type_name=spec.type_name, stores_value=spec.stores_value, asset=spec.key),),
            depends_on=tuple(str(each) for each in upstream if each in self._assets and each != spec.key),
            blocked_by=self._blocked_by(spec.key, upstream),
            asset=spec.key,
            partition_keys=self._partitioning.writes(target),
            partitions=spec.partitions,
            retry=spec.retry or self._step_retry,
            timeout=spec.timeout,
            pool=spec.pool,
            priority=spec.priority,
            code_version=spec.code_version,
            tags=spec.tags,
            resources=spec.resources,
            is_async=spec.is_async,
            hooks=spec.hooks,
        )

    def _check_step(self, check: CheckSpec, checked: AssetSpec) -> Step:
        target = Target(check.step_key, checked.partitions, "Check")
        upstream = tuple(dict.fromkeys((check.asset, *_upstream_of(check))))
        return Step(
            key=check.step_key,
            kind=StepKind.CHECK,
            definition=check.step_key,
            inputs=tuple(self._input(each, target) for each in check.inputs),
            depends_on=tuple(str(each) for each in upstream if each in self._assets),
            asset=check.asset,
            partition_keys=self._partitioning.writes(target),
            partitions=checked.partitions,
            is_blocking=check.is_blocking,
            retry=check.retry or self._step_retry,
            timeout=check.timeout,
            pool=check.pool,
            priority=checked.priority,
            resources=check.resources,
            is_async=check.is_async,
        )

    def _input(self, given: InputSpec, reader: Target) -> StepInput:
        assert given.key is not None
        upstream = self.owner(given.key)
        read = self._partitioning.reads(reader=reader, upstream=target_of(upstream), mapping=given.mapping)
        return StepInput(
            name=given.name,
            source=FromAsset(
                asset=upstream.key,
                io_manager=given.io_manager or self._io_manager_of(upstream),
                partitions=read.keys,
                is_single=read.is_single,
                type_name=given.type_name,
            ),
        )

    def _io_manager_of(self, upstream: AssetSpec) -> str:
        """The repository's own word for a referred asset counts before its owner's."""
        own = self._specs.get(upstream.key)
        return own.io_manager if own is not None and own.io_manager != DEFAULT_IO else upstream.io_manager

    def _blocked_by(self, key: AssetKey, upstream: Sequence[AssetKey]) -> tuple[str, ...]:
        if not self._blocking:
            return ()
        return tuple(check.step_key for each in upstream for check, unheld in self._blocking.get(each, ()) if key not in unheld)

    def _find_blocking(self) -> dict[AssetKey, list[tuple[CheckSpec, frozenset[AssetKey]]]]:
        """Blocking checks by asset, each with the assets that it must not hold back because it needs them itself."""
        found: dict[AssetKey, list[tuple[CheckSpec, frozenset[AssetKey]]]] = {}
        for key, checks in self._checks.items():
            blocking = [check for check in checks if check.is_blocking]
            if blocking:
                found[key] = [(check, self._needed_by(check)) for check in blocking]
        return found

    def _needed_by(self, check: CheckSpec) -> frozenset[AssetKey]:
        seen: set[AssetKey] = set()
        open_keys = [key for key in _upstream_of(check) if key != check.asset]
        while open_keys:
            key = open_keys.pop()
            if key in seen or key not in self._assets:
                continue
            seen.add(key)
            open_keys.extend(self._specs[key].upstream)
        return frozenset(seen)


def _upstream_of(check: CheckSpec) -> tuple[AssetKey, ...]:
    keys = [dep.key for dep in check.deps] + [each.key for each in check.inputs if each.key is not None]
    return tuple(dict.fromkeys(keys))
