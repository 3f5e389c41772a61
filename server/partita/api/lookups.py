"""What queries look up by the names that people use."""

from __future__ import annotations

from typing import Any, TypeVar

from partita.api.automations import ScheduleEntry, SensorEntry
from partita.api.context import Context
from partita.api.errors import ApiError
from partita.api.pages import MAX_PAGE
from partita.errors import AmbiguousNameError, NotFoundError

A = TypeVar("A", ScheduleEntry, SensorEntry)


def find_automation(context: Context, name: str, kind: type[A]) -> A | None:
    """A schedule or sensor by its name or id; None when there is none.

    Raises:
        ApiError: several are called so.
    """
    try:
        found: Any = context.definitions.automations.find(name, kind=kind)
    except NotFoundError:
        return None
    except AmbiguousNameError as error:
        raise ApiError(error.message) from None
    return found  # type: ignore[no-any-return]  # it is of the kind that was asked for


async def keys_of_set(context: Context, name: str, *, first: int, after: str | None) -> list[str]:
    """A part of the keys of a dynamic set.

    Raises:
        ApiError: nothing is cut by such a set, a size out of range, or a key that the set does not have.
    """
    if not 0 <= first <= MAX_PAGE:
        raise ApiError(f"`first` must be between 0 and {MAX_PAGE}, not {first}.")
    keys = await context.read(lambda: context.store.partitions.keys(name))
    known = context.definitions.entries.dynamic_sets
    if not keys and name not in known:
        raise ApiError(NotFoundError("set of dynamic partitions", name[:100], known).message)
    if after is None:
        return list(keys[:first])
    if after not in keys:
        raise ApiError(f"`after`: the set {name[:100]!r} has no key {after[:100]!r}.")
    start = keys.index(after) + 1
    return list(keys[start : start + first])
