"""The steps of a run of assets: one per function that computes some, one per check, with the partitions each writes and reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from partita.definitions.keys import AssetKey
from partita.definitions.policies import Retry
from partita.definitions.specs import AssetSpec, CheckSpec, InputSpec, RepositorySpec
from partita.planning.graph_steps import GraphSteps, Use, steps_of
from partita.planning.partitioning import Partitioning, Target
from partita.planning.plan import FromAsset, Step, StepInput, StepKind, StepOutput

DEFAULT_IO = "io_manager"
RESULT = "result"
"""The output that is an asset's value."""


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
        self._repository = repository
        self._specs = {spec.key: spec for spec in repository.assets}
        self._together: dict[str, list[AssetSpec]] = {}
        """The assets of each step that computes several."""
        for spec in repository.assets:
            if spec.step is not None:
                self._together.setdefault(spec.step, []).append(spec)
        self._assets = frozenset(assets)
        self._partitioning = partitioning
        self._references = references
        self._step_retry = step_retry
        self._checks: dict[AssetKey, list[CheckSpec]] = {}
        for check in checks:
            self._checks.setdefault(check.asset, []).append(check)
        self._blocking = self._find_blocking()

    def __iter__(self) -> Iterator[Step]:
        made: set[str] = set()
        for key, spec in self._specs.items():
            if key in self._assets and spec.step_key not in made:
                made.add(spec.step_key)
                yield from self._graph_steps(spec) if spec.graph is not None else (self._step(spec),)
            for check in self._checks.get(key, ()):
                yield self._check_step(check, self.owner(key))

    def owner(self, key: AssetKey) -> AssetSpec:
        """The spec that counts for `key`: the repository's own when it computes the asset, else its owner's."""
        own = self._specs.get(key)
        if own is not None and own.is_executable:
            return own
        found = self._references.get(key, own)
        return found if found is not None else AssetSpec(key)

    def _step(self, spec: AssetSpec) -> Step:
        if spec.is_observable:
            return msgspec.structs.replace(self._asset_step(spec), kind=StepKind.OBSERVATION, outputs=())
        return self._asset_step(spec) if spec.step is None else self._shared_step(spec)

    def _graph_steps(self, spec: AssetSpec) -> Iterator[Step]:
        """The ops that compute an asset, which wait for all that it depends on, and the step that stores what they have computed."""
        assert spec.graph is not None
        stored = self._asset_step(spec)
        ops = GraphSteps(
            self._repository,
            spec.graph,
            use=Use(f"{spec.key}.", {each.name: each.source for each in stored.inputs}),
            step_retry=self._step_retry,
            partitions=spec.partitions,
            partition_keys=stored.partition_keys,
        )
        for op in ops:
            before = tuple(dict.fromkeys((*stored.depends_on, *op.depends_on)))
            yield msgspec.structs.replace(op, depends_on=before, blocked_by=stored.blocked_by, priority=spec.priority, part_of=spec.key)
        result = ops.output(RESULT)
        assert result is not None, "a graph's output is an op's"
        before = tuple(dict.fromkeys((*stored.depends_on, *steps_of(result))))
        yield msgspec.structs.replace(stored, inputs=(StepInput(name=RESULT, source=result),), depends_on=before)

    def _asset_step(self, spec: AssetSpec) -> Step:
        target = target_of(spec)
        key = spec.step_key
        upstream = spec.upstream
        return Step(
            key=key,
            kind=StepKind.ASSET,
            definition=str(spec.key),
            inputs=tuple(self._input(each, target) for each in spec.inputs),
            outputs=(StepOutput(io_manager=spec.io_manager, type_name=spec.type_name, stores_value=spec.stores_value, asset=spec.key),),
            depends_on=self._steps_of(upstream, own=key),
            blocked_by=self._blocked_by(frozenset({spec.key}), upstream),
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
            requires=spec.requires,
            hooks=spec.hooks,
        )

    def _shared_step(self, spec: AssetSpec) -> Step:
        """The step that computes `spec` and others: those that the run wants. Its function loads the same whichever they are."""
        together = self._together[spec.step_key]
        wanted = [each for each in together if each.key in self._assets]
        inputs = tuple({given.name: given for each in together for given in each.inputs}.values())
        loaded = [each.key for each in inputs if each.key is not None]
        upstream = tuple(dict.fromkeys((*(key for each in wanted for key in each.upstream), *loaded)))
        own = frozenset(each.key for each in together)
        step = self._asset_step(wanted[0])
        return msgspec.structs.replace(
            step,
            inputs=tuple(self._input(each, target_of(spec)) for each in inputs),
            outputs=tuple(
                StepOutput(name=str(each.key), io_manager=each.io_manager, type_name=each.type_name, stores_value=each.stores_value, asset=each.key)
                for each in wanted
            ),
            depends_on=self._steps_of(upstream, own=step.key),
            blocked_by=self._blocked_by(own, [key for key in upstream if key not in own]),
            asset=None,
            code_version=None,
        )

    def _steps_of(self, assets: Sequence[AssetKey], *, own: str | None = None) -> tuple[str, ...]:
        """The steps of this run, but `own`, that compute `assets`."""
        steps = dict.fromkeys(self._specs[key].step_key for key in assets if key in self._assets)
        return tuple(each for each in steps if each != own)

    def _check_step(self, check: CheckSpec, checked: AssetSpec) -> Step:
        target = Target(check.step_key, checked.partitions, "Check")
        upstream = tuple(dict.fromkeys((check.asset, *_upstream_of(check))))
        return Step(
            key=check.step_key,
            kind=StepKind.CHECK,
            definition=check.step_key,
            inputs=tuple(self._input(each, target) for each in check.inputs),
            depends_on=self._steps_of(upstream),
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

    def _blocked_by(self, keys: frozenset[AssetKey], upstream: Sequence[AssetKey]) -> tuple[str, ...]:
        if not self._blocking:
            return ()
        return tuple(check.step_key for each in upstream for check, unheld in self._blocking.get(each, ()) if keys.isdisjoint(unheld))

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
            for spec in self._together.get(self._specs[key].step_key, (self._specs[key],)):
                open_keys.extend(spec.upstream)
        return frozenset(seen)


def _upstream_of(check: CheckSpec) -> tuple[AssetKey, ...]:
    keys = [dep.key for dep in check.deps] + [each.key for each in check.inputs if each.key is not None]
    return tuple(dict.fromkeys(keys))
