"""A plan: the steps of one run, where their inputs come from, and what they write. A value that can be encoded."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from partita.definitions.keys import AssetKey
from partita.definitions.partitions import PartitionsSpec
from partita.definitions.policies import ExecutorSpec, Retry


class StepKind(StrEnum):
    """What a step computes."""

    ASSET = "asset"
    OP = "op"
    CHECK = "check"


class FromAsset(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="asset"):
    """The stored value of an asset, loaded by an IO manager.

    `partitions` None: the asset has none. `is_single`: the function gets the value itself, or None where there is no
    partition to load (the day before the first); otherwise a dict by key."""

    asset: AssetKey
    io_manager: str
    partitions: tuple[str, ...] | None = None
    is_single: bool = True
    type_name: str = "Any"


class FromOutput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="output"):
    """The stored output of a step of this run, or of the run that this one resumes."""

    step: str
    output: str = "result"
    io_manager: str = "io_manager"
    mapping_key: str | None = None


class FromSeveral(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="several"):
    """A list of outputs, in this order; those that were not produced are left out."""

    sources: tuple[FromOutput, ...]


class FromValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="value"):
    """A plain JSON constant given in a graph's body."""

    value: Any


Source = FromAsset | FromOutput | FromSeveral | FromValue


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
    """One call of user code."""

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


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """The steps of one run, each after those it depends on; among equals, higher priority and then definition order."""

    repository: str
    executor: ExecutorSpec
    steps: tuple[Step, ...]
    config: dict[str, Any] = {}
    """The whole run config, checked: `{"steps": {...}, "resources": {...}}`."""
    timeout: float | None = None

    @cached_property
    def by_key(self) -> dict[str, Step]:
        """Steps by their key."""
        return {step.key: step for step in self.steps}
