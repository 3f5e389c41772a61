"""`@observable_asset`: a function that looks at data which is written elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar, overload

from partita.definitions.assets import Asset, attempts_of, checked_requirements, key_of, own_checks
from partita.definitions.checks import Check
from partita.definitions.conditions import Condition
from partita.definitions.hooks import Hook, check_hooks
from partita.definitions.inputs import config_of, description_of
from partita.definitions.partitions import Partitions
from partita.definitions.policies import Pool, Retry
from partita.definitions.signatures import Signature, signature_of
from partita.definitions.sources import located, source_of
from partita.definitions.specs import AssetSpec, to_deps
from partita.errors import SignatureError

P = ParamSpec("P")
R = TypeVar("R")
P2 = ParamSpec("P2")
R2 = TypeVar("R2")


@overload
def observable_asset(function: Callable[P, R], /) -> Asset[P, R]: ...


@overload
def observable_asset(
    *,
    key: str | Iterable[str] | None = None,
    key_prefix: str | Iterable[str] | None = None,
    deps: Iterable[Any] = (),
    group: str = "default",
    kinds: Iterable[str] = (),
    owners: Iterable[str] = (),
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    description: str | None = None,
    partitions: Partitions | None = None,
    io_manager: str = "io_manager",
    automation: Condition | None = None,
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    pool: str | Pool | None = None,
    priority: int = 0,
    requires: Mapping[str, str | int] | None = None,
    checks: Iterable[Check[..., Any]] = (),
    hooks: Iterable[Hook[..., Any]] = (),
) -> Callable[[Callable[P2, R2]], Asset[P2, R2]]: ...


def observable_asset(
    function: Callable[..., Any] | None = None,
    /,
    *,
    key: str | Iterable[str] | None = None,
    key_prefix: str | Iterable[str] | None = None,
    deps: Iterable[Any] = (),
    group: str = "default",
    kinds: Iterable[str] = (),
    owners: Iterable[str] = (),
    tags: Mapping[str, str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    description: str | None = None,
    partitions: Partitions | None = None,
    io_manager: str = "io_manager",
    automation: Condition | None = None,
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    pool: str | Pool | None = None,
    priority: int = 0,
    requires: Mapping[str, str | int] | None = None,
    checks: Iterable[Check[..., Any]] = (),
    hooks: Iterable[Hook[..., Any]] = (),
) -> Any:
    """Declare an external asset, and a function that looks at it.

    The function returns a `pt.Observation` with the version of the data; of several partitions, a dict of them by partition
    key. What depends on the asset becomes stale when the version changes. A run observes it when it is chosen by its key or
    group; `*` and `+downstream` leave it out as they do all external assets.

    Args:
        function: the function, when the decorator is used bare. Its parameters are its context, config and resources.
        key: `"raw/orders"` or `["raw", "orders"]`; the function's name if left out.
        key_prefix: segments put before the key.
        deps: keys, assets or `Dep`s that come before it.
        group: the group it is shown in: words joined by `/`.
        kinds: what it is stored as.
        owners: mail addresses, or teams as `"team:data"`.
        tags: labels to select it by.
        metadata: what is to be known about it.
        description: Markdown; the docstring if left out.
        partitions: how it is cut.
        io_manager: the name of what loads its value for others.
        automation: when it is observed without being asked for: a `Condition`.
        retry: how often it is tried again after a failure.
        timeout: how long an attempt may take, in seconds or as a timedelta.
        pool: the pool whose slots its runs take: its name, or a `pt.Pool` with their number.
        priority: among steps that are ready, higher goes first.
        requires: what a machine must provide to run it.
        checks: checks of it that come with it into every repository.
        hooks: what is called when a step of it has ended.

    Example:
        ```python
        @pt.observable_asset(key="raw/orders")
        def orders_file() -> pt.Observation:
            status = Path("orders.csv").stat()
            return pt.Observation(data_version=str(status.st_mtime_ns), metadata={"bytes": status.st_size})
        ```

    Raises:
        DefinitionError: a name, tag, owner or metadata value that cannot be, with file and line.
        SignatureError: a parameter that would be an upstream asset.
    """

    def define(decorated: Callable[..., Any]) -> Asset[..., Any]:
        source = source_of(decorated)
        with located(source, f"observable asset {getattr(decorated, '__name__', key)!r}"):
            signature = _checked(signature_of(decorated))
            called = check_hooks(hooks)
            spec = AssetSpec(
                key_of(key, key_prefix, decorated),
                deps=to_deps(deps),
                group=group,
                kinds=kinds,
                owners=owners,
                tags=tags,
                metadata=metadata,
                description=description_of(decorated, description),
                partitions=partitions,
                io_manager=io_manager,
                automation=automation,
                **attempts_of(retry, timeout, pool),
                priority=priority,
                requires=checked_requirements(requires),
                hooks=tuple(each.name for each in called),
                config=config_of(signature),
                resources=signature.resources,
                is_async=signature.is_async,
                is_observable=True,
                source=source,
            )
            return Asset(decorated, spec=spec, signature=signature, by_name=frozenset(), checks=own_checks([spec.key], checks), hooks=called)

    return define if function is None else define(function)


def _checked(signature: Signature) -> Signature:
    """The signature of a function that loads nothing."""
    for parameter in signature.parameters:
        if parameter.role == "input":
            raise SignatureError(
                f"parameter {parameter.name!r} would be an upstream asset, and what is only observed is made from none. "
                "Name what comes before it in deps=, or compute it with @pt.asset."
            )
    if signature.takes_rest:
        raise SignatureError("it takes **parameters, which would be upstream assets; what is only observed is made from none.")
    return signature
