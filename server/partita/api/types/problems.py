"""What stopped a mutation: one interface, and a type for each kind of detail."""

from typing import Any

import strawberry
from graphql import GraphQLAbstractType, GraphQLResolveInfo

from partita.api.problems import Problem
from partita.api.scalars import JSON
from partita.api.types.enums import MutationErrorCode
from partita.api.types.failures import PythonError
from partita.api.types.fields import RUN, TICK, maybe, shown
from partita.records import runs, ticks


@strawberry.interface(
    name="MutationError", description="One thing that stopped a mutation. Select code, message and path always; spread for the rest."
)
class Obstacle:
    """One thing that stopped a mutation."""

    code: MutationErrorCode = shown("What sort of thing it is.")
    message: str = shown("What is wrong, where, and what to do, for people.")
    path: list[str] | None = shown("Where in the input it is, from the outside in; null when it is no single place.")

    @classmethod
    def resolve_type(cls, value: Problem, _info: GraphQLResolveInfo[Any], _abstract: GraphQLAbstractType) -> str:
        """Name of the type that shows the problem."""
        return value.type_name

    @classmethod
    def is_type_of(cls, value: object, _info: GraphQLResolveInfo[Any]) -> bool:
        """Every problem is one; which one `resolve_type` has said."""
        return isinstance(value, Problem)


@strawberry.type(description="Something that the input names does not exist.")
class NotFound(Obstacle):
    """Something that the input names does not exist."""

    id: strawberry.ID | None = shown("The id or name that was given.", "subject")
    suggestions: list[str] = shown("Names that exist and are close to it.")


@strawberry.type(description="The request collides with what already happened.")
class Conflict(Obstacle):
    """The request collides with what already happened."""

    run: runs.Run | None = shown("The run that it collides with; null when it is none.", type=maybe(RUN))


@strawberry.type(description="The input contradicts itself or what is defined.")
class InvalidInput(Obstacle):
    """The input contradicts itself or what is defined."""


@strawberry.type(description="A value of the run config is not what its schema asks for.")
class RunConfigInvalid(Obstacle):
    """A value of the run config is not what its schema asks for."""

    expected: JSON | None = shown("The JSON Schema of the place that is wrong; null when there should be nothing.")
    suggestions: list[str] = shown("Names that exist there and are close to the one that was given.")


@strawberry.type(description="The code location has never loaded, so nothing of it can run.")
class CodeLocationUnavailable(Obstacle):
    """The code location has never loaded."""

    error: PythonError | None = shown("Why it did not load; null when it is still being loaded or no worker serves it.")


@strawberry.type(description="What was asked for takes longer than one operation may; it goes on.")
class NotEnded(Obstacle):
    """What was asked for goes on."""

    tick: ticks.Tick | None = shown("The tick that goes on; follow it with `ticks`, or look at it by its id.", type=maybe(TICK))


PROBLEM_TYPES: tuple[type, ...] = (NotFound, Conflict, InvalidInput, RunConfigInvalid, CodeLocationUnavailable, NotEnded)
"""Every type of problem; the schema finds them by this list only."""
