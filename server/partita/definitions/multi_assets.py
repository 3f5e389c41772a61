"""`@multi_asset`: a function that computes several assets in one step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypeVar

import msgspec

from partita.definitions.assets import Asset, checked_requirements, own_checks
from partita.definitions.checks import Check
from partita.definitions.hooks import Hook, check_hooks
from partita.definitions.inputs import AssetInputs, asset_inputs, config_of, config_type_of, description_of, name_of
from partita.definitions.keys import AssetKey, check_op_name
from partita.definitions.partitions import Partitions, PartitionsSpec
from partita.definitions.policies import BackfillPolicy, Pool, Retry, expect, pool_fields, to_seconds
from partita.definitions.ports import In
from partita.definitions.resolution import replace_spec
from partita.definitions.signatures import Signature, signature_of
from partita.definitions.sources import located, refuse_bare, source_of
from partita.definitions.specs import AssetSpec, DepSpec, InputSpec, spec_of
from partita.definitions.values import Spec
from partita.errors import DefinitionError, DuplicateNameError

P = ParamSpec("P")
R = TypeVar("R")


class MultiAssetSpec(Spec, frozen=True, kw_only=True):
    """A step that computes several assets. A catalog lists the assets alone: each names its step."""

    name: str
    assets: tuple[AssetSpec, ...]
    can_subset: bool = False


class MultiAsset(Generic[P, R]):
    """Several assets and the function that computes them. Calling it calls the function, so it is tested like one."""

    def __init__(self, function: Callable[P, R], *, spec: MultiAssetSpec, assets: tuple[Asset[P, R], ...], declared: tuple[AssetSpec, ...]) -> None:
        self.function = function
        self.spec = spec
        self.assets = assets
        """Each of its assets, as a repository knows it."""
        self.declared = declared
        """The specs that it was given."""
        self.__partita_parts__ = assets
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = getattr(function, "__name__", spec.name)
        self.__module__ = function.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns for these arguments."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"MultiAsset({self.name!r})"

    @property
    def name(self) -> str:
        """Its name, and the key of its step."""
        return self.spec.name

    @property
    def keys(self) -> tuple[AssetKey, ...]:
        """The assets that it computes."""
        return tuple(each.key for each in self.assets)

    @property
    def config_type(self) -> Any:
        """The model of its config parameter, or None."""
        return config_type_of(self.assets[0].signature)


def multi_asset(
    bare: None = None,
    /,
    *,
    specs: Iterable[AssetSpec] = (),
    can_subset: bool = False,
    name: str | None = None,
    ins: Mapping[str, In | Any] | None = None,
    partitions: Partitions | None = None,
    description: str | None = None,
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    pool: str | Pool | None = None,
    priority: int = 0,
    requires: Mapping[str, str | int] | None = None,
    checks: Iterable[Check[..., Any]] = (),
    hooks: Iterable[Hook[..., Any]] = (),
    backfill: BackfillPolicy | None = None,
) -> Callable[[Callable[P, R]], MultiAsset[P, R]]:
    """Declare that a function computes several assets, in one step.

    It yields a `pt.Output(value, output="key")` or `pt.Materialization(asset="key", value=...)` for each of them, or
    returns a tuple in the order of `specs`, or a dict by key. A key's last segment will do where it is clear.

    An asset depends on all that the function loads, and on the deps of its spec. Where deps of the specs name what the
    function loads, only those assets that name it depend on it.

    Args:
        bare: nothing: the decorator is used with parameters.
        specs: what its assets are. Their deps may name each other.
        can_subset: whether it can compute some of them: those in `context.selected_keys`. Else a run has all or none.
        name: the key of its step, under which its config stands; the function's name if left out. Without dots.
        ins: what a parameter loads, where its name does not say it: an `In`, or the upstream key.
        partitions: how all of them are cut, where their specs do not say it. They are cut alike.
        description: Markdown, for assets without a description of their own; the docstring if left out.
        retry: how often it is tried again after a failure.
        timeout: how long an attempt may take, in seconds or as a timedelta.
        pool: the pool whose slots its runs take: its name, or a `pt.Pool` with their number.
        priority: among steps that are ready, higher goes first.
        requires: what a machine must provide to run it.
        checks: checks of its assets, declared with `@pt.asset_check`, that come with them into every repository.
        hooks: what is called when a step of it has ended.
        backfill: how backfills cut partitions into runs; one run each if left out.

    Example:
        ```python
        @pt.multi_asset(specs=[pt.AssetSpec("carriers"), pt.AssetSpec("routes", deps=["carriers"])])
        def reference():
            yield pt.Output(["AA", "UA"], output="carriers")
            yield pt.Materialization(asset="routes", value=[("JFK", "LAX")], metadata={"rows": 1})
        ```

    Raises:
        DefinitionError: specs that do not fit together, with file and line.
        SignatureError: parameters that nothing can fill.
    """

    refuse_bare(bare, "multi_asset(specs=[pt.AssetSpec(...), ...])")

    def define(decorated: Callable[P, R]) -> MultiAsset[P, R]:
        source = source_of(decorated)
        with located(source, f"multi asset {getattr(decorated, '__name__', name)!r}"):
            step = check_op_name("a step", name_of(decorated, name, parameter="name"))
            listed = _checked(specs)
            signature = signature_of(decorated)
            text = description_of(decorated, description)
            called = check_hooks(hooks)
            common = {
                "partitions": _common_partitions(listed, spec_of(partitions)),
                **_read(signature),
                "retry": expect(Retry, retry, "retry"),
                "timeout": to_seconds(timeout, "asset"),
                **pool_fields(pool, "asset"),
                "priority": priority,
                "requires": checked_requirements(requires),
                "hooks": tuple(each.name for each in called),
                "backfill": expect(BackfillPolicy, backfill, "backfill"),
                "step": step,
                **({"can_subset": True} if can_subset else {}),
                "source": source,
            }
            edges = _edges(listed, asset_inputs(signature, ins=ins or {}))
            made = tuple(replace_spec(each, **common, **edges.of(each), description=each.description or text) for each in listed)
            own = _checks_by_asset(listed, checks)
            assets = tuple(
                Asset(decorated, spec=each, signature=signature, by_name=edges.by_name, checks=own.get(each.key, ()), hooks=called) for each in made
            )
            return MultiAsset(decorated, spec=MultiAssetSpec(name=step, assets=made, can_subset=can_subset), assets=assets, declared=listed)

    return define


def without_declared(found: Iterable[Any]) -> list[Any]:
    """What a module holds, less the specs that it has given to a multi asset: they are no assets of their own."""
    listed = list(found)
    declared = {id(spec) for each in listed if isinstance(each, MultiAsset) for spec in each.declared}
    return [each for each in listed if id(each) not in declared]


def _checked(specs: object) -> tuple[AssetSpec, ...]:
    listed = tuple(specs) if isinstance(specs, Iterable) and not isinstance(specs, str) else (specs,)
    for each in listed:
        if not isinstance(each, AssetSpec):
            raise DefinitionError(f"specs: {each!r} is not a pt.AssetSpec. Give a list: specs=[pt.AssetSpec('orders'), ...].")
    if not listed:
        raise DefinitionError("specs is empty. Say which assets it computes: specs=[pt.AssetSpec('orders'), ...].")
    seen: set[AssetKey] = set()
    for each in listed:
        if each.key in seen:
            raise DuplicateNameError(f"specs: asset {str(each.key)!r} is listed twice. Drop one.")
        seen.add(each.key)
    return listed


def _read(signature: Signature) -> dict[str, Any]:
    """What the function itself says of its assets."""
    return {
        "stores_value": signature.stores_value,
        "config": config_of(signature),
        "resources": signature.resources,
        "is_async": signature.is_async,
        "is_external": False,
    }


def _common_partitions(specs: Iterable[AssetSpec], given: PartitionsSpec | None) -> PartitionsSpec | None:
    """How the assets of one step are cut: it writes the same partitions of each."""
    first: AssetSpec | None = None
    for each in specs:
        cut = each.partitions if each.partitions is not None else given
        if first is None:
            first, found = each, cut
        elif cut != found:
            raise DefinitionError(
                f"assets {str(first.key)!r} and {str(each.key)!r} are cut differently, and one step writes the same partitions of each. "
                "Give partitions= to the decorator alone, or declare functions of their own."
            )
    return found


def _checks_by_asset(specs: Iterable[AssetSpec], checks: Iterable[Any]) -> dict[AssetKey, tuple[Check[..., Any], ...]]:
    found: dict[AssetKey, tuple[Check[..., Any], ...]] = {}
    for each in own_checks([each.key for each in specs], checks):
        found[each.spec.asset] = (*found.get(each.spec.asset, ()), each)
    return found


class _Edges:
    """Which of the assets depend on what their function loads."""

    def __init__(self, inputs: tuple[InputSpec, ...], awaited: tuple[DepSpec, ...], by_name: frozenset[str], named: frozenset[AssetKey]) -> None:
        self.by_name = by_name
        self._inputs = inputs
        self._awaited = awaited
        self._named = named

    def of(self, spec: AssetSpec) -> dict[str, Any]:
        """What it depends on, with loading and without."""
        return {"inputs": self._inputs_of(spec), "deps": self._deps_of(spec)}

    def _inputs_of(self, spec: AssetSpec) -> tuple[InputSpec, ...]:
        """What it depends on by loading: all that no spec names, and what it names itself."""
        own = {dep.key for dep in spec.deps}
        return tuple(each for each in self._inputs if each.key not in self._named or each.key in own)

    def _deps_of(self, spec: AssetSpec) -> tuple[DepSpec, ...]:
        """What it depends on without loading."""
        loaded = {each.key for each in self._inputs}
        return (*(dep for dep in spec.deps if dep.key not in loaded), *self._awaited)


def _edges(specs: Iterable[AssetSpec], found: AssetInputs) -> _Edges:
    """The function's inputs, led to the deps that mean them; a dep's mapping is the input's where that has none."""
    deps: dict[AssetKey, DepSpec] = {dep.key: dep for spec in specs for dep in spec.deps}
    inputs: list[InputSpec] = []
    by_name: set[str] = set()
    for each in found.loaded:
        meant = [key for key in deps if key == each.key or (each.name in found.by_name and key.name == each.name)]
        if len(meant) != 1:
            inputs.append(each)
            by_name |= {each.name} & found.by_name
            continue
        inputs.append(msgspec.structs.replace(each, key=meant[0], mapping=each.mapping or deps[meant[0]].mapping))
    named = frozenset(each.key for each in inputs if each.key in deps and each.key is not None)
    return _Edges(tuple(inputs), found.awaited, frozenset(by_name), named)
