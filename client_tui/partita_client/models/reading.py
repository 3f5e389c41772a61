"""From the JSON of an answer to its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from partita_client.errors import UnexpectedAnswerError
from partita_client.models.generated import types
from partita_client.models.requests import Request

T = TypeVar("T")


def read(request: Request[T], data: Mapping[str, Any]) -> T:
    """The answer to a request as what it is.

    Raises:
        UnexpectedAnswerError: it is not what the schema promised.
    """
    answer: Any = data
    if request.kind == "raw":
        return answer  # type: ignore[no-any-return]  # T is a dict here
    try:
        return getattr(types, request.name).model_validate(data)  # type: ignore[no-any-return]  # the model of T has the operation's name
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnexpectedAnswerError(request.name, f"{where}: {first['msg']}") from error
