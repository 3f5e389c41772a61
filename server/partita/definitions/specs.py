"""Everything a repository declares, as frozen values that can be encoded: the one model of what exists.

A definition is a spec plus the user's function; only a code location's own processes hold functions. Everybody else
works on these. A catalog (`workspace.catalog`) is the `RepositorySpec`s of all locations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, Unpack

import msgspec

from partita.definitions.automation_specs import ScheduleSpec, SensorSpec
from partita.definitions.conditions import AnyCondition, Condition, check_condition
from partita.definitions.keys import AssetKey
from partita.definitions.labels import check_group, check_io_manager, check_kinds, check_owners, check_tags
from partita.definitions.mappings import Mapping as PartitionMapping
from partita.definitions.mappings import MappingSpec
from partita.definitions.metadata import MetadataEntry, to_entries
from partita.definitions.ordering import in_order
from partita.definitions.partitions import Partitions, PartitionsSpec
from partita.definitions.policies import BackfillPolicy, ExecutorSpec, Freshness, Retry, expect
from partita.definitions.sources import SourceLocation as SourceLocation
from partita.definitions.sources import caller_source, located
from partita.definitions.values import Spec as Spec
from partita.errors import DefinitionError


class ConfigSpec(Spec, frozen=True, kw_only=True):
    """A config model as JSON Schema 2020-12, with the values used where none is given."""

    json_schema: dict[str, Any]
    defaults: dict[str, Any] = msgspec.field(default_factory=dict)
    is_required: bool = False
    """True when a field has no default, so a run without config for this step is refused."""


class InputSpec(Spec, frozen=True, kw_only=True):
    """An input of an op, asset or check.

    For assets and checks `key` is the upstream asset. `type_name` is the annotation as text, for people."""

    name: str
    key: AssetKey | None = None
    mapping: MappingSpec | None = None
    io_manager: str | None = None
    """None: the IO manager that the upstream asset is stored with."""
    type_name: str = "Any"
    description: str | None = None
    is_required: bool = True
    is_nothing: bool = False
    """Order without a value."""


class OutputSpec(Spec, frozen=True, kw_only=True):
    """An output of an op."""

    name: str = "result"
    type_name: str = "Any"
    description: str | None = None
    io_manager: str = "io_manager"
    is_required: bool = True
    is_dynamic: bool = False
    is_nothing: bool = False
    """The function is annotated `-> None`: nothing is stored."""


class DepSpec(Spec, frozen=True, kw_only=True):
    """An upstream asset that is not loaded: order and lineage."""

    key: AssetKey
    mapping: MappingSpec | None = None


class FromFunction(TypedDict, total=False):
    """What a function itself says of its asset."""

    inputs: tuple[InputSpec, ...]
    type_name: str
    stores_value: bool
    config: ConfigSpec | None
    resources: tuple[str, ...]
    is_async: bool
    is_external: bool
    is_observable: bool


class Computed(FromFunction, total=False):
    """What a spec says of an asset with a function, and nothing of one without."""

    retry: Retry | None
    timeout: float | None
    pool: str | None
    pool_slots: int
    priority: int
    requires: tuple[tuple[str, str], ...]
    hooks: tuple[str, ...]
    backfill: BackfillPolicy | None
    step: str | None
    can_subset: bool
    graph: str | None
    source: SourceLocation | None


@dataclass(frozen=True, init=False)
class AssetSpec:
    """What an asset is, without how it is computed.

    Given alone to a `Repository` it declares an external asset, or refers to one that another code location defines.

    Args:
        key: `"marts/orders"` or `["marts", "orders"]`.
        deps: keys, assets or `Dep`s that come before it.
        automation: when it is made without being asked for.
        freshness: how old it may be.

    Example:
        `pt.AssetSpec("raw/orders", group="raw", kinds=["csv"])`

    Raises:
        DefinitionError: a bad key, owner, tag or metadata value.
    """

    key: AssetKey
    deps: tuple[DepSpec, ...] = ()
    inputs: tuple[InputSpec, ...] = ()
    group: str = "default"
    kinds: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    metadata: tuple[MetadataEntry, ...] = ()
    description: str | None = None
    partitions: PartitionsSpec | None = None
    code_version: str | None = None
    io_manager: str = "io_manager"
    type_name: str = "Any"
    stores_value: bool = True
    """False for a function annotated `-> None`."""
    config: ConfigSpec | None = None
    resources: tuple[str, ...] = ()
    retry: Retry | None = None
    timeout: float | None = None
    pool: str | None = None
    pool_slots: int = 1
    priority: int = 0
    requires: tuple[tuple[str, str], ...] = ()
    hooks: tuple[str, ...] = ()
    backfill: BackfillPolicy | None = None
    """How backfills cut its partitions into runs; None: one each."""
    automation: AnyCondition | None = None
    """When it is made without being asked for."""
    freshness: Freshness | None = None
    """How old it may be."""
    is_async: bool = False
    is_external: bool = True
    is_observable: bool = False
    """Whether a function looks at its data, which is written elsewhere."""
    step: str | None = None
    """The step that computes it together with others, each of which names it too; None: it has a step of its own."""
    can_subset: bool = False
    """Whether that step can be asked for it without the others."""
    graph: str | None = None
    """Name of the graph in `RepositorySpec.graphs` whose ops compute it; None: a function does."""
    source: SourceLocation | None = None

    def __init__(
        self,
        key: str | Iterable[str],
        *,
        deps: Iterable[Any] = (),
        group: str = "default",
        kinds: Iterable[str] = (),
        owners: Iterable[str] = (),
        tags: Mapping[str, str] | None = None,
        metadata: Mapping[str, Any] | None = None,
        description: str | None = None,
        partitions: Partitions | None = None,
        code_version: str | None = None,
        io_manager: str = "io_manager",
        automation: Condition | None = None,
        freshness: Freshness | None = None,
        **computed: Unpack[Computed],
    ) -> None:
        source = computed.pop("source", None) or caller_source()
        if unknown := computed.keys() - Computed.__optional_keys__:
            raise TypeError(f"AssetSpec() got an unexpected argument {min(unknown)!r}")
        with located(source, f"asset {str(key)!r}"):
            self.__dict__.update(
                _DEFAULTS,
                key=AssetKey(key),
                deps=to_deps(deps),
                group=check_group(group),
                kinds=check_kinds(kinds),
                owners=check_owners(owners),
                tags=check_tags(tags or {}),
                metadata=to_entries(metadata or {}),
                description=description,
                partitions=spec_of(partitions),
                code_version=code_version,
                io_manager=check_io_manager(io_manager),
                source=source,
                **computed,
            )
            rules = {"automation": check_condition(automation, "automation"), "freshness": expect(Freshness, freshness, "freshness")}
            self.__dict__.update({name: rule for name, rule in rules.items() if rule is not None})

    @property
    def spec(self) -> AssetSpec:
        """Itself: a spec is its own spec."""
        return self

    @property
    def upstream(self) -> tuple[AssetKey, ...]:
        """Every asset it depends on, in order of declaration, each once."""
        keys = [dep.key for dep in self.deps] + [each.key for each in self.inputs if each.key is not None]
        return tuple(dict.fromkeys(keys))

    @property
    def is_executable(self) -> bool:
        """Whether a run can have a step for it: one that computes it, or that looks at it."""
        return not self.is_external or self.is_observable

    @property
    def step_key(self) -> str:
        """The key of the step that computes it."""
        return self.step or str(self.key)

    @property
    def mappings(self) -> list[tuple[AssetKey, MappingSpec]]:
        """Every edge that declares a mapping, by the upstream asset."""
        edges: list[InputSpec | DepSpec] = [*self.inputs, *self.deps]
        return [(edge.key, edge.mapping) for edge in edges if edge.key is not None and edge.mapping is not None]

    def mapping_from(self, upstream: AssetKey) -> MappingSpec | None:
        """The mapping declared for the edge from `upstream`; None means the default one."""
        edges: list[InputSpec | DepSpec] = [*self.inputs, *self.deps]
        return next((edge.mapping for edge in edges if edge.key == upstream and edge.mapping is not None), None)


# What few assets have stays out of the encoding of the others: only what an instance holds itself is written.
_UNSAID = frozenset({"automation", "freshness", "is_observable", "step", "can_subset", "graph"})
_DEFAULTS = {name: field.default for name, field in AssetSpec.__dataclass_fields__.items() if name not in _UNSAID}


class Dep:
    """An upstream asset that is not loaded, and how its partitions map.

    Example:
        `@pt.asset(deps=[pt.Dep("raw/orders", mapping=pt.AllMapping())])`
    """

    def __init__(self, key: Any, *, mapping: PartitionMapping | None = None) -> None:
        given = expect(PartitionMapping, mapping, "mapping")
        self.spec = DepSpec(key=to_key(key), mapping=given.spec if given is not None else None)


def parts_of(subject: Any) -> tuple[Any, ...]:
    """The assets of what declares several of them, else the subject alone."""
    parts: tuple[Any, ...] = getattr(subject, "__partita_parts__", (subject,))
    return parts


def to_key(subject: Any) -> AssetKey:
    """The key of an asset, a spec, or a text."""
    spec = getattr(subject, "spec", None)
    return spec.key if isinstance(spec, (AssetSpec, DepSpec)) else AssetKey(subject)


def to_dep(subject: Any) -> DepSpec:
    """A `DepSpec` for a key, an asset, a spec or a `Dep`."""
    if isinstance(subject, DepSpec):
        return subject
    return subject.spec if isinstance(subject, Dep) else DepSpec(key=to_key(subject))


def to_deps(subjects: Iterable[Any]) -> tuple[DepSpec, ...]:
    """`DepSpec`s for keys, assets, specs and `Dep`s.

    Raises:
        DefinitionError: it is one text instead of a list, or holds what is no key.
    """
    if isinstance(subjects, str) or not isinstance(subjects, Iterable):
        shown = str(subjects) if isinstance(subjects, str) else subjects
        raise DefinitionError(f"deps={shown!r} is no list. Give one: deps=[{shown!r}].")
    return tuple(in_order((to_dep(part) for each in subjects for part in parts_of(each)), of=subjects)) if subjects else ()


def spec_of(partitions: Partitions | None) -> PartitionsSpec | None:
    """The spec of partitions, if any.

    Raises:
        DefinitionError: it is something else.
    """
    if partitions is None:
        return None
    if not isinstance(partitions, Partitions):
        raise DefinitionError(f"partitions={partitions!r}: give partitions such as pt.DailyPartitions(...).")
    return partitions.spec


class CheckSpec(Spec, frozen=True, kw_only=True):
    """A check of an asset. Its step key is `asset:name`."""

    name: str
    asset: AssetKey
    inputs: tuple[InputSpec, ...] = ()
    deps: tuple[DepSpec, ...] = ()
    description: str | None = None
    is_blocking: bool = False
    metadata: tuple[MetadataEntry, ...] = ()
    config: ConfigSpec | None = None
    resources: tuple[str, ...] = ()
    retry: Retry | None = None
    timeout: float | None = None
    pool: str | None = None
    pool_slots: int = 1
    is_async: bool = False
    source: SourceLocation | None = None

    @property
    def step_key(self) -> str:
        """The key of the step that evaluates it, and its name in the workspace."""
        return f"{self.asset}:{self.name}"


class OpSpec(Spec, frozen=True, kw_only=True):
    """A function with inputs and outputs that graphs are made of."""

    name: str
    description: str | None = None
    inputs: tuple[InputSpec, ...] = ()
    outputs: tuple[OutputSpec, ...] = ()
    config: ConfigSpec | None = None
    resources: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    retry: Retry | None = None
    timeout: float | None = None
    pool: str | None = None
    pool_slots: int = 1
    hooks: tuple[str, ...] = ()
    is_async: bool = False
    source: SourceLocation | None = None


class Upstream(Spec, frozen=True, kw_only=True):
    """Where a node's input comes from: another node's output in the same graph, or an input of the graph itself."""

    node: str | None = None
    """None: the enclosing graph's own input named `output`."""
    output: str = "result"
    collects: bool = False
    """All that a dynamic output, or a node that is run once for each item of one, has put out: a list."""


