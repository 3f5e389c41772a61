"""`@asset`: a function that computes something worth keeping."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypeVar, overload

from partita.definitions.checks import Check
from partita.definitions.conditions import Condition
from partita.definitions.hooks import Hook, check_hooks
from partita.definitions.inputs import AssetInputs, asset_inputs, config_of, config_type_of, description_of, name_of
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import Partitions
from partita.definitions.policies import BackfillPolicy, Freshness, Pool, PoolFields, Retry, expect, pool_fields, to_amount, to_seconds
from partita.definitions.ports import In
from partita.definitions.signatures import Signature, signature_of
from partita.definitions.sources import located, source_of
from partita.definitions.specs import AssetSpec, FromFunction, to_deps
from partita.errors import DefinitionError

P = ParamSpec("P")
R = TypeVar("R")
P2 = ParamSpec("P2")
R2 = TypeVar("R2")


class Asset(Generic[P, R]):
    """An asset and the function that computes it. Calling it calls the function, so it is tested like one."""

    def __init__(
        self,
        function: Callable[P, R],
        *,
        spec: AssetSpec,
        signature: Signature,
        by_name: frozenset[str],
        checks: tuple[Check[..., Any], ...] = (),
        hooks: tuple[Hook[..., Any], ...] = (),
    ) -> None:
        self.function = function
        self.spec = spec
        self.signature = signature
        self.by_name = by_name
        """Inputs whose upstream asset is known by the parameter's name alone, until a repository resolves it."""
        self.checks = checks
        """Its checks that come with it into every repository."""
        self.hooks = hooks
        """What is called when a step of it has ended."""
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = getattr(function, "__name__", spec.key.name)
        self.__module__ = function.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns for these arguments."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Asset({str(self.key)!r})"

    @property
    def key(self) -> AssetKey:
        """Its name in the workspace."""
        return self.spec.key

    @property
    def config_type(self) -> Any:
        """The model of its config parameter, or None."""
        return config_type_of(self.signature)

    def with_spec(self, spec: AssetSpec) -> Asset[P, R]:
        """The same function under a spec whose upstream names have been resolved."""
        return Asset(self.function, spec=spec, signature=self.signature, by_name=frozenset(), checks=self.checks, hooks=self.hooks)


@overload
def asset(function: Callable[P, R], /) -> Asset[P, R]: ...


@overload
def asset(
    *,
    key: str | Iterable[str] | None = None,
    key_prefix: str | Iterable[str] | None = None,
    deps: Iterable[Any] = (),
    ins: Mapping[str, In | Any] | None = None,
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
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    pool: str | Pool | None = None,
    priority: int = 0,
    requires: Mapping[str, str | int] | None = None,
    checks: Iterable[Check[..., Any]] = (),
    hooks: Iterable[Hook[..., Any]] = (),
    backfill: BackfillPolicy | None = None,
) -> Callable[[Callable[P2, R2]], Asset[P2, R2]]: ...


