"""The schema keeps the rules that make it a contract."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    build_schema,
    get_named_type,
    is_specified_scalar_type,
)

from partita.api.limits import LIMITS
from partita.api.schema import print_schema, schema

SCHEMA: GraphQLSchema = schema.graph
COMMITTED = Path(__file__).parents[3] / "schema.graphql"


def own_types() -> list[GraphQLNamedType]:
    return [each for each in SCHEMA.type_map.values() if not each.name.startswith("__") and not is_specified_scalar_type(each)]


def fields(kinds: tuple[type, ...] = (GraphQLObjectType, GraphQLInterfaceType)) -> Iterator[tuple[str, str, Any]]:
    for each in own_types():
        if isinstance(each, kinds):
            for name, field in each.fields.items():  # type: ignore[attr-defined]
                yield each.name, name, field


def inputs() -> Iterator[tuple[str, str, Any]]:
    yield from fields((GraphQLInputObjectType,))


def arguments() -> Iterator[tuple[str, GraphQLArgument]]:
    for owner, name, field in fields():
        for argument, definition in field.args.items():
            yield f"{owner}.{name}({argument})", definition


def described() -> Iterator[tuple[str, str | None]]:
    for each in own_types():
        yield each.name, each.description
        if isinstance(each, GraphQLEnumType):
            yield from ((f"{each.name}.{value}", definition.description) for value, definition in each.values.items())
    for owner, name, field in [*fields(), *inputs()]:
        yield f"{owner}.{name}", field.description
    yield from ((place, argument.description) for place, argument in arguments())


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    assert COMMITTED.read_text() == print_schema(), "Run `make schema` and look at what changed."


def test_the_committed_schema_can_be_read_by_any_tool() -> None:
    assert build_schema(COMMITTED.read_text()).query_type is not None


def test_everything_is_described_by_a_sentence() -> None:
    wrong = [place for place, text in described() if not text or (not text[0].isupper() and text[0] not in "1`") or not text.rstrip().endswith(".")]

    assert not wrong


def test_names_follow_the_conventions() -> None:
    wrong = [name for each in own_types() if not re.fullmatch(r"[A-Z][A-Za-z]+", name := each.name)]
    wrong += [f"{owner}.{name}" for owner, name, _ in [*fields(), *inputs()] if not re.fullmatch(r"[a-z][A-Za-z]*", name)]
    wrong += [place for place, _ in arguments() if not re.search(r"\([a-z][A-Za-z]*\)$", place)]
    wrong += [f"{each.name}.{value}" for each in own_types() if isinstance(each, GraphQLEnumType) for value in each.values if value != value.upper()]
    wrong += [f"{owner}.{name}" for owner, name, _ in fields() if re.match(r"(get|list|fetch)[A-Z]", name)]

    assert not wrong


def test_an_instant_ends_in_at_and_a_truth_value_says_is_has_or_can() -> None:
    words = {"passed", "checksPassed"}
    wrong = []
    for owner, name, field in fields():
        kind = get_named_type(field.type).name
        if kind == "DateTime" and name not in {"at", "upcomingTicks"} and not name.endswith("At"):
            wrong.append(f"{owner}.{name}")
        if kind == "Boolean" and not re.match(r"(is|has|can)[A-Z]", name) and name not in words:
            wrong.append(f"{owner}.{name}")

    assert not wrong


def test_most_fields_never_are_null() -> None:
    all_fields = [field for _, _, field in fields((GraphQLObjectType,))]
    share = sum(isinstance(field.type, GraphQLNonNull) for field in all_fields) / len(all_fields)

    assert 0.65 <= share <= 0.85


def test_lists_and_connections_are_never_null_and_hold_no_nulls() -> None:
    may_be_null = {"Query.nodes", "RunPartitions.range", "MutationError.path"}
    wrong = []
    for owner, name, field in fields():
        place = f"{owner}.{name}"
        text = str(field.type)
        if "[" in text and not text.endswith("!]!") and place not in may_be_null and name != "path":
            wrong.append(place)
        if text.rstrip("!").endswith("Connection") and not text.endswith("!"):
            wrong.append(place)

    assert not wrong


def test_every_connection_has_the_same_shape_and_arguments() -> None:
    wrong = []
    for owner, name, field in fields():
        kind = get_named_type(field.type)
        if not kind.name.endswith("Connection"):
            continue
        assert isinstance(kind, GraphQLObjectType)
        node = kind.name.removesuffix("Connection")
        shape = {each: str(definition.type) for each, definition in kind.fields.items()}
        assert shape == {"edges": f"[{node}Edge!]!", "nodes": f"[{node}!]!", "pageInfo": "PageInfo!", "totalCount": "Int!"}
        taken = {each: str(argument.type) for each, argument in field.args.items()}
        if taken.get("first") != "Int" or taken.get("after") != "String" or ("last" in taken) is not ("before" in taken):
            wrong.append(f"{owner}.{name}")

    assert not wrong


def test_whatever_can_be_fetched_again_is_a_node() -> None:
    node = SCHEMA.get_type("Node")
    assert isinstance(node, GraphQLInterfaceType)
    nodes = {each.name for each in SCHEMA.get_possible_types(node)}
    with_id = {owner for owner, name, field in fields((GraphQLObjectType,)) if name == "id" and str(field.type) == "ID!"}

    definitions = {"Asset", "AssetCheck", "CodeLocation", "Job", "Repository", "Schedule", "Sensor"}
    assert nodes == with_id == definitions | {"Alert", "Backfill", "ConditionEvaluation", "Materialization", "Observation", "Run", "Tick"}


def test_a_mutation_takes_one_input_and_answers_with_a_payload_that_carries_errors() -> None:
    assert SCHEMA.mutation_type is not None
    for name, field in SCHEMA.mutation_type.fields.items():
        verb = name[0].upper() + name[1:]
        payload = get_named_type(field.type)
        assert {each: str(argument.type) for each, argument in field.args.items()} == {"input": f"{verb}Input!"}
        assert isinstance(field.type, GraphQLNonNull)
        assert isinstance(payload, GraphQLObjectType)
        assert payload.name.endswith("Payload")
        assert str(payload.fields["errors"].type) == "[MutationError!]!"


def test_whatever_launches_or_records_takes_an_idempotency_key() -> None:
    launching = {"LaunchRunInput", "MaterializeAssetsInput", "ReportAssetEventInput", "RetryRunInput", "StartBackfillInput"}
    # a backfill is retried in place: while it runs, a second `retryBackfill` is a CONFLICT

    assert launching == {owner for owner, name, _ in inputs() if name == "idempotencyKey"}


def test_a_subscription_can_be_resumed() -> None:
    assert SCHEMA.subscription_type is not None
    for field in SCHEMA.subscription_type.fields.values():
        item = get_named_type(field.type)
        assert isinstance(item, GraphQLObjectType)
        assert str(field.args["after"].type) == "String"
        assert str(item.fields["cursor"].type) == "String!"


def test_an_event_has_what_every_event_has() -> None:
    interface = SCHEMA.get_type("RunEvent")
    assert isinstance(interface, GraphQLInterfaceType)

    assert len(SCHEMA.get_possible_types(interface)) == 8
    assert set(interface.fields) == {"attempt", "at", "cursor", "level", "message", "runId", "stepKey"}


def test_scalars_say_where_they_are_specified() -> None:
    scalars = [each for each in own_types() if isinstance(each, GraphQLScalarType)]

    assert {each.name for each in scalars} == {"DateTime", "Duration", "JSON", "Long"}
    assert all(each.specified_by_url for each in scalars)


def test_nothing_has_null_for_a_default_nor_json_any_default() -> None:
    defaults = [(place, argument) for place, argument in arguments()] + [(f"{owner}.{name}", field) for owner, name, field in inputs()]
    wrong = [place for place, each in defaults if each.default_value is None]
    wrong += [place for place, each in defaults if get_named_type(each.type).name == "JSON" and each.default_value is not Undefined]

    assert not wrong


def test_a_deprecated_field_says_until_when_it_stays() -> None:
    deprecated = [field.deprecation_reason for _, _, field in [*fields(), *inputs()] if field.deprecation_reason]

    assert all(re.search(r"Removed after \d{4}-\d\d-\d\d", reason) for reason in deprecated)


def test_the_limits_are_those_that_are_enforced() -> None:
    limits = SCHEMA.get_type("Limits")
    assert isinstance(limits, GraphQLObjectType)
    for name in limits.fields:
        attribute = re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
        assert isinstance(getattr(LIMITS, attribute), int)


@pytest.mark.parametrize("kind", ["Job", "Asset", "OpDefinition"])
def test_definitions_share_an_interface(kind: str) -> None:
    made = SCHEMA.get_type(kind)
    assert isinstance(made, GraphQLObjectType)

    assert "Definition" in {each.name for each in made.interfaces}
    assert isinstance(made.fields["sourceLocation"], GraphQLField)


def test_the_hash_tells_schemas_apart_and_stays() -> None:
    assert schema.schema_hash == schema.schema_hash
    assert re.fullmatch(r"[0-9a-f]{16}", schema.schema_hash)