class NodeSpec(Spec, frozen=True, kw_only=True):
    """One use of an op or graph inside a graph, under an alias that is unique there."""

    name: str
    kind: Literal["op", "graph"] = "op"
    definition: str
    """Name of the op or graph in `RepositorySpec.ops` / `.graphs`."""
    inputs: tuple[tuple[str, tuple[Upstream, ...]], ...] = ()
    """Input name and its sources."""
    lists: tuple[str, ...] = ()
    """Inputs that were given as a list of outputs, be it of one: their values arrive as a list."""
    values: tuple[tuple[str, Any], ...] = ()
    """Inputs given as plain JSON constants in the graph's body."""
    is_mapped: bool = False
    """It is run once for each item of a dynamic output."""


class GraphSpec(Spec, frozen=True, kw_only=True):
    """Nodes and the edges between them."""

    name: str
    description: str | None = None
    nodes: tuple[NodeSpec, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[tuple[str, Upstream], ...] = ()
    """Output name of the graph and the inner output that feeds it."""
    source: SourceLocation | None = None


class JobSpec(Spec, frozen=True, kw_only=True):
    """What can be launched by name: a graph of ops, or a selection of assets."""

    name: str
    description: str | None = None
    graph: str | None = None
    """Name of its graph in `RepositorySpec.graphs`; None for a job of assets."""
    selection: str | None = None
    """The selection it was declared with, for people; None for a job of ops."""
    assets: tuple[AssetKey, ...] = ()
    """What the selection meant when the repository was loaded."""
    checks: tuple[str, ...] = ()
    """Step keys (`asset:check`) of the checks it evaluates."""
    partitions: PartitionsSpec | None = None
    config: dict[str, Any] | None = None
    """Config used where a launch gives none."""
    tags: tuple[tuple[str, str], ...] = ()
    executor: ExecutorSpec | None = None
    step_retry: Retry | None = None
    run_retry: Retry | None = None
    timeout: float | None = None
    hooks: tuple[str, ...] = ()
    """What is called when any of its steps has ended."""
    source: SourceLocation | None = None


class ResourceSpec(Spec, frozen=True, kw_only=True):
    """A resource or IO manager by the name that functions ask for."""

    name: str
    type_name: str
    description: str | None = None
    config: ConfigSpec | None = None
    is_io_manager: bool = False


class RepositorySpec(Spec, frozen=True, kw_only=True):
    """All that one repository declares. Order is definition order."""

    name: str
    description: str | None = None
    assets: tuple[AssetSpec, ...] = ()
    checks: tuple[CheckSpec, ...] = ()
    ops: tuple[OpSpec, ...] = ()
    graphs: tuple[GraphSpec, ...] = ()
    jobs: tuple[JobSpec, ...] = ()
    schedules: tuple[ScheduleSpec, ...] = ()
    sensors: tuple[SensorSpec, ...] = ()
    resources: tuple[ResourceSpec, ...] = ()
    executor: ExecutorSpec = ExecutorSpec()
