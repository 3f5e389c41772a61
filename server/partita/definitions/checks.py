"""`@asset_check`: a function that says whether an asset is as it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypeVar

from partita.definitions.inputs import asset_inputs, config_of, config_type_of, description_of, name_of
from partita.definitions.keys import check_name
from partita.definitions.metadata import to_entries
from partita.definitions.policies import Pool, Retry, expect, pool_fields, to_seconds
from partita.definitions.ports import In
from partita.definitions.signatures import Signature, signature_of
from partita.definitions.sources import located, source_of
from partita.definitions.specs import CheckSpec, to_deps, to_key

P = ParamSpec("P")
R = TypeVar("R")


class Check(Generic[P, R]):
    """A check and the function that decides it. Calling it calls the function, so it is tested like one."""

    def __init__(self, function: Callable[P, R], *, spec: CheckSpec, signature: Signature, by_name: frozenset[str]) -> None:
        self.function = function
        self.spec = spec
        self.signature = signature
        self.by_name = by_name
        """Inputs whose upstream asset is known by the parameter's name alone, until a repository resolves it."""
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.__name__ = spec.name
        self.__module__ = function.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the function returns for these arguments."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"Check({self.step_key!r})"

    @property
    def step_key(self) -> str:
        """`asset:check`, its name in the workspace."""
        return self.spec.step_key

    @property
    def config_type(self) -> Any:
        """The model of its config parameter, or None."""
        return config_type_of(self.signature)

    def with_spec(self, spec: CheckSpec) -> Check[P, R]:
        """The same function under a spec whose upstream names have been resolved."""
        return Check(self.function, spec=spec, signature=self.signature, by_name=frozenset())


def asset_check(
    *,
    asset: Any,
    name: str | None = None,
    blocking: bool = False,
    deps: Iterable[Any] = (),
    ins: Mapping[str, In | Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    description: str | None = None,
    retry: Retry | None = None,
    timeout: float | timedelta | None = None,
    pool: str | Pool | None = None,
) -> Callable[[Callable[P, R]], Check[P, R]]:
    """Declare that a function checks an asset and returns a `CheckResult`.

    A parameter that is named like an asset loads it; one that is not loads the checked asset.

    Args:
        asset: the asset it checks, or its key.
        name: what it is called; the function's name if left out.
        blocking: a failure with severity ERROR stops what is downstream of the asset in the same run.
        deps: keys, assets or `Dep`s that must come before it and are not loaded.
        ins: what a parameter loads, where its name does not say it.
        metadata: what is to be known about it.
        description: Markdown; the docstring if left out.
        retry: how often it is tried again after it raised.
        timeout: how long an attempt may take, in seconds or as a timedelta.
        pool: the pool whose slots its runs take: its name, or a `pt.Pool` with their number.

    Example:
        ```python
        @pt.asset_check(asset=delays, blocking=True)
        def has_rows(delays: pd.DataFrame) -> pt.CheckResult:
            return pt.CheckResult(passed=len(delays) > 0, metadata={"rows": len(delays)})
        ```

    Raises:
        DefinitionError: a name or metadata value that cannot be, with file and line.
        SignatureError: parameters that nothing can fill.
    """

    def define(decorated: Callable[P, R]) -> Check[P, R]:
        source = source_of(decorated)
        with located(source, f"check {getattr(decorated, '__name__', name)!r}"):
            signature = signature_of(decorated)
            found = asset_inputs(signature, ins=ins or {})
            spec = CheckSpec(
                name=check_name("check", name_of(decorated, name, parameter="name")),
                asset=to_key(asset),
                inputs=found.loaded,
                deps=(*to_deps(deps), *found.awaited),
                description=description_of(decorated, description),
                is_blocking=blocking,
                metadata=to_entries(metadata or {}),
                config=config_of(signature),
                resources=signature.resources,
                retry=expect(Retry, retry, "retry"),
                timeout=to_seconds(timeout, "check"),
                **pool_fields(pool, "check"),
                is_async=signature.is_async,
                source=source,
            )
            return Check(decorated, spec=spec, signature=signature, by_name=found.by_name)

    return define
