"""Documents that have been parsed and judged, kept because clients send the same few again and again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from partita.api.errors import ApiError, Code
from partita.api.limits import LIMITS

KEPT = 256
"""Documents; the clients of a server send some dozens."""
MAX_KEPT_TEXT = 20_000
"""Characters of a document that is kept: larger ones come from tools that ask once."""

RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


@dataclass(frozen=True, slots=True)
class Judged:
    """A document, and what is wrong with it."""

    document: DocumentNode
    errors: tuple[GraphQLError, ...]


class Documents:
    """Parses and judges documents against one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._kept: OrderedDict[str, Judged] = OrderedDict()

    def judge(self, text: str) -> Judged:
        """The document that `text` is.

        Raises:
            GraphQLError: it cannot be parsed.
        """
        if kept := self._kept.get(text):
            self._kept.move_to_end(text)
            return kept
        document = parse(text, max_tokens=LIMITS.max_tokens, no_location=False)
        judged = Judged(document, tuple(self._errors_of(document)))
        if len(text) <= MAX_KEPT_TEXT:
            self._kept[text] = judged
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return judged

    def _errors_of(self, document: DocumentNode) -> Iterable[GraphQLError]:
        """What is wrong with a document: its size first, since the other rules may take long over a hostile one."""
        try:
            check_budget(document)
        except ApiError as error:
            return [error]
        found = validate(self._schema, document, RULES, max_errors=LIMITS.max_errors)
        for each in found:
            each.extensions = {"code": Code.GRAPHQL_VALIDATION_FAILED.value}
        return found


@dataclass(slots=True)
class _Size:
    aliases: int = 0
    directives: int = 0
    fields: int = 0


def check_budget(document: DocumentNode) -> None:
    """Nothing, if no operation of the document is too large; fragments count wherever they are used.

    Raises:
        ApiError: one is.
    """
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    for each in document.definitions:
        if isinstance(each, OperationDefinitionNode):
            if len(each.selection_set.selections) > LIMITS.max_root_fields:
                raise _too_complex(f"has more than {LIMITS.max_root_fields} root fields")
            _measure(each.selection_set, fragments, _Size(), depth=1, inside=frozenset())


def _measure(
    selected: SelectionSetNode | None, fragments: dict[str, FragmentDefinitionNode], size: _Size, *, depth: int, inside: frozenset[str]
) -> None:
    if selected is None:
        return
    if depth > LIMITS.max_depth or len(inside) > LIMITS.max_depth:
        raise _too_complex(f"is nested deeper than {LIMITS.max_depth} levels")
    for each in selected.selections:
        size.directives += len(each.directives or ())
        if isinstance(each, FieldNode):
            if each.name.value in {"__schema", "__type"}:
                continue  # tools that introspect nest deeper than any other query needs to
            size.fields += 1
            size.aliases += each.alias is not None
            _check(size)
            _measure(each.selection_set, fragments, size, depth=depth + 1, inside=inside)
        elif isinstance(each, FragmentSpreadNode):
            name = each.name.value
            if name in fragments and name not in inside:
                _check(size)
                _measure(fragments[name].selection_set, fragments, size, depth=depth, inside=inside | {name})
        else:
            _check(size)
            _measure(getattr(each, "selection_set", None), fragments, size, depth=depth, inside=inside)


def _check(size: _Size) -> None:
    if size.aliases > LIMITS.max_aliases:
        raise _too_complex(f"has more than {LIMITS.max_aliases} aliases")
    if size.directives > LIMITS.max_directives:
        raise _too_complex(f"has more than {LIMITS.max_directives} directives")
    if size.fields > LIMITS.max_fields:
        raise _too_complex(f"has more than {LIMITS.max_fields} fields")


def _too_complex(problem: str) -> ApiError:
    return ApiError(f"The operation {problem}. Ask for less, or in several operations.", code=Code.QUERY_TOO_COMPLEX)
