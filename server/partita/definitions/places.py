"""What a JSON Schema says of the places in a value: which of them hold a model with a certain field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class Place:
    """A place in a value, with all that its schema lets stand there.

    Args:
        whole: the schema of the whole value, for what it refers to.
        schemas: those of this place; none where nothing is known of it.
    """

    __slots__ = ("_schemas", "_whole")

    def __init__(self, whole: Mapping[str, Any], *schemas: Any) -> None:
        self._whole = whole
        self._schemas = tuple(each for schema in schemas for each in self._alternatives(schema))

    def has_field(self, name: str) -> bool:
        """Whether a model that may stand here has such a field."""
        return any(name in each.get("properties", ()) for each in self._schemas)

    def at(self, key: object) -> Place:
        """The place under a key, or of the item with an index."""
        return Place(self._whole, *(found for each in self._schemas for found in _inside(each, key)))

    def _alternatives(self, schema: Any) -> Iterator[Mapping[str, Any]]:
        """A schema without references and unions."""
        if not isinstance(schema, Mapping):
            return
        yield schema
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield from self._alternatives(self._whole.get("$defs", {}).get(reference.rsplit("/", 1)[-1]))
        for union in ("anyOf", "oneOf", "allOf"):
            for each in schema.get(union, ()):
                yield from self._alternatives(each)


def _inside(schema: Mapping[str, Any], key: object) -> Iterator[Any]:
    if isinstance(key, int):
        first = schema.get("prefixItems", ())
        yield first[key] if key < len(first) else schema.get("items")
    elif key in schema.get("properties", ()):
        yield schema["properties"][key]
    else:
        yield schema.get("additionalProperties")
        yield from schema.get("patternProperties", {}).values()
