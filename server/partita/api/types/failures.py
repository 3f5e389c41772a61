"""A Python exception as data."""

import strawberry

from partita.api.types.fields import PYTHON_ERROR, maybe, shown


@strawberry.type(description="A Python exception as data: a failed step or load is a result, not an error of the API.")
class PythonError:
    """A Python exception as data."""

    class_name: str = shown("Name of the exception's class.")
    message: str = shown("The exception's message; very long ones are cut.")
    stack: list[str] = shown("Formatted frames, outermost first; those of very deep stacks are cut in the middle.")
    cause: str = shown("The exception that led to this one; null when there was none.", type=maybe(PYTHON_ERROR))
