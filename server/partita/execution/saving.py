"""Stores what a step gave back, through IO managers, and tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from partita.definitions.io import OutputContext
from partita.definitions.keys import AssetKey
from partita.definitions.metadata import MetadataEntry, from_entries, to_entries
from partita.definitions.results import NO_VALUE, CheckResult
from partita.errors import CheckFailedError, ExecutionError, PartitaError
from partita.execution.context import StepContext
from partita.execution.loading import output_place
from partita.execution.outputs import Given, Returned, by_partition
from partita.execution.reading import reads_of
from partita.execution.scope import RunScope
from partita.planning.plan import Step, StepKind, StepOutput
from partita.records.events import AssetMaterialized, CheckEvaluated, OutputSaved, Severity


def keep(scope: RunScope, step: Step, returned: Returned, *, context: StepContext, hint: Any) -> None:
    """Store every output and tell of outputs, materialisations and verdicts.

    Raises:
        CheckFailedError: a blocking check has failed with ERROR.
        ExecutionError: an IO manager failed; its own error is the cause.
    """
    for output in step.outputs:
        if output.is_dynamic:
            _keep_items(scope, step, output, returned.items[output.name], attempt=context.attempt)
            continue
        given = returned.outputs.get(output.name)
        if given is None:
            continue
        if step.kind is StepKind.ASSET:
            _keep_asset(scope, step, output, given, context=context, hint=hint)
        else:
            own = context.metadata if len(step.outputs) == 1 else {}
            added = _save(scope, step, output, given.value, partition=None, hint=hint)
            _tell_saved(scope, step, output, given.value, attempt=context.attempt, metadata={**own, **given.metadata, **added})
        scope.outputs.add((step.key, output.name))
    for verdict in returned.verdicts:
        _tell_verdict(scope, step, verdict, context=context)


def _keep_items(scope: RunScope, step: Step, output: StepOutput, items: Mapping[str, Given], *, attempt: int) -> None:
    for key, given in items.items():
        added = _save(scope, step, output, given.value, partition=None, hint=None, mapping_key=key)
        _tell_saved(scope, step, output, given.value, attempt=attempt, metadata={**given.metadata, **added}, mapping_key=key)
    scope.outputs.add((step.key, output.name))


def _keep_asset(scope: RunScope, step: Step, output: StepOutput, given: Given, *, context: StepContext, hint: Any) -> None:
    attempt = context.attempt
    keys: tuple[str | None, ...] = step.partition_keys or (None,)
    values: dict[str | None, Any] = dict.fromkeys(keys, given.value)
    if len(keys) > 1 and given.value is not NO_VALUE:
        values |= {partition: value for partition, value in by_partition(step, given.value).items()}  # noqa: C416 (keys become optional)
    added = {key: _save(scope, step, output, value, partition=key, hint=hint) for key, value in values.items()}
    _tell_saved(scope, step, output, given.value, attempt=attempt, metadata={})
    for key in keys:
        scope.tell(
            AssetMaterialized(
                at=datetime.now(UTC),
                step=step.key,
                attempt=attempt,
                asset=key_of(step),
                partition=key,
                data_version=given.data_version,
                code_version=step.code_version,
                metadata=_entries({**context.metadata, **given.metadata, **added[key]}),
                reads=reads_of(scope, step, key_of(step), key),
                read_at=context.started_at,
            )
        )


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
        output=output_place(output.name, mapping_key),
        partition_keys=(partition,) if partition is not None else (),
        metadata=from_entries(spec.metadata) if spec is not None and spec.metadata else {},
        type_hint=hint,
        run_id=scope.order.run_id,
        resources=scope.resources,
    )
    manager = scope.io_manager(output.io_manager)
    try:
        manager.save(context, value)
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


def _tell_verdict(scope: RunScope, step: Step, verdict: CheckResult, *, context: StepContext) -> None:
    asset = key_of(step)
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


def key_of(step: Step) -> AssetKey:
    """The asset that a step of an asset or a check is about."""
    assert step.asset is not None
    return step.asset


def _entries(metadata: Mapping[str, Any]) -> tuple[MetadataEntry, ...]:
    return to_entries(metadata) if metadata else ()
