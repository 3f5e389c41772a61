"""What an operation costs, told from its document before it runs: one per object, times the size of every page it is in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from partita.api.pages import DEFAULT_PAGE, MAX_EVENTS

LIST_SIZE = 10
"""What a list without pages is taken to hold."""
SHORT_LISTS = {"codeLocations": 3, "repositories": 2}
"""Lists that hold fewer: taken at ten they would refuse what everybody asks first, the workspace with its jobs."""
EXTRA = {"totalCount": 10, "log": 20, "staleness": 5, "backfillPreview": 500, "assetProgress": 50}
"""Fields that cost more than the object they give."""
PAGE_FIELDS = frozenset({"edges", "nodes"})


class Costs:
    """Tells the cost of one operation.

    Args:
        schema: what its types are.
        fragments: those of its document, by name.
        variables: as the caller gave them.
    """

    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables

    def of(self, operation: OperationDefinitionNode) -> int:
        """The cost of a valid operation."""
        root = self._schema.get_root_type(operation.operation)
        return self._of_selection(operation.selection_set, root, page=1)

    def _of_selection(self, selected: SelectionSetNode | None, type_: GraphQLNamedType | None, *, page: int) -> int:
        """The cost of what is selected of one object; `page` is how many items a connection holds."""
        if selected is None or type_ is None:
            return 0
        total = 0
        for each in selected.selections:
            match each:
                case FieldNode():
                    total += self._of_field(each, type_, page=page)
                case FragmentSpreadNode():
                    fragment = self._fragments[each.name.value]
                    narrowed = self._schema.get_type(fragment.type_condition.name.value)
                    total += self._of_selection(fragment.selection_set, narrowed, page=page)
                case InlineFragmentNode():
                    condition = each.type_condition
                    narrowed = type_ if condition is None else self._schema.get_type(condition.name.value)
                    total += self._of_selection(each.selection_set, narrowed, page=page)
        return total

    def _of_field(self, node: FieldNode, parent: GraphQLNamedType, *, page: int) -> int:
        field = self._field(node, parent)
        if field is None:
            return 0  # introspection
        extra = EXTRA.get(node.name.value, 0)
        named = get_named_type(field.type)
        if not is_composite_type(named):
            return extra
        times = 1
        if is_list_type(get_nullable_type(field.type)):
            times = page if node.name.value in PAGE_FIELDS and parent.name.endswith("Connection") else SHORT_LISTS.get(node.name.value, LIST_SIZE)
        inner = self._of_selection(node.selection_set, named, page=self._page_of(node, field))
        return extra + times * (1 + inner)

    def _field(self, node: FieldNode, parent: GraphQLNamedType) -> GraphQLField | None:
        if not isinstance(parent, GraphQLObjectType | GraphQLAbstractType):
            return None
        return getattr(parent, "fields", {}).get(node.name.value)

    def _page_of(self, node: FieldNode, field: GraphQLField) -> int:
        """Items of the connection that a field gives; 1 when it gives none."""
        if "first" not in field.args:
            return 1
        sizes = [self._number(each.value) for each in node.arguments or () if each.name.value in {"first", "last"}]
        given = [size for size in sizes if size is not None]
        return max(0, min(max(given), MAX_EVENTS)) if given else DEFAULT_PAGE

    def _number(self, value: Any) -> int | None:
        match value:
            case IntValueNode(value=text):
                return int(text)
            case VariableNode():
                found = self._variables.get(value.name.value)
                return found if isinstance(found, int) else None
            case _:
                return None
