"""What happens to every operation around its resolvers: judged before, given the state of the moment, its errors coded after."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any, cast

from graphql import FragmentDefinitionNode, GraphQLError, GraphQLSyntaxError, OperationDefinitionNode
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import ParseOptions

from partita.api.context import Context
from partita.api.cost import Costs
from partita.api.documents import Documents
from partita.api.errors import ApiError, Code
from partita.api.limits import LIMITS
from partita.errors import RequestError

logger = logging.getLogger(__name__)


class Judgement(SchemaExtension):
    """Parses and validates through the kept documents, checks the cost, and begins the context."""

    def on_parse(self) -> Iterator[None]:
        """Take the document from those that are kept; strawberry parses again, and tells, what cannot be parsed."""
        execution = self.execution_context
        execution.parse_options = ParseOptions(max_tokens=LIMITS.max_tokens)
        with suppress(GraphQLError):
            execution.graphql_document = self._documents.judge(execution.query).document if execution.query else None
        yield

    def on_validate(self) -> Iterator[None]:
        """Take what is wrong with it from there, too; what it costs depends on its variables."""
        execution = self.execution_context
        errors: list[GraphQLError] = list(self._documents.judge(execution.query or "").errors)
        execution.pre_execution_errors = errors or self._choice_errors() or self._cost_errors()
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        """Give the operation the state of this moment, and only so much time; a subscription only has to begin in it."""
        self._context.deadline = asyncio.get_running_loop().time() + LIMITS.max_seconds
        async with asyncio.timeout_at(self._context.deadline):
            await self._context.begin()
            yield

    @property
    def _documents(self) -> Documents:
        return cast("Any", self.execution_context.schema).documents  # type: ignore[no-any-return]

    @property
    def _context(self) -> Context:
        context: Context = self.execution_context.context
        return context

    def _choice_errors(self) -> list[GraphQLError]:
        """Strawberry takes the first of several operations when none is named; the specification wants a refusal."""
        execution = self.execution_context
        is_named = execution._provided_operation_name is not None  # noqa: SLF001 (its public name tells the first operation's)
        if is_named or len(_operations(execution)) == 1:
            return []
        return [ApiError("The document holds several operations: say in `operationName` which one is meant.", code=Code.OPERATION_RESOLUTION_FAILURE)]

    def _cost_errors(self) -> list[GraphQLError]:
        execution = self.execution_context
        operation = _chosen(execution)
        assert execution.graphql_document is not None
        fragments = {each.name.value: each for each in execution.graphql_document.definitions if isinstance(each, FragmentDefinitionNode)}
        graph = cast("Any", execution.schema).graph
        cost = self._context.cost = Costs(graph, fragments, execution.variables or {}).of(operation)
        if cost <= LIMITS.max_cost:
            return []
        message = f"The operation would cost {cost}; at most {LIMITS.max_cost} is allowed. Ask for smaller pages, or for less of each item."
        return [ApiError(message, code=Code.QUERY_TOO_COMPLEX)]


def _chosen(execution: Any) -> OperationDefinitionNode:
    """The operation that is to be executed; that there is one has been checked before."""
    name = execution.operation_name
    return next(each for each in _operations(execution) if name is None or (each.name is not None and each.name.value == name))


def _operations(execution: Any) -> list[OperationDefinitionNode]:
    return [each for each in execution.graphql_document.definitions if isinstance(each, OperationDefinitionNode)]


def finished(result: ExecutionResult, context: Context) -> ExecutionResult:
    """`result` as the caller gets it: every error coded, what no caller should see masked and logged."""
    if result.errors:
        result.errors = [coded(error, context) for error in result.errors]
    if context.wants_cost and context.cost is not None:
        result.extensions = {**(result.extensions or {}), "cost": {"requested": context.cost, "limit": LIMITS.max_cost}}
    return result


def coded(error: GraphQLError, context: Context) -> GraphQLError:
    """An error with a code of the closed list."""
    cause = error.original_error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    code = _code_of(error, cause)
    if code is Code.INTERNAL_SERVER_ERROR:
        logger.error("operation failed", extra={"request_id": context.request_id}, exc_info=cause)
        return GraphQLError(
            "Something went wrong here. The server's log says what, under the request id.",
            nodes=error.nodes,
            path=error.path,
            extensions={"code": code.value, "requestId": context.request_id},
        )
    message = cause.message if isinstance(cause, RequestError) else error.message
    if code is Code.TIMEOUT:
        message = f"The operation took longer than {LIMITS.max_seconds:g} s."
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={**(error.extensions or {}), "code": code.value},
    )


def _code_of(error: GraphQLError, cause: BaseException | None) -> Code:
    given = (error.extensions or {}).get("code")
    if isinstance(given, str) and given in Code.__members__:
        return Code(given)
    match cause:
        case CannotGetOperationTypeError() | InvalidOperationTypeError() | MissingQueryError():
            return Code.OPERATION_RESOLUTION_FAILURE
        case RequestError():
            return Code.BAD_USER_INPUT
        case TimeoutError():
            return Code.TIMEOUT
        case None | GraphQLError():
            return Code.GRAPHQL_PARSE_FAILED if isinstance(error, GraphQLSyntaxError) else Code.BAD_USER_INPUT
        case _:
            return Code.INTERNAL_SERVER_ERROR