def asset(
    function: Callable[..., Any] | None = None,
    /,
    *,
    key: str | Iterable[str] | None = None,
    key_prefix: str | Iterable[str] | None = None,
    deps: Iterable[Any] = (),
    ins: Mapping[str, In | Any] | None = None,
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
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    pool: str | Pool | None = None,
    priority: int = 0,
    requires: Mapping[str, str | int] | None = None,
    checks: Iterable[Check[..., Any]] = (),
    hooks: Iterable[Hook[..., Any]] = (),
    backfill: BackfillPolicy | None = None,
) -> Any:
    """Declare that a function computes an asset.

    Its parameters are its upstream assets, its context (`context`, or annotated with a context type), its config
    (annotated with a `Config`) and its resources (annotated with a `Resource` or `Provided[T]`).

    Args:
        function: the function, when the decorator is used bare.
        key: `"marts/orders"` or `["marts", "orders"]`; the function's name if left out.
        key_prefix: segments put before the key.
        deps: keys, assets or `Dep`s that come before it and are not loaded.
        ins: what a parameter loads, where its name does not say it: an `In`, or the upstream key.
        group: the group it is shown in: words joined by `/`.
        kinds: what it is made with or stored as, `("pandas", "parquet")`.
        owners: mail addresses, or teams as `"team:data"`.
        tags: labels to select it by.
        metadata: what is to be known about it.
        description: Markdown; the docstring if left out.
        partitions: how it is cut.
        code_version: changes when the function's meaning does.
        io_manager: the name of what stores its value.
        automation: when it is made without being asked for: a `Condition`.
        freshness: how old it may be: a `Freshness`.
        retry: how often it is tried again after a failure.
        timeout: how long an attempt may take, in seconds or as a timedelta.
        pool: the pool whose slots its runs take: its name, or a `pt.Pool` with their number.
        priority: among steps that are ready, higher goes first.
        requires: what a machine must provide to run it.
        checks: checks of it, declared with `@pt.asset_check` for its key, that come with it into every repository.
        hooks: what is called when a step of it has ended.
        backfill: how backfills cut its partitions into runs; one run each if left out.

    Example:
        ```python
        @pt.asset(group="marts", kinds=["pandas"])
        def delays(flights: pd.DataFrame) -> pd.DataFrame:
            return flights[flights.arr_delay > 15]
        ```

    Raises:
        DefinitionError: a name, tag, owner or metadata value that cannot be, with file and line.
        SignatureError: parameters that nothing can fill.
    """

    def define(decorated: Callable[..., Any]) -> Asset[..., Any]:
        source = source_of(decorated)
        with located(source, f"asset {getattr(decorated, '__name__', key)!r}"):
            signature = signature_of(decorated)
            found = asset_inputs(signature, ins=ins or {})
            called = check_hooks(hooks)
            spec = AssetSpec(
                key_of(key, key_prefix, decorated),
                deps=(*to_deps(deps), *found.awaited),
                group=group,
                kinds=kinds,
                owners=owners,
                tags=tags,
                metadata=metadata,
                description=description_of(decorated, description),
                partitions=partitions,
                code_version=code_version,
                io_manager=io_manager,
                automation=automation,
                freshness=freshness,
                **attempts_of(retry, timeout, pool),
                priority=priority,
                requires=checked_requirements(requires),
                backfill=expect(BackfillPolicy, backfill, "backfill"),
                source=source,
                **_read(signature, found),
                hooks=tuple(each.name for each in called),
            )
            return Asset(decorated, spec=spec, signature=signature, by_name=found.by_name, checks=own_checks([spec.key], checks), hooks=called)

    return define if function is None else define(function)


class Attempts(PoolFields):
    """What a spec says of the attempts to compute it."""

    retry: Retry | None
    timeout: float | None


def attempts_of(retry: Retry | None, timeout: float | timedelta | None, pool: str | Pool | None) -> Attempts:
    """The fields of a spec for what was given of attempts."""
    return {"retry": expect(Retry, retry, "retry"), "timeout": to_seconds(timeout, "asset"), **pool_fields(pool, "asset")}


def own_checks(keys: Iterable[AssetKey], checks: Iterable[Any]) -> tuple[Check[..., Any], ...]:
    """Checks that come with assets.

    Raises:
        DefinitionError: one of them is no check, or checks an asset that is not among `keys`.
    """
    own = tuple(keys)
    how = f"@pt.asset_check(asset={str(own[0])!r})"
    given = tuple(checks) if isinstance(checks, Iterable) and not isinstance(checks, str) else (checks,)
    for each in given:
        if not isinstance(each, Check):
            raise DefinitionError(f"checks: {each!r} is not a check. Decorate a function with {how}, and give a list.")
        if each.spec.asset not in own:
            raise DefinitionError(f"checks: {each!r} checks asset {str(each.spec.asset)!r}. Declare it with {how}.")
    return given


def checked_requirements(requires: object) -> tuple[tuple[str, str], ...]:
    """What a machine must provide, by name.

    Raises:
        DefinitionError: it is no mapping, or something in it is no amount.
    """
    if not isinstance(requires, (Mapping, type(None))):
        raise DefinitionError(f"requires={requires!r}: give a mapping from what a machine provides, such as requires={{'gpu': 1}}.")
    amounts = {str(name): str(amount) for name, amount in (requires or {}).items()}
    for name, amount in amounts.items():
        if (number := to_amount(amount)) is None or number <= 0:
            raise DefinitionError(f"requires: {amount!r} is no amount of {name}. Give a number above 0, or bytes such as '8GiB'.")
    return tuple(sorted(amounts.items()))


def _read(signature: Signature, inputs: AssetInputs) -> FromFunction:
    """What the function itself says of its asset."""
    return {
        "inputs": inputs.loaded,
        "type_name": signature.return_type_name,
        "stores_value": signature.stores_value,
        "config": config_of(signature),
        "resources": signature.resources,
        "is_async": signature.is_async,
        "is_external": False,
    }


def key_of(key: str | Iterable[str] | None, prefix: str | Iterable[str] | None, function: Callable[..., Any]) -> AssetKey:
    """The key that was given, or the function's name, behind a prefix."""
    own = AssetKey(name_of(function, key, parameter="key"))
    return own if prefix is None else AssetKey(f"{AssetKey(prefix)}/{own}")
