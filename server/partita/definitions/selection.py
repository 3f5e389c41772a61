"""Selections: which assets, in one language for Python, the API, the command line and the terminal app."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.resolution import resolved_specs
from partita.definitions.selection_meaning import Ground, evaluate
from partita.definitions.selection_terms import And, Attribute, Edge, Everything, Named, Not, Or, Term, Walk, has_attribute
from partita.definitions.selection_text import parse_selection, render_selection
from partita.definitions.specs import parts_of, to_key
from partita.errors import DefinitionError, RequestError


@dataclass(frozen=True)
class Selection:
    """A choice of assets that is resolved when it is asked for.

    Example:
        ```python
        marts = pt.Selection.parse("group:marts")
        (marts | pt.Selection.keys("raw/orders")).upstream(1) - marts
        ```
    """

    term: Term

    @classmethod
    def parse(cls, text: str) -> Selection:
        """The selection that a string means.

        Raises:
            SelectionError: it cannot be read; points at the column.
            RequestError: it is no text.
        """
        if not isinstance(text, str):
            raise RequestError(f"{text!r} is no selection: give text such as 'group:marts'.")
        return cls(parse_selection(text))

    @classmethod
    def all(cls) -> Selection:
        """All that can be materialised: `*`."""
        return cls(Everything())

    @classmethod
    def keys(cls, *keys: Any) -> Selection:
        """These assets, given by key or themselves; each must exist."""
        terms = tuple(Named(to_key(part)) for key in keys for part in parts_of(key))
        return cls(terms[0] if len(terms) == 1 else Or(terms))

    def __str__(self) -> str:
        return render_selection(self.term)

    def __and__(self, other: Selection) -> Selection:
        return Selection(And((self.term, _term_of(other))))

    def __or__(self, other: Selection) -> Selection:
        return Selection(Or((self.term, _term_of(other))))

    def __sub__(self, other: Selection) -> Selection:
        return Selection(And((self.term, Not(_term_of(other)))))

    def __invert__(self) -> Selection:
        return Selection(Not(self.term))

    def upstream(self, depth: int | None = None, *, include_self: bool = True) -> Selection:
        """With all that comes before, `depth` edges far.

        Raises:
            RequestError: `depth` is no number of edges.
        """
        walk = Selection(Walk(self.term, "upstream", _checked_depth(depth)))
        return walk if include_self else walk - self

    def downstream(self, depth: int | None = None, *, include_self: bool = True) -> Selection:
        """With all that comes behind, `depth` edges far.

        Raises:
            RequestError: `depth` is no number of edges.
        """
        walk = Selection(Walk(self.term, "downstream", _checked_depth(depth)))
        return walk if include_self else walk - self

    def roots(self) -> Selection:
        """Those that no other of the selection comes before."""
        return Selection(Edge(self.term, "roots"))

    def sinks(self) -> Selection:
        """Those that no other of the selection comes behind."""
        return Selection(Edge(self.term, "sinks"))

    def asks_for(self, attribute: Attribute) -> bool:
        """Whether it speaks of an attribute, such as "status", so that this must be known to resolve it."""
        return has_attribute(self.term, attribute)

    def resolve(
        self,
        graph: AssetGraph,
        *,
        location_of: Mapping[AssetKey, str] | None = None,
        status_of: Mapping[AssetKey, Collection[str]] | None = None,
    ) -> set[AssetKey]:
        """The keys it means in `graph`.

        Args:
            graph: the assets.
            location_of: the code location of each asset, for `location:`.
            status_of: the words that are true of each asset's state, for `status:`.

        Raises:
            NotFoundError: it names an asset that does not exist; tells the nearest.
            SelectionError: it asks for locations or states where they are not known.
        """
        return evaluate(self.term, Ground(graph=graph, location_of=location_of, status_of=status_of))


def select(selection: str | Selection, among: Any) -> set[AssetKey]:
    """The keys that a selection means.

    Args:
        selection: a selection string or a `Selection`.
        among: assets and specs, an `AssetGraph`, a `Repository` or a catalog.

    Example:
        `pt.select("group:marts and kind:sql", [orders, revenue])`

    Raises:
        SelectionError: the string cannot be read; points at the column.
        NotFoundError: it names an asset that does not exist; tells the nearest.
        RequestError: it is no selection.
        DefinitionError: `among` holds something other than assets.
    """
    chosen = selection if isinstance(selection, Selection) else Selection.parse(selection)
    graph = among if isinstance(among, AssetGraph) else getattr(among, "graph", None)
    return chosen.resolve(graph if isinstance(graph, AssetGraph) else AssetGraph(resolved_specs(among)))


def _term_of(other: object) -> Term:
    if not isinstance(other, Selection):
        hint = f"pt.Selection.parse({other!r})" if isinstance(other, str) else "pt.Selection.keys(...)"
        raise RequestError(f"A selection is combined with another, not with {other!r}. Give {hint}.")
    return other.term


def _checked_depth(depth: int | None) -> int | None:
    if depth is not None and (not isinstance(depth, int) or isinstance(depth, bool) or depth < 0):
        raise RequestError(f"{depth!r} is no number of edges. Give one, such as 1, or nothing for all.")
    return depth


def as_selection(subject: Any) -> Selection:
    """The selection that a definition was given as text, as itself, or as a list of assets and keys.

    Raises:
        DefinitionError: the text cannot be read, or the list is empty.
    """
    if isinstance(subject, Selection):
        return subject
    if isinstance(subject, str) and not isinstance(subject, AssetKey):
        try:
            return Selection.parse(subject)
        except RequestError as error:
            raise DefinitionError(f"{error}") from error
    if not isinstance(subject, Iterable) and not hasattr(subject, "spec"):
        raise DefinitionError(f"selection={subject!r}: give a selection such as 'group:marts', or a list of assets.")
    keys = [subject] if isinstance(subject, AssetKey) or hasattr(subject, "spec") else list(subject)
    if not keys:
        raise DefinitionError("the selection is an empty list. Name assets, or '*' for all.")
    return Selection.keys(*keys)
