"""What a selection is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["upstream", "downstream"]
Attribute = Literal["group", "kind", "owner", "tag", "location", "partitions", "is", "status"]


@dataclass(frozen=True)
class Everything:
    """`*`: all that can be materialised."""


@dataclass(frozen=True)
class Named:
    """A bare name: it must exist."""

    key: str


@dataclass(frozen=True)
class KeyLike:
    """`key:"marts/*"`: whatever fits, externals too."""

    pattern: str


@dataclass(frozen=True)
class Has:
    """`group:marts`, `tag:k=v`, `is:external`: an attribute with a value.

    `value` None means lacking it altogether (`owner:<null>`). For tags it is the tag's name, and `tag_value` None means any.
    """

    attribute: Attribute
    value: str | None
    tag_value: str | None = None


@dataclass(frozen=True)
class Not:
    """All that can be materialised except this."""

    term: Term


@dataclass(frozen=True)
class And:
    """In all of these; the negated ones are taken away from the rest."""

    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Or:
    """In any of these."""

    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Walk:
    """`+x`, `x+2`: with what comes before or behind, `depth` edges far."""

    term: Term
    direction: Direction
    depth: int | None = None


@dataclass(frozen=True)
class Edge:
    """`roots(x)`, `sinks(x)`: those that no other of the set comes before, or behind."""

    term: Term
    side: Literal["roots", "sinks"]


def has_attribute(term: Term, attribute: Attribute) -> bool:
    """Whether any part of `term` asks for that attribute."""
    match term:
        case Has():
            return term.attribute == attribute
        case And(terms=terms) | Or(terms=terms):
            return any(has_attribute(each, attribute) for each in terms)
        case Not(term=inner) | Walk(term=inner) | Edge(term=inner):
            return has_attribute(inner, attribute)
        case _:
            return False


Term = Everything | Named | KeyLike | Has | Not | And | Or | Walk | Edge
