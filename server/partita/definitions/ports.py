"""`In`, `Out` and `DynamicOut`: what a function's parameters and results mean beyond their names and annotations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from partita.definitions.keys import AssetKey
from partita.definitions.labels import check_io_manager
from partita.definitions.mappings import Mapping as PartitionMapping
from partita.definitions.policies import expect
from partita.definitions.results import Nothing
from partita.definitions.specs import to_key


@dataclass(frozen=True, init=False)
class In:
    """What an input is.

    Args:
        kind: `pt.Nothing` for an input that only waits and has no parameter; left out otherwise.
        key: the upstream asset, where its name is not that of the parameter.
        mapping: how partitions map, where the default will not do.
        io_manager: what loads the value; the one it was stored with otherwise.
        description: for people.

    Example:
        `@pt.asset(ins={"delays": pt.In(key="marts/delays", mapping=pt.LastMapping())})`
    """

    kind: type[Nothing] | None = None
    key: AssetKey | None = None
    mapping: PartitionMapping | None = None
    io_manager: str | None = None
    description: str | None = None

    def __init__(
        self,
        kind: type[Nothing] | None = None,
        *,
        key: Any = None,
        mapping: PartitionMapping | None = None,
        io_manager: str | None = None,
        description: str | None = None,
    ) -> None:
        given = {
            "kind": kind,
            "key": None if key is None else to_key(key),
            "mapping": expect(PartitionMapping, mapping, "mapping"),
            "io_manager": None if io_manager is None else check_io_manager(io_manager),
            "description": description,
        }
        for name, value in given.items():
            object.__setattr__(self, name, value)

    @property
    def is_nothing(self) -> bool:
        """Whether it only waits."""
        return self.kind is Nothing


@dataclass(frozen=True, kw_only=True)
class Out:
    """What an output of an op is.

    Args:
        optional: it may be left out; steps that need it are then skipped.
        io_manager: the name of what stores its value.
        description: for people.

    Example:
        `@pt.op(out={"even": pt.Out(optional=True), "odd": pt.Out(optional=True)})`
    """

    optional: bool = False
    io_manager: str = "io_manager"
    description: str | None = field(default=None)

    def __post_init__(self) -> None:
        check_io_manager(self.io_manager)


@dataclass(frozen=True, kw_only=True)
class DynamicOut:
    """An output of an op that holds any number of items, known only once the op has run.

    In a graph's body it has `.map(...)`, which runs an op or graph for each item, and `.collect()`, a list of them all.

    Args:
        io_manager: the name of what stores each item.
        description: for people.

    Example:
        ```python
        @pt.op(out=pt.DynamicOut())
        def shards() -> Iterator[pt.DynamicOutput[str]]:
            for name in ("a", "b"):
                yield pt.DynamicOutput(name, mapping_key=name)
        ```
    """

    io_manager: str = "io_manager"
    description: str | None = field(default=None)

    def __post_init__(self) -> None:
        check_io_manager(self.io_manager)


AnyOut = Out | DynamicOut
