"""What types have in common: identity, definitions, tags, metadata."""

from collections.abc import Iterable
from typing import Any

import strawberry
from graphql import GraphQLAbstractType, GraphQLResolveInfo

from partita.api.scalars import JSON
from partita.api.types.enums import MetadataKind
from partita.api.types.fields import REPOSITORY, SHOWN_AS, maybe, required, resolved, shown


@strawberry.interface(description="Anything that can be fetched again by its opaque, globally unique id.")
class Node:
    """Anything that can be fetched again."""

    id: strawberry.ID = shown("Opaque, globally unique id; it stays the same when code is reloaded.")

    @classmethod
    def resolve_type(cls, value: object, _info: GraphQLResolveInfo[Any], _abstract: GraphQLAbstractType) -> str | None:
        """Name of the type that shows `value`."""
        return SHOWN_AS.get(type(value))


@strawberry.type(description="A label with a value.")
class Tag:
    """A label with a value."""

    key: str = shown("What the tag is about.")
    value: str = shown("Its value; it may be empty.")


def to_tags(pairs: Iterable[tuple[str, str]]) -> list[Tag]:
    """Tags in order of key."""
    return [Tag(key=key, value=value) for key, value in sorted(pairs)]


@strawberry.input(description="A label with a value.")
class TagInput:
    """A label with a value."""

    key: str = required("What the tag is about.")
    value: str = required("Its value; it may be empty.")


@strawberry.type(description="A line of a source file, as the machine that loaded it saw it.")
class SourceLocation:
    """A line of a source file."""

    file: str = shown("Path of the file.")
    line: int = shown("Number of the line, from 1.")


@strawberry.interface(description="Something that a code location defines, known by its name inside its repository.")
class Definition:
    """Something that a code location defines."""

    name: str = shown("Its name inside its repository.")
    description: str | None = shown("What it is, in Markdown; null when nothing was said.", "spec.description")
    source: SourceLocation | None = shown("Where it is defined; null when that is not known.", "spec.source", name="sourceLocation")

    @resolved("The repository that defines it; null when none does.", type=maybe(REPOSITORY))
    @staticmethod
    def repository() -> None:
        """Every definition says where it stands."""

    @resolved("Its tags, sorted by key.")
    @staticmethod
    def tags() -> list[Tag]:
        """Every definition has tags, if only none."""
        return []

    @classmethod
    def resolve_type(cls, value: object, _info: GraphQLResolveInfo[Any], _abstract: GraphQLAbstractType) -> str | None:
        """Name of the type that shows `value`."""
        return SHOWN_AS.get(type(value))


@strawberry.type(description="A labelled value; `kind` says how to show it.")
class MetadataEntry:
    """A labelled value."""

    label: str = shown("What the value is.")
    kind: MetadataKind = shown("How the value is to be shown.")
    value: JSON | None = shown("The value itself, as JSON; null when the value is null.")
