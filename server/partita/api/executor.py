"""Long lists of plain rows, completed by functions made for the selection instead of field by field.

graphql-core spends some ten microseconds on every field of every row. For a list whose selected fields only read
attributes, or call a resolver that needs no waiting, this composes one function per row and maps it over the list. On any
surprise, be it a null where none may be, a wrong type or an exception, the list is completed by graphql-core's own
algorithm, so that results, errors and their paths are always the specification's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from operator import attrgetter
from typing import Any, cast

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLUnionType,
    is_leaf_type,
)
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info

from partita.api.types.fields import Shown

WORTHWHILE = 8
"""Rows of a list below which composing the function costs more than it saves."""

Read = Callable[[Any], Any]
Details = list[Any]

_AS_IT_IS: dict[str, type] = {"String": str, "ID": str, "Boolean": bool}
"""Scalars whose values need no conversion, and the exact type that such a value has."""


class Surprise(Exception):  # noqa: N818 (not an error: the ordinary algorithm takes over)
    """A value that the composed function was not made for."""


class ListExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes operations; lists of plain rows the short way."""

    def complete_iterable_value(
        self, item_type: GraphQLOutputType, field_details_list: Details, info: Any, path: Path, items: Iterable[Any], position_context: Any
    ) -> Any:
        """The completed list."""
        if isinstance(items, list | tuple) and len(items) >= WORTHWHILE:
            complete = self._kept_completer(item_type, field_details_list, path)
            if complete is not None:
                with suppress(Exception):  # the ordinary algorithm finds what went wrong again, and its place
                    return [complete(item) for item in items]
        return super().complete_iterable_value(item_type, field_details_list, info, path, items, position_context)

    def _kept_completer(self, item_type: GraphQLOutputType, details: Details, path: Path) -> Read | None:
        """The function for one place of the document; lists inside lists come here again and again."""
        kept = self.__dict__.setdefault("_completers", {})
        key = (item_type, id(details))
        if key not in kept:
            kept[key] = details, self._completer(item_type, details, path)
        return cast("Read | None", kept[key][1])

    def _completer(self, type_: GraphQLOutputType, details: Details, path: Path) -> Read | None:
        """Completes one value of a type; None when it cannot be done without waiting or arguments."""
        inner = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        complete = self._inner_completer(inner, details, path)
        if complete is None:
            return None
        if isinstance(type_, GraphQLNonNull):
            return _required(complete)
        return lambda value: None if value is None else complete(value)

    def _inner_completer(self, type_: Any, details: Details, path: Path) -> Read | None:
        if is_leaf_type(type_):
            return cast("Read", type_.coerce_output_value)
        if isinstance(type_, GraphQLList):
            item = self._completer(type_.of_type, details, path)
            return None if item is None else _listed(item)
        if isinstance(type_, GraphQLObjectType):
            return self._row(type_, details, path)
        return self._any_of(type_, details, path)

    def _any_of(self, type_: GraphQLInterfaceType | GraphQLUnionType, details: Details, path: Path) -> Read | None:
        """Completes a value of whichever of the possible types it is."""
        resolve: Any = type_.resolve_type
        if resolve is None:
            return None
        rows: dict[str, Read] = {}
        for possible in self.schema.get_possible_types(type_):
            row = self._row(possible, details, path)
            if row is None:
                return None
            rows[possible.name] = row
        return lambda value: rows[resolve(value, None, type_)](value)

    def _row(self, type_: GraphQLObjectType, details: Details, path: Path) -> Read | None:
        """Completes an object: a dict with every selected field."""
        collected = self.collect_subfields(type_, details)
        if collected.new_defer_usages:
            return None
        readers: list[tuple[str, Read]] = []
        for name, group in collected.grouped_field_set.items():
            read = self._reader(type_, group, path)
            if read is None:
                return None
            readers.append((name, read))
        is_type_of = type_.is_type_of

        def row(value: Any) -> dict[str, Any]:
            if value is None or (is_type_of is not None and not is_type_of(value, cast("GraphQLResolveInfo[Any]", None))):
                raise Surprise
            return {name: read(value) for name, read in readers}

        return row

    def _reader(self, parent: GraphQLObjectType, group: Details, path: Path) -> Read | None:
        """Reads and completes one field of an object."""
        node = group[0].node
        if node.name.value == "__typename":
            return lambda _: parent.name
        field = self.schema.get_field(parent, node.name.value)
        if field is None or field.args:
            return None
        read = self._source(field, parent, group, path)
        complete = self._completer(field.type, group, path)
        if read is None or complete is None:
            return None
        inner = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
        exact = _AS_IT_IS.get(getattr(inner, "name", ""))
        return _composed(read, complete) if exact is None else _checked(read, exact, complete)

    def _source(self, field: GraphQLField, parent: GraphQLObjectType, group: Details, path: Path) -> Read | None:
        """Where the value of a field comes from: an attribute, or a resolver that asks for nothing but the row and the context."""
        definition = (field.extensions or {}).get("strawberry-definition")
        if not isinstance(definition, StrawberryField) or definition.extensions:
            return None
        if isinstance(definition, Shown):
            return attrgetter(definition.path or definition.python_name)
        return self._resolver(definition, field, parent, group, path)

    def _resolver(self, definition: StrawberryField, field: GraphQLField, parent: GraphQLObjectType, group: Details, path: Path) -> Read | None:
        resolver = definition.base_resolver
        if resolver is None or definition.is_async or resolver.parent_parameter is None:
            return None
        function: Any = resolver.wrapped_func
        row = resolver.parent_parameter.name
        if resolver.info_parameter is None:
            return lambda value: function(**{row: value})
        raw: Any = self.build_resolve_info(field, [details.node for details in group], parent, path)
        info: Any = Info(_raw_info=raw, _field=definition)
        name = resolver.info_parameter.name
        return lambda value: function(**{row: value, name: info})


def _required(complete: Read) -> Read:
    def completed(value: Any) -> Any:
        if value is None:
            raise Surprise
        return complete(value)

    return completed


def _listed(complete: Read) -> Read:
    def completed(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Surprise
        return [complete(item) for item in value]

    return completed


def _checked(read: Read, exact: type, complete: Read) -> Read:
    """Takes a value of the exact type as it is."""

    def completed(value: Any) -> Any:
        found = read(value)
        return found if type(found) is exact else complete(found)

    return completed


def _composed(read: Read, complete: Read) -> Read:
    return lambda value: complete(read(value))
