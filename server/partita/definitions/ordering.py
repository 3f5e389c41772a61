"""An order for what has none: the items of a set come differently in every process, and what is published of them may not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def in_order(items: Iterable[T], *, of: object) -> list[T]:
    """`items`, made of those of `of`, as they come; sorted where that is a set."""
    listed: list[Any] = list(items)
    if not isinstance(of, (set, frozenset)):
        return listed
    try:
        return sorted(listed)
    except TypeError:  # of several kinds, or of one that has no order
        return sorted(listed, key=repr)
