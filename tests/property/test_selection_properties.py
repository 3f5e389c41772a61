"""Whatever the graph and the selection: what it means is what a plain reading of it, asset by asset, says; and its text says it all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.definitions.selection_terms import And, Edge, Everything, Has, KeyLike, Named, Not, Or, Term, Walk

GROUPS, KINDS, OWNERS = ("raw", "marts"), ("csv", "sql"), ("team:a", "b@example.com")


@st.composite
def graphs(draw: Any) -> dict[str, pt.AssetSpec]:
    """Up to nine assets and external ones, each on some of those before it."""
    found: dict[str, pt.AssetSpec] = {}
    for number in range(draw(st.integers(1, 9))):
        above = draw(st.lists(st.sampled_from(list(found)), max_size=3, unique=True)) if found else []
        key = f"{draw(st.sampled_from(('a', 'b')))}/{number}"
        found[key] = pt.AssetSpec(
            key,
            deps=above,
            group=draw(st.sampled_from(GROUPS)),
            kinds=draw(st.lists(st.sampled_from(KINDS), max_size=2, unique=True)),
            owners=draw(st.lists(st.sampled_from(OWNERS), max_size=1)),
            tags=draw(st.dictionaries(st.sampled_from(("k", "l")), st.sampled_from(("1", "2")), max_size=2)),
            is_external=draw(st.integers(0, 4)) == 0,
        )
    return found


def terms(keys: list[str]) -> st.SearchStrategy[Term]:
    """Selections over these assets."""
    attributes = st.one_of(
        st.sampled_from(GROUPS).map(lambda value: Has("group", value)),
        st.sampled_from((*KINDS, None)).map(lambda value: Has("kind", value)),
        st.sampled_from((*OWNERS, None)).map(lambda value: Has("owner", value)),
        st.tuples(st.sampled_from("kl"), st.sampled_from(("1", "2", None))).map(lambda pair: Has("tag", *pair)),
        st.sampled_from(("external", "materializable")).map(lambda value: Has("is", value)),
        st.sampled_from(("a/*", "*/1", "*", "b/*2")).map(KeyLike),
    )
    leaves = st.one_of(st.just(Everything()), st.sampled_from(keys).map(Named), attributes)

    def inside(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        sides, ways, depths = st.sampled_from(("roots", "sinks")), st.sampled_from(("upstream", "downstream")), st.sampled_from((None, 1, 2))
        return st.one_of(inner.map(Not), several.map(And), several.map(Or), st.builds(Walk, inner, ways, depths), st.builds(Edge, inner, sides))

    return st.recursive(leaves, inside, max_leaves=6)


def naive(term: Term, specs: dict[str, pt.AssetSpec]) -> set[str]:
    """What a term means, by asking of each asset whether it is meant."""
    return {key for key in specs if is_meant(key, term, specs)}


def is_meant(key: str, term: Term, specs: dict[str, pt.AssetSpec]) -> bool:
    """Whether `term` means the asset."""
    is_ours = not specs[key].is_external
    match term:
        case Everything():
            return is_ours
        case Not(term=inner):
            return is_ours and not is_meant(key, inner, specs)
        case And(terms=inner):
            # A negated part takes away; where all are negated, from all that can be made.
            wanted = [each for each in inner if not isinstance(each, Not)] or [Everything()]
            unwanted = [each.term for each in inner if isinstance(each, Not)]
            return all(is_meant(key, each, specs) for each in wanted) and not any(is_meant(key, each, specs) for each in unwanted)
        case Or(terms=inner):
            return any(is_meant(key, each, specs) for each in inner)
        case Walk(term=inner, direction=way, depth=depth):
            begun = naive(inner, specs)
            return key in begun or (is_ours and any(distance(key, start, specs, way) <= (depth or len(specs)) for start in begun))
        case Edge(term=inner, side=side):
            chosen = naive(inner, specs)
            way = "downstream" if side == "roots" else "upstream"
            return key in chosen and all(distance(key, other, specs, way) > len(specs) for other in chosen - {key})
        case _:
            return has(key, term, specs[key])


def has(key: str, term: Named | KeyLike | Has, spec: pt.AssetSpec) -> bool:
    """Whether the asset is called so, or has that."""
    match term:
        case Named(key=name):
            return key == name
        case KeyLike(pattern=pattern):
            start, _, end = pattern.partition("*")
            return key.startswith(start) and key.endswith(end) and len(key) >= len(start) + len(end)
        case Has(attribute="is", value=value):
            return spec.is_external is (value == "external")
        case Has(attribute="tag", value=value, tag_value=wanted):
            return any(name == value and wanted in (None, given) for name, given in spec.tags)
        case Has(attribute=attribute, value=value):
            own = {"group": (spec.group,), "kind": spec.kinds, "owner": spec.owners}[attribute]
            return value in own if value is not None else not spec.is_external and not own


def distance(key: str, start: str, specs: dict[str, pt.AssetSpec], way: str) -> int:
    """Edges from `start` to `key`, the nearest way; more than there are assets when no way leads there."""
    above: Callable[[str], list[str]] = lambda of: [str(each) for each in specs[of].upstream]  # noqa: E731
    beside = above if way == "upstream" else lambda of: [each for each in specs if of in above(each)]
    here, far = {start}, 0
    while key not in here and far <= len(specs):
        here, far = here | {each for of in here for each in beside(of)}, far + 1
    return far


@settings(max_examples=200)
@given(data=st.data(), specs=graphs())
def test_a_selection_means_what_a_plain_reading_of_it_says(data: st.DataObject, specs: dict[str, pt.AssetSpec]) -> None:
    term = data.draw(terms(list(specs)))
    selection = pt.Selection(term)

    assert {str(key) for key in pt.select(selection, specs.values())} == naive(term, specs)
    assert pt.select(str(selection), specs.values()) == pt.select(selection, specs.values()), "its text means the same"
