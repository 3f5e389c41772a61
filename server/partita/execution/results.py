"""What a run in this process has come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from partita.errors import ExecutionError, NotFoundError
from partita.execution.loading import Reader, load_source
from partita.execution.scope import RunScope
from partita.planning.plan import Axis, FromAsset, FromOutput, Plan, Produced, Step, StepKind
from partita.planning.walk import Walk
from partita.records.events import Event
from partita.records.runs import RunRequest, RunStatus, StepStatus


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished run: what happened, what it has produced, and what it can be resumed from.

    Example:
        ```python
        result = pt.materialize([raw, delays])
        assert result.success
        print(result.value("delays"))
        ```
    """

    run_id: str
    status: RunStatus
    request: RunRequest
    """What was asked for."""
    steps: Mapping[str, StepStatus]
    """Where each step stands, those taken over from an earlier run among them."""
    events: Sequence[Event]
    """Every event of the run, in order."""
    errors: Mapping[str, BaseException]
    """What failed steps raised, by step key; exceptions of user code are their cause."""
    error: BaseException | None = None
    """What ended the run as a whole: its timeout."""
    plan: Plan = field(repr=False)
    scope: RunScope = field(repr=False)
    produced: Sequence[Produced] = field(repr=False, default=())
    """Every output that stands."""

    @property
    def success(self) -> bool:
        """Whether nothing failed and nothing was cancelled."""
        return self.status is RunStatus.SUCCEEDED

    @property
    def failed_steps(self) -> tuple[str, ...]:
        """Keys of the steps that failed, in plan order; steps behind them are not among these."""
        return tuple(key for key, status in self.steps.items() if status is StepStatus.FAILED)

    def events_for(self, step: Any) -> tuple[Event, ...]:
        """The events of one step, in order.

        Args:
            step: its key, or the asset.

        Raises:
            NotFoundError: the run has no such step.
        """
        key = self._key_of(step)
        return tuple(event for event in self.events if event.step == key)

    def value(self, step: Any, output: str | None = None) -> Any:
        """What an asset or a step has produced, loaded from where it is stored; several partitions as a dict by key.

        Items of a dynamic output, and what all steps that were mapped over them have produced, are a dict by mapping key.

        Args:
            step: the asset, its key, or the key of a step: `op[key]` for one item, `op` for all of them.
            output: which output, where a step has several.

        Raises:
            NotFoundError: the run has no such step or output.
            ExecutionError: the step has produced nothing.
        """
        key = self._key_of(step)
        written = self.plan.by_asset.get(_text_of(step)) if output is None else None
        if written is not None and written[0] == key:
            output = written[1]
        found = self.plan.origin(key)
        if found is None or found.kind is StepKind.CHECK:
            raise NotFoundError("step with a value", key, [each.key for each in self.plan.steps if each.kind is not StepKind.CHECK])
        if found.is_template and key not in self.steps:
            return {each[len(key) + 1 : -1]: self.value(each, output) for each in self.steps if self.plan.origin(each) is found}
        if self.steps.get(key) is not StepStatus.SUCCEEDED:
            raise ExecutionError(f"Step {key!r} has no value: it is {self.steps.get(key, 'not part of the run')}.")
        source = self._source(found, key, output)
        if source is None:
            return None
        reader = Reader(step=key, input=output or "result")
        with self.scope:
            if isinstance(source, (FromAsset, FromOutput)):
                return load_source(self.scope, source, reader).value
            return {item: load_source(self.scope, each, reader).value for item, each in source.items()}

    def _source(self, step: Step, key: str, name: str | None) -> FromAsset | FromOutput | Mapping[str, FromOutput] | None:
        """Where an output is stored, or each item of a dynamic one; None when it holds nothing."""
        names = [each.name for each in step.outputs]
        if name is None and len(names) > 1:
            raise NotFoundError(f"single output of step {step.key!r}; name one of {', '.join(names)}, not", "result")
        output = next((each for each in step.outputs if name is None or each.name == name), None)
        if output is None:
            raise NotFoundError(f"output of step {step.key!r}", name or "result", names)
        if Produced(key, output.name) not in self.produced:
            raise ExecutionError(f"Step {key!r} has not produced its optional output {output.name!r}.")
        if not output.stores_value:
            return None
        if output.is_dynamic:
            items = [each.mapping_key for each in self.produced if each[:2] == (key, output.name) and each.mapping_key is not None]
            return {item: FromOutput(step=key, output=output.name, io_manager=output.io_manager, mapping_key=item) for item in items}
        if output.asset is None:
            return FromOutput(step=key, output=output.name, io_manager=output.io_manager)
        keys = step.partition_keys or None
        return FromAsset(asset=output.asset, io_manager=output.io_manager, partitions=keys, is_single=keys is None or len(keys) == 1)

    def _key_of(self, step: Any) -> str:
        key = _text_of(step)
        if key in self.plan.by_asset:
            return self.plan.by_asset[key][0]
        if self.plan.origin(key) is None and key not in self.steps:
            raise NotFoundError("step", key, [each.key for each in self.plan.steps])
        return key


def _text_of(step: Any) -> str:
    """The key of a step, asset or check, or the name of a step of several assets."""
    return str(getattr(step, "step_key", None) or getattr(step, "key", None) or getattr(getattr(step, "spec", None), "name", None) or step)


def _produced(walk: Walk) -> Iterator[Produced]:
    for step, outputs in walk.produced.items():
        for output in sorted(outputs):
            yield Produced(step, output)
            for key in walk.mapping_keys.get(Axis(step, output), ()):
                yield Produced(step, output, key)


def result_of(  # noqa: PLR0913 (what is known of the run)
    scope: RunScope,
    walk: Walk,
    *,
    request: RunRequest,
    status: RunStatus,
    events: Sequence[Event],
    errors: Mapping[str, BaseException],
    error: BaseException | None = None,
) -> Result:
    """The result of a walk that has ended."""
    return Result(
        run_id=scope.order.run_id,
        status=status,
        request=request,
        steps=walk.statuses,
        events=tuple(events),
        errors=errors,
        error=error,
        plan=scope.order.plan,
        scope=scope,
        produced=tuple(_produced(walk)),
    )
