"""Fetches what a step needs from where it was stored, through IO managers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

from partita.definitions.io import InputContext, OutputContext
from partita.definitions.keys import AssetKey
from partita.definitions.metadata import from_entries
from partita.definitions.partitions import partitions_of
from partita.errors import ExecutionError, InputMissingError, NotFoundError, PartitaError, RequestError
from partita.execution.scope import RunScope
from partita.planning.plan import FromAsset, FromCollected, FromOutput, FromSeveral, FromValue, Source, Step, StepInput


class Loaded(NamedTuple):
    """A value, and what its IO manager told about it."""

    value: Any
    metadata: Mapping[str, Any] = {}


class Reader(NamedTuple):
    """Who wants a value, and as which input."""

    step: str
    input: str
    hint: Any = None


def output_place(output: str, mapping_key: str | None) -> str:
    """What an IO manager knows an output by: an item of a dynamic output carries its key, so that none overwrites another."""
    return output if mapping_key is None else f"{output}[{mapping_key}]"


def load_input(scope: RunScope, step: Step, given: StepInput, *, hint: Any) -> Loaded:
    """The value of one input of `step`.

    Raises:
        InputMissingError: it was never stored.
        ExecutionError: its IO manager failed; the manager's own error is the cause.
    """
    return load_source(scope, given.source, Reader(step.key, given.name, hint))


def load_source(scope: RunScope, source: Source, reader: Reader) -> Loaded:
    """The value that a source stands for.

    Raises:
        InputMissingError: it was never stored.
        ExecutionError: its IO manager failed; the manager's own error is the cause.
    """
    match source:
        case FromValue(value=value):
            # a copy: what one attempt does to it must not be seen by the next
            return Loaded(deepcopy(value))
        case FromOutput():
            return _load_output(scope, source, reader)
        case FromSeveral(sources=sources):
            there = [each for each in sources if (each.step, each.output) in scope.outputs]
            return _together([(each.step, _load_output(scope, each, reader)) for each in there], as_list=True)
        case FromCollected():
            raise ExecutionError(f"Input {reader.input!r} of step {reader.step!r} is a list whose items are not known yet.")
        case FromAsset():
            return _load_asset(scope, source, reader)


def load_asset(scope: RunScope, key: AssetKey, partition: str | Iterable[str] | None, *, step: Step) -> Any:
    """The stored value of an asset that the repository knows; several partitions as a dict by key.

    Raises:
        NotFoundError: the repository does not know it.
        RequestError: a partition is given where there are none, or the other way round.
        InputMissingError: nothing is stored.
    """
    if key not in scope.asset_specs:
        raise NotFoundError("asset", key, scope.asset_specs)
    spec = scope.asset_specs[key]
    if spec.partitions is None and partition is not None:
        raise RequestError(f"Asset {str(key)!r} has no partitions, so there is no {partition!r} to load.")
    if spec.partitions is not None and partition is None:
        raise RequestError(f"Asset {str(key)!r} is partitioned {partitions_of(spec.partitions).describe()}. Say which partition to load.")
    keys = None if partition is None else (partition,) if isinstance(partition, str) else tuple(partition)
    is_single = partition is None or isinstance(partition, str)
    source = FromAsset(asset=key, io_manager=spec.io_manager, partitions=keys, is_single=is_single)
    return _load_asset(scope, source, Reader(step.key, str(key))).value


def _load_asset(scope: RunScope, source: FromAsset, reader: Reader) -> Loaded:
    if source.partitions is None:
        return _load_stored(scope, source, None, reader)
    if source.is_single and not source.partitions:
        return Loaded(None)
    if source.is_single:
        return _load_stored(scope, source, source.partitions[0], reader)
    return _together([(key, _load_stored(scope, source, key, reader)) for key in source.partitions], as_list=False)


def _load_stored(scope: RunScope, source: FromAsset, partition: str | None, reader: Reader) -> Loaded:
    spec = scope.asset_specs.get(source.asset)
    if spec is not None and not spec.stores_value:
        raise InputMissingError(
            f"Asset {str(source.asset)!r} is annotated '-> None' and stores no value, yet {reader.step!r} loads it as {reader.input!r}. "
            f"Wait for it with deps=[{str(source.asset)!r}], or return a value."
        )
    keys = (partition,) if partition is not None else ()
    metadata = from_entries(spec.metadata) if spec is not None else {}
    written = OutputContext(
        asset_key=source.asset,
        step_key=spec.step_key if spec is not None else str(source.asset),
        partition_keys=keys,
        metadata=metadata,
        resources=scope.resources,
    )
    return _load(scope, source.io_manager, written, reader)


def _load_output(scope: RunScope, source: FromOutput, reader: Reader) -> Loaded:
    step = scope.order.plan.origin(source.step)
    if step is not None and any(each.name == source.output and not each.stores_value for each in step.outputs):
        return Loaded(None)
    written = OutputContext(
        asset_key=None,
        step_key=source.step,
        output=output_place(source.output, source.mapping_key),
        run_id=scope.run_of(source.step),
        resources=scope.resources,
    )
    return _load(scope, source.io_manager, written, reader)


def _load(scope: RunScope, io_manager: str, written: OutputContext, reader: Reader) -> Loaded:
    context = InputContext(
        name=reader.input,
        asset_key=written.asset_key,
        step_key=reader.step,
        output=written.output,
        partition_keys=written.partition_keys,
        metadata=written.metadata,
        type_hint=reader.hint,
        run_id=scope.order.run_id,
        resources=scope.resources,
        upstream=written,
    )
    manager = scope.io_manager(io_manager)
    try:
        value = scope.settled(manager.load(context))
    except PartitaError:
        raise
    except Exception as error:
        raise ExecutionError(
            f"Input {reader.input!r} of step {reader.step!r} could not be loaded by {type(manager).__name__}: {type(error).__name__}: {error}"
        ) from error
    return Loaded(value, context.added_metadata)


def _together(parts: list[tuple[str, Loaded]], *, as_list: bool) -> Loaded:
    values: Any = [each.value for _, each in parts] if as_list else {key: each.value for key, each in parts}
    return Loaded(values, {"count": len(parts)})
