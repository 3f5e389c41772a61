"""A plan: the steps of one run, where their inputs come from, and what they write. A value that can be encoded."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

import msgspec

from partita.definitions.keys import AssetKey
from partita.definitions.partitions import PartitionsSpec
from partita.definitions.policies import ExecutorSpec, Retry


class StepKind(StrEnum):
    """What a step computes."""

    ASSET = "asset"
    OP = "op"
    CHECK = "check"
    OBSERVATION = "observation"
    """It looks at an asset that is written elsewhere."""


class FromAsset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="asset"):
    """The stored value of an asset, loaded by an IO manager.

    `partitions` None: the asset has none. `is_single`: the function gets the value itself, or None where there is no
    partition to load (the day before the first); otherwise a dict by key."""

    asset: AssetKey
    io_manager: str
    partitions: tuple[str, ...] | None = None
    is_single: bool = True
    type_name: str = "Any"


class Axis(msgspec.Struct, frozen=True):
    """A dynamic output, for each of whose items a step is executed."""

    step: str
    output: str


class FromOutput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="output"):
    """The stored output of a step of this run, or of the run that this one resumes."""

    step: str
    output: str = "result"
    io_manager: str = "io_manager"
    mapping_key: str | None = None
    """Which item of a dynamic output."""
    is_mapped: bool = False
    """In a template: the item itself, or the output of the step for the same item."""


class FromSeveral(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="several"):
    """A list of outputs, in this order; those that were not produced are left out."""

    sources: tuple[FromOutput, ...]


class FromCollected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="collected"):
    """A list of all items of a dynamic output, or of an output of all steps that were made for them, in the order of production.

    When the items are known it becomes a `FromSeveral`."""

    step: str
    output: str = "result"
    io_manager: str = "io_manager"
    over: Axis


class FromValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="value"):
    """A plain JSON constant given in a graph's body."""

    value: Any


Source = FromAsset | FromOutput | FromSeveral | FromCollected | FromValue


class StepInput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One argument of the step's function."""

    name: str
    source: Source


class StepOutput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One output of the step."""

    name: str = "result"
    io_manager: str = "io_manager"
    type_name: str = "Any"
    is_required: bool = True
    stores_value: bool = True
    is_dynamic: bool = False
    asset: AssetKey | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call of user code, or a template of such steps: `mapped_over` set, `mapping_key` not."""

    key: str
    kind: StepKind
    definition: str
    """Asset key, name of the op, or `asset:check`: how the process that runs it finds the function."""
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    depends_on: tuple[str, ...] = ()
    """Steps that must have succeeded first, also those without data."""
    blocked_by: tuple[str, ...] = ()
    """Steps of blocking checks: they must have succeeded, that is passed or only warned."""
    asset: AssetKey | None = None
    """The asset that it writes or checks; None where it writes several."""
    part_of: AssetKey | None = None
    """Of an op: the asset that it helps to compute."""
    partition_keys: tuple[str, ...] = ()
    """What it writes, in definition order; empty when it has no partitions."""
    partitions: PartitionsSpec | None = None
    is_blocking: bool = False
    retry: Retry | None = None
    timeout: float | None = None
    pool: str | None = None
    priority: int = 0
    code_version: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    resources: tuple[str, ...] = ()
    is_async: bool = False
    requires: tuple[tuple[str, str], ...] = ()
    """What a machine must provide to execute it."""
    hooks: tuple[str, ...] = ()
    """What is called when it has ended, for people and for those who wait for the end of its process."""
    mapped_over: Axis | None = None
    """The dynamic output that it belongs to: a template becomes one step for each item, as soon as they are known."""
    only_keys: tuple[str, ...] | None = None
    """Of a template: the items that are wanted; None means all."""
    template: str | None = None
    """Of a step made from a template: the template's key."""
    mapping_key: str | None = None
    """Of a step made from a template: the item that it is for."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Every step that must have ended before it, each once."""
        from_data: list[str] = []
        for each in self.inputs:
            match each.source:
                case FromOutput(step=source) | FromCollected(step=source):
                    from_data.append(source)
                case FromSeveral(sources=sources):
                    from_data.extend(source.step for source in sources)
        return tuple(dict.fromkeys((*self.depends_on, *self.blocked_by, *from_data)))

    @property
    def is_template(self) -> bool:
        """True when it is not executed itself."""
        return self.mapped_over is not None and self.mapping_key is None

    @property
    def handle(self) -> str:
        """Its place in the graph, under which its config stands: steps of one template share it."""
        return self.template or self.key

    @property
    def is_shared(self) -> bool:
        """Whether its function computes several assets, be it that this run wants one."""
        return self.kind is StepKind.ASSET and self.asset is None

    @property
    def writes(self) -> tuple[AssetKey, ...]:
        """The assets that its outputs are."""
        return tuple(output.asset for output in self.outputs if output.asset is not None)

    @property
    def subjects(self) -> tuple[AssetKey, ...]:
        """The assets that it writes, or looks at."""
        return (self.asset,) if self.kind is StepKind.OBSERVATION and self.asset is not None else self.writes

    @property
    def others(self) -> tuple[AssetKey, ...]:
        """The assets of other keys than its own that are not written when it fails."""
        if self.part_of is not None:
            return (self.part_of,)
        return self.writes if self.is_shared else ()

    @property
    def dynamic_outputs(self) -> tuple[StepOutput, ...]:
        """Its outputs that hold any number of items."""
        return tuple(output for output in self.outputs if output.is_dynamic)


class Produced(NamedTuple):
    """An output that stands. Of a dynamic output each item stands besides, in the order of production."""

    step: str
    output: str
    mapping_key: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """The steps of one run, each after those it depends on; among equals, higher priority and then definition order."""

    repository: str
    executor: ExecutorSpec
    steps: tuple[Step, ...]
    config: dict[str, Any] = {}
    """The whole run config, checked: `{"steps": {...}, "resources": {...}}`."""
    timeout: float | None = None
    skip_unchanged: bool = False
    """Steps that would write what is there already are not executed."""

    @cached_property
    def by_key(self) -> dict[str, Step]:
        """Steps by their key."""
        return {step.key: step for step in self.steps}

    @cached_property
    def by_asset(self) -> dict[str, tuple[str, str]]:
        """The step and the output that write an asset."""
        return {output.asset: (step.key, output.name) for step in self.steps for output in step.outputs if output.asset is not None}

    def origin(self, key: str) -> Step | None:
        """The step of that key, or the template that it was made from; None: there is neither."""
        return self.by_key.get(key) or self.by_key.get(key.partition("[")[0])

    def executes(self, key: str) -> bool:
        """Whether it has the step, or a template that the step may be made from."""
        step = self.origin(key)
        if step is None or step.key == key or step.only_keys is None:
            return step is not None
        return key.partition("[")[2][:-1] in step.only_keys
