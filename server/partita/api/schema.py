"""The schema: the product's contract, built once in a process."""

from __future__ import annotations

from contextlib import aclosing
from functools import cached_property
from hashlib import sha256
from typing import Any

import strawberry
from graphql import GraphQLEnumType, GraphQLError, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, Undefined
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StreamResult
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.graphql import OperationType

from partita.api.context import Context
from partita.api.documents import Documents
from partita.api.executor import ListExecutor
from partita.api.mutations.root import Mutation
from partita.api.operations import Judgement, finished
from partita.api.queries import Query
from partita.api.scalars import SCALARS
from partita.api.subscriptions.root import Subscription
from partita.api.types.assets import Asset
from partita.api.types.automations import Schedule, Sensor
from partita.api.types.backfills import Backfill
from partita.api.types.checks import AssetCheck
from partita.api.types.conditions import ConditionEvaluation
from partita.api.types.events import EVENT_TYPES
from partita.api.types.jobs import Job
from partita.api.types.materializations import Materialization
from partita.api.types.observations import Observation
from partita.api.types.problems import PROBLEM_TYPES
from partita.api.types.runs import Run
from partita.api.types.ticks import Tick
from partita.api.types.workspace import CodeLocation, Repository

QUERY_OR_MUTATION = {OperationType.QUERY, OperationType.MUTATION}

NODE_TYPES: tuple[type, ...] = (
    Asset,
    AssetCheck,
    Backfill,
    CodeLocation,
    ConditionEvaluation,
    Job,
    Materialization,
    Observation,
    Repository,
    Run,
    Schedule,
    Sensor,
    Tick,
)
"""Everything that `Query.node` can find."""


class Schema(strawberry.Schema):
    """The schema, and how operations on it end: in time, with every error coded."""

    @cached_property
    def schema_hash(self) -> str:
        """Changes whenever the schema does."""
        return sha256(self.as_str().encode()).hexdigest()[:16]

    @property
    def graph(self) -> GraphQLSchema:
        """The schema as graphql-core knows it."""
        return self._schema

    @cached_property
    def documents(self) -> Documents:
        """Documents that were sent before."""
        return Documents(self.graph)

    async def execute(self, *args: Any, **given: Any) -> ExecutionResult:
        """The result of a query or mutation."""
        allowed = given.get("allowed_operation_types") or QUERY_OR_MUTATION
        given["allowed_operation_types"] = set(allowed) & QUERY_OR_MUTATION
        return finished(await super().execute(*args, **given), given["context_value"])

    async def stream(self, *args: Any, **given: Any) -> StreamResult:
        """The results of an operation over a WebSocket: one of a query or mutation, any number of a subscription."""
        context: Context = given["context_value"].for_operation()  # operations of one socket run side by side
        return self._finished(await super().stream(*args, **{**given, "context_value": context}), context)

    async def _finished(self, results: StreamResult, context: Context) -> StreamResult:
        async with aclosing(results):
            async for result in results:
                yield finished(result, context) if isinstance(result, ExecutionResult) else result

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: errors are logged where they are coded, and those of callers not at all."""


def _build() -> Schema:
    made = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=[Judgement],
        execution_context_class=ListExecutor,
        types=[*NODE_TYPES, *EVENT_TYPES, *PROBLEM_TYPES],
        config=StrawberryConfig(sort_schema=True, scalar_map=SCALARS),
    )
    _leave_out_null_defaults(made.graph)
    _give_enums_their_members(made.graph)
    return made


def _give_enums_their_members(graph: GraphQLSchema) -> None:
    """Resolvers get members of our enums; sorting a schema leaves only their plain values."""
    for each in graph.type_map.values():
        definition = each.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
        if isinstance(each, GraphQLEnumType) and isinstance(definition, StrawberryEnumDefinition):
            for value in each.values.values():
                value.value = definition.wrapped_cls(value.value)


def _leave_out_null_defaults(graph: GraphQLSchema) -> None:
    """Leaving an argument out says what `= null` says, and some tools stumble over the latter."""
    for each in graph.type_map.values():
        match each:
            case GraphQLInputObjectType():
                arguments = list(each.fields.values())
            case GraphQLObjectType() | GraphQLInterfaceType():
                arguments = [argument for field in each.fields.values() for argument in field.args.values()]
            case _:
                continue
        for argument in arguments:
            if argument.default_value is None:
                argument.default_value = Undefined


schema = _build()


def print_schema() -> str:
    """The schema in the schema language, as it is committed."""
    return schema.as_str().rstrip() + "\n"
