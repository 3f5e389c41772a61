"""What each part of a selection means on a graph of assets.

External assets are selected by what they have (a key, a group, a tag), never by `*`, `not`, a walk, or by what they
lack: whoever says those means what can be materialised.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar, assert_never

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicPartitionsSpec, MultiPartitionsSpec, PartitionsSpec, TimePartitionsSpec
from partita.definitions.selection_terms import And, Direction, Edge, Everything, Has, KeyLike, Named, Not, Or, Term, Walk
from partita.definitions.specs import AssetSpec
from partita.definitions.walks import reach
from partita.errors import NotFoundError, SelectionError

V = TypeVar("V")


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The assets that a selection is resolved on, and what is known of them."""

    graph: AssetGraph
    location_of: Mapping[AssetKey, str] | None
    status_of: Mapping[AssetKey, Collection[str]] | None

    def edges(self, direction: Direction) -> Callable[[AssetKey], Iterable[AssetKey]]:
        """What comes directly before, or behind, an asset."""
        return self.graph.upstream if direction == "upstream" else self.graph.downstream


def evaluate(term: Term, ground: Ground) -> set[AssetKey]:
    """The keys that a term means.

    Raises:
        NotFoundError: a bare name that does not exist.
        SelectionError: locations or states where they are not known.
    """
    match term:
        case Everything():
            return set(ground.graph.materializable)
        case Named(key=key):
            return {_existing(key, ground.graph)}
        case KeyLike(pattern=pattern):
            fits = _pattern(pattern).fullmatch
            return {key for key in ground.graph.keys if fits(key)}
        case Has():
            return _having(term, ground)
        case Not(term=inner):
            return set(ground.graph.materializable) - evaluate(inner, ground)
        case And(terms=terms):
            return _common(terms, ground)
        case Or(terms=terms):
            return set[AssetKey]().union(*(evaluate(each, ground) for each in terms))
        case Walk(term=inner, direction=direction, depth=depth):
            start = evaluate(inner, ground)
            return start | (reach(start, edges=ground.edges(direction), depth=depth) & ground.graph.materializable)
        case Edge(term=inner, side=side):
            chosen = evaluate(inner, ground)
            beside: set[AssetKey] = reach(chosen, edges=ground.edges("downstream" if side == "roots" else "upstream"))
            return chosen - beside
        case _:
            assert_never(term)


def _existing(name: str, graph: AssetGraph) -> AssetKey:
    found = graph.find(name)
    if found is None:
        raise NotFoundError("asset", name, graph.keys)
    return found


def _common(terms: tuple[Term, ...], ground: Ground) -> set[AssetKey]:
    wanted = [evaluate(each, ground) for each in terms if not isinstance(each, Not)]
    unwanted = [evaluate(each.term, ground) for each in terms if isinstance(each, Not)]
    start = set.intersection(*wanted) if wanted else set(ground.graph.materializable)
    return start.difference(*unwanted)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """`*` stands for any number of characters, `/` among them."""
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def _having(term: Has, ground: Ground) -> set[AssetKey]:
    test = _test(term, ground)
    found = {key for key, spec in ground.graph.specs.items() if test(spec)}
    is_lacking = term.value is None or term == Has("partitions", "none")
    return found & ground.graph.materializable if is_lacking else found


def _test(term: Has, ground: Ground) -> Callable[[AssetSpec], bool]:
    value = term.value
    match term.attribute:
        case "group":
            return lambda spec: spec.group == value
        case "kind":
            return lambda spec: value in spec.kinds if value is not None else not spec.kinds
        case "owner":
            return lambda spec: value in spec.owners if value is not None else not spec.owners
        case "tag":
            return lambda spec: _is_tagged(spec, value, term.tag_value)
        case "partitions":
            return lambda spec: value in _cuts(spec.partitions)
        case "is":
            return lambda spec: spec.is_external == (value == "external")
        case "location":
            locations = _known(ground.location_of, term, "Code locations are")
            return lambda spec: locations.get(spec.key) == value
        case "status":
            states = _known(ground.status_of, term, "States of assets are")
            return lambda spec: value in states.get(spec.key, ())


def _known(mapping: Mapping[AssetKey, V] | None, term: Has, what: str) -> Mapping[AssetKey, V]:
    if mapping is None:
        raise SelectionError(f"{term.attribute}:{term.value}", 1, f"{what} known to a server only")
    return mapping


def _is_tagged(spec: AssetSpec, name: str | None, value: str | None) -> bool:
    if name is None:
        return not spec.tags
    return any(own == name and (value is None or given == value) for own, given in spec.tags)


def _cuts(partitions: PartitionsSpec | None) -> tuple[str, ...]:
    """The words for how something is cut."""
    match partitions:
        case None:
            return ("none",)
        case TimePartitionsSpec(cadence=cadence):
            return ("time", cadence)
        case DynamicPartitionsSpec():
            return ("dynamic",)
        case MultiPartitionsSpec(dimensions=dimensions):
            return ("multi", *dict.fromkeys(word for _, each in dimensions for word in _cuts(each)))
        case _:
            return ("static",)
