"""Documents are judged by their size before anything else looks at them, and by their cost before they run."""

from __future__ import annotations

import pytest
from graphql import FragmentDefinitionNode, GraphQLError, OperationDefinitionNode, parse

from partita.api.cost import Costs
from partita.api.documents import Documents
from partita.api.errors import Code
from partita.api.limits import LIMITS
from partita.api.schema import schema

DOCUMENTS = Documents(schema.graph)


def codes(text: str) -> list[str]:
    return [error.extensions["code"] for error in DOCUMENTS.judge(text).errors if error.extensions]


def cost(text: str, **variables: object) -> int:
    document = parse(text)
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    [operation] = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    return Costs(schema.graph, fragments, variables).of(operation)


def bomb(levels: int) -> str:
    """A small document whose fragments multiply to a large one."""
    parts = ["query { server { ...f0 } }"]
    parts += [f"fragment f{n} on Server {{ ...f{n + 1} ...f{n + 1} ...f{n + 1} ...f{n + 1} }}" for n in range(levels)]
    return " ".join([*parts, f"fragment f{levels} on Server {{ version startedAt }}"])


@pytest.mark.parametrize(
    "text",
    [
        "{ " + 'asset(key: "a") { upstream ' * 1 + "{ upstream " * 14 + "{ key }" + " }" * 15 + " }",
        "{ " + " ".join(f"a{n}: server {{ version }}" for n in range(LIMITS.max_root_fields + 1)) + " }",
        "{ server { " + " ".join(f"a{n}: version" for n in range(LIMITS.max_aliases + 1)) + " } }",
        "{ server { version " + "@include(if: true) " * (LIMITS.max_directives + 1) + "} }",
        "{ server { " + "version " * (LIMITS.max_fields + 1) + "} }",
        bomb(11),
    ],
    ids=["deep", "root fields", "aliases", "directives", "fields", "fragment bomb"],
)
def test_an_operation_that_is_too_large_is_refused(text: str) -> None:
    assert codes(text) == [Code.QUERY_TOO_COMPLEX]


def test_a_document_of_too_many_tokens_is_not_even_parsed() -> None:
    with pytest.raises(GraphQLError, match="tokens"):
        DOCUMENTS.judge("{ server { " + "version " * LIMITS.max_tokens + "} }")


def test_introspection_may_nest_as_deep_as_tools_do() -> None:
    nested = "fields { type { ofType { ofType { ofType { ofType { ofType { ofType { ofType { ofType { ofType { name } } } } } } } } } } }"

    assert codes(f"{{ __schema {{ types {{ {nested} }} }} }}") == []


def test_fragments_that_use_each_other_in_a_circle_are_an_ordinary_mistake() -> None:
    assert Code.GRAPHQL_VALIDATION_FAILED in codes("{ server { ...a } } fragment a on Server { ...b } fragment b on Server { ...a }")


def test_only_so_many_mistakes_are_told() -> None:
    assert len(codes("{ " + " ".join(f"wrong{n}" for n in range(15)) + " }")) == LIMITS.max_errors + 1


def test_a_document_is_judged_once() -> None:
    text = "{ server { version } }"

    assert DOCUMENTS.judge(text) is DOCUMENTS.judge(text)


def test_a_mistake_is_told_with_the_nearest_name() -> None:
    [error] = DOCUMENTS.judge("{ server { versoin } }").errors

    assert "version" in error.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ server { version } }", 1),
        ("{ runs { nodes { id } } }", 1 + 50),
        ("{ runs(first: 10) { nodes { id } } }", 1 + 10),
        ("{ runs(last: 10) { edges { cursor node { id } } } }", 1 + 10 * 2),
        ("{ runs(first: 10) { totalCount } }", 1 + 10),
        ("{ runs(first: 10) { nodes { id steps { key } } } }", 1 + 10 * (1 + 10)),
        ('{ asset(key: "a") { upstream { key } } }', 1 + 10),
        ('{ run(id: "r") { log(stepKey: "s", stream: STDOUT) { text } } }', 1 + 20 + 1),
        ("{ runs(first: 10) { ...page } } fragment page on RunConnection { nodes { id } pageInfo { endCursor } }", 1 + 10 + 1),
        ('{ run(id: "r") { events(first: 100) { nodes { ... on StepEvent { error { message } } } } } }', 1 + 1 + 100 * 2),
        ("{ __schema { types { name } } }", 0),
    ],
)
def test_an_object_costs_one_times_the_pages_it_is_in(text: str, expected: int) -> None:
    assert cost(text) == expected


def test_a_page_size_may_be_a_variable() -> None:
    assert cost("query($n: Int) { runs(first: $n) { nodes { id } } }", n=7) == 8


def test_a_page_size_that_is_left_out_is_the_default_one() -> None:
    assert cost("query($n: Int) { runs(first: $n) { nodes { id } } }") == 51


def test_the_workspace_with_its_jobs_and_their_graphs_may_be_asked_at_once() -> None:
    graph = "graph { nodes { handle } edges { fromHandle toHandle } }"

    asked = cost("{ workspace { codeLocations { name repositories { name jobs { nodes { name %s } } } } } }" % graph)  # noqa: UP031 (braces)

    assert asked <= LIMITS.max_cost
