"""The assets and checks of a repository: collected, their upstream names resolved, their edges checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

import msgspec

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.assets import Asset
from partita.definitions.checks import Check
from partita.definitions.inputs import unresolved_hint
from partita.definitions.keys import AssetKey
from partita.definitions.mappings import MappingSpec, mapping_of
from partita.definitions.partitions import partitions_of
from partita.definitions.problems import BrokenDefinition, Problems, standing
from partita.definitions.resolution import Names, resolve_asset, resolve_inputs
from partita.definitions.shared_steps import check_steps
from partita.definitions.signatures import Signature
from partita.definitions.specs import AssetSpec, CheckSpec, DepSpec, InputSpec, SourceLocation, parts_of
from partita.errors import CycleError, DefinitionError, DuplicateNameError, UnknownDependencyError, did_you_mean

Found = Asset[..., Any] | AssetSpec


def collect_assets(assets: Iterable[Any], problems: Problems) -> dict[AssetKey, Found]:
    """Assets and specs by key, in order of definition; the same object may be listed again."""
    found: dict[AssetKey, Found] = {}
    for each in flatten(assets, problems):
        if not isinstance(each, (Asset, AssetSpec)):
            problems.add(f"{each!r} is not an asset. {_advice(each)}", source=None, subject="assets")
            continue
        other = found.setdefault(each.spec.key, each)
        if other is not each:
            problems.add(
                f"the key is taken by the asset{standing(other.spec.source)}. Give one of them another key.",
                source=each.spec.source,
                subject=f"asset {str(each.spec.key)!r}",
                kind=DuplicateNameError,
            )
    check_steps(found.values(), problems)
    return found


def resolve_assets(assets: Mapping[AssetKey, Found], resources: Mapping[str, object], problems: Problems) -> dict[AssetKey, Found]:
    """`assets` with every upstream name led to its asset; what cannot be is a problem."""
    names = Names(assets.keys(), resources)
    return {key: _resolved(each, names, problems) if isinstance(each, Asset) else _declared(each, names, problems) for key, each in assets.items()}


def resolve_checks(
    checks: Iterable[Any], assets: Collection[AssetKey], resources: Mapping[str, object], problems: Problems
) -> dict[str, Check[..., Any]]:
    """Checks by step key, with every upstream name led to its asset."""
    names = Names(assets, resources)
    found: dict[str, Check[..., Any]] = {}
    for each in flatten(checks, problems):
        if not isinstance(each, Check):
            problems.add(f"{each!r} is not a check. Declare it with @pt.asset_check.", source=None, subject="checks")
            continue
        subject = f"check {each.step_key!r}"
        if each.spec.asset not in assets:
            problems.add_missing(each.spec.asset, _unknown(each.spec.asset, assets, what="checks"), source=each.spec.source, subject=subject)
        other = found.get(each.step_key)
        if other is not None and other.function is not each.function:
            problem = f"the asset has a check of that name{standing(other.spec.source)}. Rename one."
            problems.add(problem, source=each.spec.source, subject=subject, kind=DuplicateNameError)
            continue
        found[each.step_key] = _resolved_check(each, names, problems)
    return found


def check_circles(graph: AssetGraph, problems: Problems) -> bool:
    """Assets that depend on each other in a circle are a problem, each circle one. Whether there is none."""
    whole = graph
    while True:
        try:
            _ = graph.order
        except CycleError as error:
            problems.errors.append(error)
            graph = AssetGraph(spec for key, spec in graph.specs.items() if key not in error.keys)
        else:
            return graph is whole


def check_mappings(graph: AssetGraph, problems: Problems) -> None:
    """A mapping that cannot connect the partitions of its two assets is a problem of the one that reads."""
    for spec in graph.specs.values():
        for key, mapping in spec.mappings:
            upstream = graph.specs.get(key)
            if upstream is None or (upstream.is_external and upstream.partitions is None):
                continue  # told as unknown, or cut as its owner in another location says
            with problems.collect(spec.source, f"asset {str(spec.key)!r}"):
                _check_mapping(mapping, reader=spec, upstream=upstream)


def _check_mapping(mapping: MappingSpec, *, reader: AssetSpec, upstream: AssetSpec) -> None:
    if upstream.partitions is None:
        raise DefinitionError(f"it maps the partitions of asset {str(upstream.key)!r}, which has none. Leave the mapping out.")
    downstream = None if reader.partitions is None else partitions_of(reader.partitions)
    try:
        mapping_of(mapping).check(upstream=partitions_of(upstream.partitions), downstream=downstream)
    except DefinitionError as error:
        raise DefinitionError(f"its mapping of asset {str(upstream.key)!r}{standing(upstream.source)} does not fit: {error}") from None


def flatten(definitions: Iterable[Any], problems: Problems) -> Iterator[Any]:
    """Definitions one by one; lists among them, as `load_assets` returns, are opened, and broken ones excused."""
    if hasattr(definitions, "spec") or isinstance(definitions, (str, ModuleType, BrokenDefinition)) or not isinstance(definitions, Iterable):
        definitions = [definitions]
    for each in definitions:
        if isinstance(each, (list, tuple, set, frozenset)):
            yield from flatten(each, problems)
        elif isinstance(each, BrokenDefinition):
            problems.excuse(each)
        else:
            yield from parts_of(each)


def _advice(subject: object) -> str:
    if isinstance(subject, Check):
        return "Checks go into checks=[...]."
    if isinstance(subject, ModuleType):
        return f"For all assets of the module, use pt.load_assets({subject.__name__})."
    return "Decorate the function with @pt.asset." if callable(subject) else "Give assets, or pt.AssetSpec for what is made elsewhere."


def _resolved(asset: Asset[..., Any], names: Names, problems: Problems) -> Asset[..., Any]:
    spec = resolve_asset(asset.spec, by_name=asset.by_name, names=names) if asset.by_name else asset.spec
    _check_edges(spec.inputs, spec.deps, by_name=asset.by_name, names=names, owner=_Owner(asset, "asset", str(spec.key)), problems=problems)
    return asset if spec is asset.spec else asset.with_spec(spec)


def _declared(spec: AssetSpec, names: Names, problems: Problems) -> AssetSpec:
    _check_edges((), spec.deps, by_name=(), names=names, owner=_Owner(spec, "asset", str(spec.key)), problems=problems)
    return spec


class _Owner:
    """Whose edges are being checked."""

    def __init__(self, definition: Any, kind: str, name: str) -> None:
        self.subject = f"{kind} {name!r}"
        self.source: SourceLocation | None = definition.spec.source
        self.signature: Signature | None = getattr(definition, "signature", None)


def _check_edges(
    inputs: tuple[InputSpec, ...],
    deps: tuple[DepSpec, ...],
    *,
    by_name: Collection[str],
    names: Names,
    owner: _Owner,
    problems: Problems,
) -> None:
    for each in inputs:
        if each.key in names.keys:
            continue
        candidates = names.find(each.name) if each.name in by_name else ()
        if candidates:
            listed = ", ".join(map(repr, map(str, candidates)))
            problem = f"parameter {each.name!r} may be any of {listed}. Say which: ins={{{each.name!r}: pt.In(key=...)}}."
            problems.add(problem, source=owner.source, subject=owner.subject, kind=UnknownDependencyError)
        else:
            name = each.key or each.name
            problem = _unknown(name, names.keys, what=f"parameter {each.name!r} loads") + unresolved_hint(owner.signature, each.name, names.resources)
            problems.add_missing(name, problem, source=owner.source, subject=owner.subject)
    for dep in deps:
        if dep.key not in names.keys:
            problems.add_missing(dep.key, _unknown(dep.key, names.keys, what="deps name"), source=owner.source, subject=owner.subject)


def _unknown(key: str, known: Iterable[str], *, what: str) -> str:
    hint = did_you_mean(key, known)
    return f"{what} asset {str(key)!r}, which the repository does not have.{hint} If it is made elsewhere, declare it: pt.AssetSpec({str(key)!r})."


def _resolved_check(check: Check[..., Any], names: Names, problems: Problems) -> Check[..., Any]:
    spec = check.spec
    inputs = _own_inputs(spec, check.by_name, names)
    by_name = check.by_name - {each.name for each in inputs if each.key == spec.asset}
    inputs = resolve_inputs(inputs, by_name=by_name, names=names)
    _check_edges(inputs, spec.deps, by_name=by_name, names=names, owner=_Owner(check, "check", check.step_key), problems=problems)
    return check if inputs is spec.inputs else check.with_spec(msgspec.structs.replace(spec, inputs=inputs))


def _own_inputs(spec: CheckSpec, by_name: Collection[str], names: Names) -> tuple[InputSpec, ...]:
    """The inputs, with that of the checked asset found: by its last segment, else the only one that names no asset."""
    if any(each.key == spec.asset for each in spec.inputs):
        return spec.inputs
    candidates = [each.name for each in spec.inputs if each.name in by_name]
    own = [name for name in candidates if name == spec.asset.name] or [name for name in candidates if not names.find(name)]
    if len(own) != 1:
        return spec.inputs
    return tuple(msgspec.structs.replace(each, key=spec.asset) if each.name == own[0] else each for each in spec.inputs)
