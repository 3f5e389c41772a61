"""What a step's function gave back, sorted by output: values, metadata, verdicts. Nothing is stored here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from partita.definitions.keys import AssetKey
from partita.definitions.results import NO_VALUE, CheckResult, DynamicOutput, Materialization, Observation, Output
from partita.errors import ExecutionError, OutputMissingError, did_you_mean
from partita.planning.plan import Step, StepKind, StepOutput


@dataclass(slots=True)
class Given:
    """One output."""

    value: Any
    metadata: Mapping[str, Any] = field(default_factory=dict)
    data_version: str | None = None


@dataclass(slots=True)
class Returned:
    """All that the function gave back."""

    outputs: dict[str, Given] = field(default_factory=dict)
    items: dict[str, dict[str, Given]] = field(default_factory=dict)
    """Items of dynamic outputs by mapping key, in the order in which they were given."""
    verdicts: list[tuple[AssetKey, CheckResult]] = field(default_factory=list)
    """Each with the asset that it is about."""
    observations: dict[str | None, Observation] = field(default_factory=dict)
    """By partition; under None where the step has one or none."""


def read_returned(step: Step, items: Sequence[Any], *, is_generator: bool) -> Returned:
    """Sort what the function returned or yielded.

    Raises:
        OutputMissingError: an output that the step owes is not among it.
        ExecutionError: an unknown or repeated output, or something that means nothing.
    """
    returned = Returned(items={output.name: {} for output in step.dynamic_outputs})
    for item in _spread(step, items, is_generator=is_generator):
        _take(step, returned, item, is_generator=is_generator)
    if step.kind is StepKind.CHECK:
        if not returned.verdicts:
            raise OutputMissingError(f"Check {step.key!r} gave no verdict. Return pt.CheckResult(passed=...).")
        return returned
    if step.kind is StepKind.OBSERVATION and not returned.observations:
        raise OutputMissingError(f"Step {step.key!r} observed nothing. Return {_wanted(step)}.")
    for output in step.outputs:
        if output.is_required and not output.is_dynamic and output.name not in returned.outputs:
            if output.asset is not None and step.is_shared:
                raise OutputMissingError(f"Step {step.key!r} ended without asset {output.name!r}. {_asset_wanted(output.name)}")
            how = "Yield" if is_generator else "Return"
            raise OutputMissingError(
                f"Step {step.key!r} ended without its output {output.name!r}. {how} pt.Output(..., output={output.name!r}), "
                "or declare it with pt.Out(optional=True)."
            )
    return returned


def by_partition(step: Step, value: Any) -> dict[str, Any]:
    """The value of each partition that a step with several has written.

    Raises:
        ExecutionError: it is not a dict by partition key, or holds a key too many.
        OutputMissingError: a partition is not among its keys.
    """
    keys = step.partition_keys
    if not isinstance(value, dict):
        raise ExecutionError(
            f"Step {step.key!r} writes {len(keys)} partitions, so it returns a dict by partition key; it returned {type(value).__name__}."
        )
    for key in keys:
        if key not in value:
            raise OutputMissingError(f"Step {step.key!r} ended without partition {key!r}: the dict that it returned lacks it.")
    unknown = next((key for key in value if key not in set(keys)), None)
    if unknown is not None:
        raise ExecutionError(f"Step {step.key!r} returned partition {unknown!r}, which this run does not write.{did_you_mean(str(unknown), keys)}")
    return {key: value[key] for key in keys}


def _spread(step: Step, items: Sequence[Any], *, is_generator: bool) -> Iterable[Any]:
    """A tuple returned by a function with several outputs holds one value for each, in order; a list may hold dynamic items."""
    if not is_generator and isinstance(items[0], (list, tuple)) and items[0] and all(isinstance(each, DynamicOutput) for each in items[0]):
        return items[0]
    if is_generator or (len(step.outputs) < 2 and not step.is_shared) or not isinstance(items[0], tuple):
        return items
    values = items[0]
    if len(values) != len(step.outputs):
        raise ExecutionError(f"Step {step.key!r} has {len(step.outputs)} outputs and returned a tuple of {len(values)}.")
    if step.is_shared:
        return [{output.name: value for value, output in zip(values, step.outputs, strict=True)}]
    return [value if isinstance(value, Output) else Output(value, output=output.name) for value, output in zip(values, step.outputs, strict=True)]


def _take(step: Step, returned: Returned, item: Any, *, is_generator: bool) -> None:
    match item:
        case CheckResult():
            returned.verdicts.append((asset_named(step, item.asset, "pt.CheckResult"), item))
        case Materialization() if step.kind is StepKind.ASSET:
            _put_materialization(step, returned, item, asset=item.asset)
        case Observation() if step.kind is StepKind.OBSERVATION:
            _observe(step, returned, dict.fromkeys(step.partition_keys or (None,), item))
        case dict() if step.kind is StepKind.OBSERVATION and len(step.partition_keys) > 1:
            _observe(step, returned, by_partition(step, item))
        case Observation():
            raise ExecutionError(f"Step {step.key!r} gave a pt.Observation, which tells of data that is written elsewhere. {_OBSERVABLE}")
        case Output():
            name = asset_named(step, item.output, "pt.Output") if step.is_shared else item.output
            _put(step, returned, name, Given(item.value, item.metadata))
        case DynamicOutput():
            _put_item(step, returned, item)
        case _ if is_generator:
            raise ExecutionError(f"Step {step.key!r} yielded {type(item).__name__}. Yield {_wanted(step)}.")
        case _:
            _take_plain(step, returned, item)


def _observe(step: Step, returned: Returned, found: Mapping[str | None, Any] | Mapping[str, Any]) -> None:
    for partition, each in found.items():
        if not isinstance(each, Observation):
            raise ExecutionError(f"Step {step.key!r} gave {type(each).__name__} for partition {partition!r}. Give {_wanted(step)}.")
        if partition in returned.observations:
            raise ExecutionError(f"Step {step.key!r} gave a pt.Observation twice. Give one, or a dict by partition key.")
        returned.observations[partition] = each


def _take_plain(step: Step, returned: Returned, value: Any) -> None:
    if step.kind is StepKind.CHECK:
        # numpy's own bool is not a bool
        if type(value).__name__ not in ("bool", "bool_"):
            raise OutputMissingError(f"Check {step.key!r} returned {type(value).__name__}. Return pt.CheckResult(passed=...).")
        returned.verdicts.append((asset_named(step, None, "pt.CheckResult"), CheckResult(passed=bool(value))))
        return
    if step.kind is StepKind.OBSERVATION:
        raise ExecutionError(f"Step {step.key!r} returned {type(value).__name__}. Return {_wanted(step)}.")
    if step.is_shared:
        _take_several(step, returned, value)
        return
    if len(step.outputs) != 1:
        names = ", ".join(output.name for output in step.outputs)
        raise ExecutionError(
            f"Step {step.key!r} has the outputs {names} and returned {type(value).__name__}. Yield pt.Output(..., output=...), or return a tuple."
        )
    (output,) = step.outputs
    if output.is_dynamic and (value is None or value == []):
        return
    if not output.stores_value and value is not None:
        raise ExecutionError(
            f"Step {step.key!r} is annotated '-> None' and returned {type(value).__name__}. Annotate what it returns, or return nothing."
        )
    _put(step, returned, output.name, Given(value if output.stores_value else NO_VALUE))


def _take_several(step: Step, returned: Returned, value: Any) -> None:
    """What a function of several assets returned: nothing where it stores nothing, else each value by key."""
    if value is None and not any(output.stores_value for output in step.outputs):
        value = {output.name: NO_VALUE for output in step.outputs}
    if not isinstance(value, Mapping):
        names = ", ".join(output.name for output in step.outputs)
        raise ExecutionError(
            f"Step {step.key!r} computes the assets {names} and returned {type(value).__name__}. "
            'Yield pt.Output(..., output="key") for each, or return a tuple or a dict by key.'
        )
    for key, each in value.items():
        name = asset_named(step, key, "the dict that it returned")
        if isinstance(each, Materialization):
            _put_materialization(step, returned, each, asset=name)
        elif isinstance(each, Output):
            _put(step, returned, name, Given(each.value, each.metadata))
        else:
            _put(step, returned, name, Given(each))


def _put_materialization(step: Step, returned: Returned, item: Materialization[Any], *, asset: str | None) -> None:
    key = asset_named(step, asset, "pt.Materialization")
    _put(step, returned, key if step.is_shared else "result", Given(item.value, item.metadata, item.data_version))
    returned.verdicts.extend((key, check) for check in item.checks)


def asset_named(step: Step, name: object, what: str) -> AssetKey:
    """The asset of the step that user code means: the only one, or that of this key or last segment.

    Raises:
        ExecutionError: the step computes several and none is named, or one that this run does not want.
    """
    if step.asset is not None and name in (None, step.asset, step.asset.name):
        return step.asset
    keys = [step.asset] if step.asset is not None else step.writes
    if name is None or (name == "result" and what == "pt.Output"):
        parameter = "output" if what == "pt.Output" else "asset"
        listed = ", ".join(keys)
        raise ExecutionError(f"Step {step.key!r} gave a {what} that does not say for which asset. Give it {parameter}=, one of: {listed}.")
    found = [key for key in keys if key == name] or [key for key in keys if key.name == name]
    if len(found) != 1:
        raise ExecutionError(
            f"Step {step.key!r}: {what} names asset {str(name)!r}, which this run does not want of it.{did_you_mean(str(name), keys)} "
            f"It wants {', '.join(keys)}: see context.selected_keys."
        )
    return found[0]


def _put(step: Step, returned: Returned, name: str, given: Given) -> None:
    if _output(step, name).is_dynamic:
        raise ExecutionError(f"Output {name!r} of step {step.key!r} is dynamic. {_item_wanted(name)}")
    if name in returned.outputs:
        raise ExecutionError(f"Step {step.key!r} gave its output {str(name)!r} twice.")
    returned.outputs[name] = given


def _put_item(step: Step, returned: Returned, item: DynamicOutput[Any]) -> None:
    name, key = item.output, item.mapping_key
    if not _output(step, name).is_dynamic:
        raise ExecutionError(
            f"Step {step.key!r} gave a pt.DynamicOutput for its output {name!r}, which is not dynamic. Declare it with pt.DynamicOut()."
        )
    if key in returned.items[name]:
        raise ExecutionError(f"Step {step.key!r} gave mapping key {key!r} twice. Each item of output {name!r} needs a key of its own.")
    returned.items[name][key] = Given(item.value, item.metadata)


def _output(step: Step, name: str) -> StepOutput:
    found = next((output for output in step.outputs if output.name == name), None)
    if found is None:
        known = [output.name for output in step.outputs]
        raise ExecutionError(f"Step {step.key!r} has no output {name!r}.{did_you_mean(name, known)} It has {', '.join(known) or 'none'}.")
    return found


_OBSERVABLE = "Return pt.Materialization(data_version=...) here, or declare the asset with @pt.observable_asset."


def _asset_wanted(name: str) -> str:
    return f"Yield pt.Output(..., output={name!r}) or pt.Materialization(asset={name!r}), or return a dict that holds it."


def _item_wanted(name: str) -> str:
    named = "" if name == "result" else f", output={name!r}"
    return f'Yield pt.DynamicOutput(..., mapping_key="..."{named}) for each item.'


def _wanted(step: Step) -> str:
    match step.kind:
        case StepKind.ASSET:
            return "pt.Materialization(value=...), pt.Output(...) or pt.CheckResult(...)"
        case StepKind.CHECK:
            return "pt.CheckResult(...)"
        case StepKind.OBSERVATION:
            several = ", or a dict of them by partition key" if len(step.partition_keys) > 1 else ""
            return f"pt.Observation(data_version=...){several}"
        case StepKind.OP:
            return 'pt.DynamicOutput(..., mapping_key="...")' if all(each.is_dynamic for each in step.outputs) else "pt.Output(...)"
