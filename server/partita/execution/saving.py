"""Stores what a step gave back, through IO managers, and tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from partita.definitions.io import OutputContext
from partita.definitions.keys import AssetKey
from partita.definitions.metadata import MetadataEntry, from_entries, to_entries
from partita.definitions.results import NO_VALUE, CheckResult, Observation
from partita.definitions.specs import AssetSpec
from partita.errors import CheckFailedError, ExecutionError, PartitaError
from partita.execution.context import StepContext
from partita.execution.loading import output_place
from partita.execution.outputs import Given, Returned, by_partition
from partita.execution.reading import reads_of
from partita.execution.scope import RunScope
from partita.planning.plan import Step, StepKind, StepOutput
from partita.records.events import AssetMaterialized, AssetObserved, CheckEvaluated, OutputSaved, Severity


def keep(scope: RunScope, step: Step, returned: Returned, *, context: StepContext, hint: Any) -> None:
    """Store every output and tell of outputs, materialisations and verdicts.

    Raises:
        CheckFailedError: a blocking check has failed with ERROR.
        ExecutionError: an IO manager failed; its own error is the cause.
    """
    for output in _upstream_first(scope, step):
        if output.is_dynamic:
            _keep_items(scope, step, output, returned.items[output.name], attempt=context.attempt)
            continue
        given = returned.outputs.get(output.name)
        if given is None:
            continue
        if output.asset is not None:
            _keep_asset(scope, step, output, output.asset, given, context=context, hint=None if step.is_shared else hint)
        else:
            own = context.metadata if len(step.outputs) == 1 else {}
            added = _save(scope, step, output, given.value, partition=None, hint=hint)
            _tell_saved(scope, step, output, given.value, attempt=context.attempt, metadata={**own, **given.metadata, **added})
        scope.outputs.add((step.key, output.name))
    for partition, found in returned.observations.items():
        _tell_observed(scope, step, partition, found, context=context)
    for asset, verdict in returned.verdicts:
        _tell_verdict(scope, step, asset, verdict, context=context)


def _upstream_first(scope: RunScope, step: Step) -> Sequence[StepOutput]:
    """The step's outputs; of several assets each after those beside it that it depends on."""
    if not step.is_shared:
        return step.outputs
    ordered: list[StepOutput] = []
    rest = list(step.outputs)
    while rest:
        waiting = {output.asset for output in rest}
        ordered += [output for output in rest if output.asset is not None and waiting.isdisjoint(_beside(scope, step, output.asset))]
        rest = [output for output in rest if output not in ordered]
    return ordered


def _beside(scope: RunScope, step: Step, asset: AssetKey) -> Sequence[AssetKey]:
    """The assets that the step writes too and that `asset` depends on."""
    spec = scope.asset_specs.get(asset)
    if spec is None or len(step.outputs) == 1:
        return ()
    written = {output.asset for output in step.outputs}
    return [key for key in spec.upstream if key in written and key != asset]


def _keep_items(scope: RunScope, step: Step, output: StepOutput, items: Mapping[str, Given], *, attempt: int) -> None:
    for key, given in items.items():
        added = _save(scope, step, output, given.value, partition=None, hint=None, mapping_key=key)
        _tell_saved(scope, step, output, given.value, attempt=attempt, metadata={**given.metadata, **added}, mapping_key=key)
    scope.outputs.add((step.key, output.name))


def _keep_asset(  # noqa: PLR0913 (what is stored, and as what)
    scope: RunScope, step: Step, output: StepOutput, asset: AssetKey, given: Given, *, context: StepContext, hint: Any
) -> None:
    attempt = context.attempt
    spec = scope.asset_specs.get(asset)
    keys: tuple[str | None, ...] = step.partition_keys or (None,)
    values: dict[str | None, Any] = dict.fromkeys(keys, given.value)
    if given.value is not NO_VALUE and (len(keys) > 1 or _is_by_partition(spec, step, given.value)):
        values |= {partition: value for partition, value in by_partition(step, given.value).items()}  # noqa: C416 (keys become optional)
    added = {key: _save(scope, step, output, value, partition=key, hint=hint) for key, value in values.items()}
    _tell_saved(scope, step, output, given.value, attempt=attempt, metadata={})
    for key in keys:
        scope.tell(
            AssetMaterialized(
                at=datetime.now(UTC),
                step=step.key,
                attempt=attempt,
                asset=asset,
                partition=key,
                data_version=given.data_version,
                code_version=step.code_version if step.asset is not None or spec is None else spec.code_version,
                metadata=_entries({**context.metadata, **given.metadata, **added[key]}),
                reads=reads_of(scope, step, asset, key),
                # what it was made from beside it in this call was not there when the call began
                read_at=context.started_at if not _beside(scope, step, asset) else None,
            )
        )


