"""`@graph_asset`: an asset that ops compute together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from partita.definitions.assets import Asset, key_of, own_checks
from partita.definitions.checks import Check
from partita.definitions.conditions import Condition
from partita.definitions.graphs import Graph, compose
from partita.definitions.inputs import asset_inputs, description_of
from partita.definitions.partitions import Partitions
from partita.definitions.policies import BackfillPolicy, Freshness, expect
from partita.definitions.ports import In
from partita.definitions.signatures import Signature, signature_of
from partita.definitions.sources import located, source_of
from partita.definitions.specs import AssetSpec, to_deps
from partita.errors import DefinitionError, SignatureError

P = ParamSpec("P")
R = TypeVar("R")
P2 = ParamSpec("P2")
R2 = TypeVar("R2")


def keep(result: Any) -> Any:
    """The step that stores what the ops have computed."""
    return result


class GraphAsset(Asset[P, R]):
    """An asset and the graph of ops that computes it. Calling it runs the graph's body as a plain function."""

    def __init__(self, graph: Graph[P, R], *, spec: AssetSpec, by_name: frozenset[str], checks: tuple[Check[..., Any], ...] = ()) -> None:
        storing: Any = keep  # what a run calls is not what a user does
        super().__init__(storing, spec=spec, signature=signature_of(keep), by_name=by_name, checks=checks)
        self.graph = graph
        self.__wrapped__ = graph.function
        self.__doc__ = graph.__doc__
        self.__name__ = graph.__name__
        self.__module__ = graph.__module__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """What the ops return for these values."""
        return self.graph(*args, **kwargs)

    def with_spec(self, spec: AssetSpec) -> GraphAsset[P, R]:
        """The same graph under a spec whose upstream names have been resolved."""
        return GraphAsset(self.graph, spec=spec, by_name=frozenset(), checks=self.checks)


@overload
def graph_asset(function: Callable[P, R], /) -> GraphAsset[P, R]: ...


@overload
def graph_asset(
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
    priority: int = 0,
    checks: Iterable[Check[..., Any]] = (),
    backfill: BackfillPolicy | None = None,
) -> Callable[[Callable[P2, R2]], GraphAsset[P2, R2]]: ...


def graph_asset(
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
    priority: int = 0,
    checks: Iterable[Check[..., Any]] = (),
    backfill: BackfillPolicy | None = None,
) -> Any:
    """Declare that a graph of ops computes an asset.

    The body connects ops, as that of a `@graph`; its parameters are upstream assets, what it returns is the asset's value. Each op is a step
    `key.op` of its own, with its own config, retries and resources; the step `key` stores what they have computed.

    Args:
        function: the function, when the decorator is used bare.
        key: `"marts/orders"` or `["marts", "orders"]`; the function's name if left out.
        key_prefix: segments put before the key.
        deps: keys, assets or `Dep`s that come before its ops and are not loaded.
        ins: what a parameter loads, where its name does not say it: an `In`, or the upstream key.
        group: the group it is shown in: words joined by `/`.
        kinds: what it is made with or stored as.
        owners: mail addresses, or teams as `"team:data"`.
        tags: labels to select it by.
        metadata: what is to be known about it.
        description: Markdown; the docstring if left out.
        partitions: how it is cut. Its ops know the partition as assets do.
        code_version: changes when the meaning of its ops does.
        io_manager: the name of what stores its value.
        automation: when it is made without being asked for: a `Condition`.
        freshness: how old it may be: a `Freshness`.
        priority: among steps that are ready, higher goes first.
        checks: checks of it that come with it into every repository.
        backfill: how backfills cut its partitions into runs; one run each if left out.

    Example:
        ```python
        @pt.graph_asset(group="marts")
        def delays(flights):
            return summarised(cleaned(flights))
        ```

    Raises:
        DefinitionError: the body does more than connecting ops, or does not return one output, with file and line.
        SignatureError: a parameter that is no upstream asset.
    """

    def define(decorated: Callable[..., Any]) -> GraphAsset[..., Any]:
        source = source_of(decorated)
        with located(source, f"graph asset {getattr(decorated, '__name__', key)!r}"):
            found = asset_inputs(_checked(signature_of(decorated)), ins=ins or {})
            own = key_of(key, key_prefix, decorated)
            graph = compose(decorated, kind="graph", name=own.replace("/", "__").replace(".", "_"), description=description)
            [output] = graph.outputs if len(graph.outputs) == 1 else [None]
            if output is None:
                raise DefinitionError("the body must return one output of an op: the asset's value.")
            spec = AssetSpec(
                own,
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
                inputs=found.loaded,
                type_name=output.type_name,
                is_external=False,
                priority=priority,
                backfill=expect(BackfillPolicy, backfill, "backfill"),
                graph=graph.name,
                source=source,
            )
            return GraphAsset(graph, spec=spec, by_name=found.by_name, checks=own_checks([spec.key], checks))

    return define if function is None else define(function)


def _checked(signature: Signature) -> Signature:
    """The signature of a body, whose parameters are assets and nothing else."""
    for parameter in signature.parameters:
        if parameter.role != "input":
            raise SignatureError(f"parameter {parameter.name!r} is its {parameter.role}. The body only connects ops: let an op ask for it.")
    return signature
