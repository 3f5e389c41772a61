"""Resources: typed settings and connections that functions ask for by parameter name."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated, Any, ClassVar, TypeVar

from partita.definitions.config import Model
from partita.definitions.context import Role
from partita.definitions.signatures import PROVIDED

T = TypeVar("T")

Provided = Annotated[T, PROVIDED]
"""A parameter that takes a plain object from the repository's `resources`: `client: pt.Provided[httpx.Client]`."""


class Resource(Model):
    """Settings of something outside, and how it is opened and closed.

    Fields are pydantic fields; a value may be `pt.EnvVar("NAME")`, which is read when a run begins and never shown.

    Example:
        ```python
        class Warehouse(pt.Resource):
            path: str

            @contextmanager
            def lifespan(self, context):
                with duckdb.connect(self.path) as connection:
                    yield connection
        ```
    """

    __partita_role__: ClassVar[Role] = "resource"

    def lifespan(self, context: Any) -> Any:  # noqa: ARG002 (for those who override it)
        """A context manager, plain or async, of what functions receive between opening and closing; the resource itself unless overridden."""
        return nullcontext(self)