def _is_by_partition(spec: AssetSpec | None, step: Step, value: Any) -> bool:
    """Whether a step with one partition has answered as it does for several: the last run of a backfill may hold one that is left over."""
    may_have_several = spec is not None and spec.backfill is not None and spec.backfill.max_partitions_per_run != 1
    return may_have_several and isinstance(value, dict) and tuple(value) == step.partition_keys


def _save(  # noqa: PLR0913 (what is stored, and as what)
    scope: RunScope, step: Step, output: StepOutput, value: Any, *, partition: str | None, hint: Any, mapping_key: str | None = None
) -> Mapping[str, Any]:
    """Store one value. Answers what its IO manager tells about it."""
    if value is NO_VALUE:
        return {}
    spec = scope.asset_specs.get(output.asset) if output.asset is not None else None
    context = OutputContext(
        asset_key=output.asset,
        step_key=step.key,
        # readers know an asset's key alone, not how the step that computes it calls it
        output=output_place(output.name if output.asset is None else "result", mapping_key),
        partition_keys=(partition,) if partition is not None else (),
        metadata=from_entries(spec.metadata) if spec is not None and spec.metadata else {},
        type_hint=hint,
        run_id=scope.order.run_id,
        resources=scope.resources,
    )
    manager = scope.io_manager(output.io_manager)
    try:
        scope.settled(manager.save(context, value))
    except PartitaError:
        raise
    except Exception as error:
        where = f" for partition {partition!r}" if partition is not None else ""
        raise ExecutionError(
            f"Output {output.name!r} of step {step.key!r}{where}, a {type(value).__module__}.{type(value).__qualname__}, could not be stored by "
            f"{type(manager).__name__}: {type(error).__name__}: {error}"
        ) from error
    return context.added_metadata


def _tell_saved(  # noqa: PLR0913 (one event's facts)
    scope: RunScope,
    step: Step,
    output: StepOutput,
    value: Any,
    *,
    attempt: int,
    metadata: Mapping[str, Any],
    mapping_key: str | None = None,
) -> None:
    is_stored = value is not NO_VALUE
    scope.tell(
        OutputSaved(
            at=datetime.now(UTC),
            step=step.key,
            attempt=attempt,
            output=output.name,
            type_name=type(value).__name__ if is_stored else "None",
            is_stored=is_stored,
            mapping_key=mapping_key,
            metadata=_entries(metadata),
        )
    )


def _tell_observed(scope: RunScope, step: Step, partition: str | None, found: Observation, *, context: StepContext) -> None:
    assert step.asset is not None
    scope.tell(
        AssetObserved(
            at=datetime.now(UTC),
            step=step.key,
            attempt=context.attempt,
            asset=step.asset,
            partition=partition,
            data_version=found.data_version,
            metadata=_entries({**context.metadata, **found.metadata}),
        )
    )


def _tell_verdict(scope: RunScope, step: Step, asset: AssetKey, verdict: CheckResult, *, context: StepContext) -> None:
    is_check = step.kind is StepKind.CHECK
    name = step.key.rpartition(":")[2] if is_check else verdict.name
    if name is None:
        raise ExecutionError(f"Asset {str(asset)!r} reports a CheckResult without a name. Give it one: pt.CheckResult(name=..., passed=...).")
    severity = Severity(verdict.severity.value)
    own = context.metadata if is_check else {}
    for key in step.partition_keys or (None,):
        scope.tell(
            CheckEvaluated(
                at=datetime.now(UTC),
                step=step.key,
                attempt=context.attempt,
                asset=asset,
                check=name,
                passed=bool(verdict.passed),
                severity=severity,
                is_blocking=is_check and step.is_blocking,
                partition=key,
                description=verdict.description,
                metadata=_entries({**own, **verdict.metadata}),
            )
        )
    if is_check and step.is_blocking and not verdict.passed and severity is Severity.ERROR:
        raise CheckFailedError(asset, name, verdict.description)


def _entries(metadata: Mapping[str, Any]) -> tuple[MetadataEntry, ...]:
    return to_entries(metadata) if metadata else ()
