"""Pages of lists as the schema shows them: what a caller may ask for, and keyset cursors over lists in memory."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Malformed
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec

from partita.api.errors import ApiError
from partita.records.pages import Page, PageRequest

T = TypeVar("T")

DEFAULT_PAGE = 50
MAX_PAGE = 500
MAX_EVENTS = 1000

Counts = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEdge(Generic[T]):
    """One item of a page and its cursor."""

    cursor: str
    node: T


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPage(Generic[T]):
    """The value behind a connection. `count` is asked only when `totalCount` is."""

    page: Page[T]
    count: Counts

    @property
    def edges(self) -> list[ShownEdge[T]]:
        """Items with their cursors."""
        return [ShownEdge(cursor=cursor, node=item) for cursor, item in zip(self.page.cursors, self.page.items, strict=True)]

    @property
    def start_cursor(self) -> str | None:
        """Cursor of the first item."""
        return self.page.cursors[0] if self.page.cursors else None

    @property
    def end_cursor(self) -> str | None:
        """Cursor of the last item."""
        return self.page.cursors[-1] if self.page.cursors else None


def page_request(*, first: int | None, after: str | None, last: int | None = None, before: str | None = None, most: int = MAX_PAGE) -> PageRequest:
    """The page that a caller asks for.

    Raises:
        ApiError: both ends at once, a size outside 0 to `most`, or a cursor of absurd length.
    """
    if first is not None and last is not None:
        raise ApiError("Give `first` or `last`, not both.")
    if first is not None and before is not None:
        raise ApiError("`before` goes with `last`, not with `first`.")
    if last is not None and after is not None:
        raise ApiError("`after` goes with `first`, not with `last`.")
    for name, size in (("first", first), ("last", last)):
        if size is not None and not 0 <= size <= most:
            raise ApiError(f"`{name}` must be between 0 and {most}, not {size}.")
    for name, cursor in (("after", after), ("before", before)):
        if cursor is not None and len(cursor) > 500:
            raise ApiError(f"`{name}` is not a cursor of this list.")
    is_tail = last is not None or (before is not None and first is None)
    if is_tail:
        return PageRequest(first=None, last=DEFAULT_PAGE if last is None else last, before=before)
    return PageRequest(first=DEFAULT_PAGE if first is None else first, after=after)


def encode_cursor(key: Sequence[Any]) -> str:
    """The cursor of an item with this sort key."""
    return urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def decode_cursor(cursor: str, like: Sequence[Any] | None) -> tuple[Any, ...]:
    """The sort key that a cursor stands for; `like` is the sort key of any item of the list.

    Raises:
        ApiError: it is no cursor of such a list.
    """
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        key = msgspec.json.decode(raw, type=list[Any])
    except (Malformed, ValueError, msgspec.MsgspecError):
        raise ApiError(f"{cursor[:60]!r} is not a cursor of this list.") from None
    if like is not None and [type(part) for part in key] != [type(part) for part in like]:
        raise ApiError(f"{cursor[:60]!r} is not a cursor of this list.")
    return tuple(key)


def page_of(items: Sequence[T], request: PageRequest, *, key: Callable[[T], tuple[Any, ...]]) -> Page[T]:
    """A page of `items`, which are sorted by `key`; keys are unique and made of JSON values."""
    keys = [key(item) for item in items]
    like = keys[0] if keys else None
    start, stop = 0, len(items)
    if request.after is not None:
        start = bisect_right(keys, decode_cursor(request.after, like))
    if request.before is not None:
        stop = bisect_left(keys, decode_cursor(request.before, like))
    if request.last is not None:
        start = max(start, stop - request.last)
    elif request.first is not None:
        stop = min(stop, start + request.first)
    stop = max(start, stop)
    return Page(
        items=list(items[start:stop]),
        cursors=[encode_cursor(each) for each in keys[start:stop]],
        has_next=stop < len(items),
        has_previous=start > 0,
    )


def page_backwards(items: Sequence[T], request: PageRequest, *, key: Callable[[T], tuple[Any, ...]]) -> Page[T]:
    """A page of the same list read from its end; `items` are sorted by `key` all the same."""
    turned = PageRequest(first=request.last, after=request.before, last=request.first, before=request.after)
    page = page_of(items, turned, key=key)
    return Page(items=page.items[::-1], cursors=page.cursors[::-1], has_next=page.has_previous, has_previous=page.has_next)


def counted(total: int) -> Counts:
    """A count that is known already."""

    async def count() -> int:
        return total

    return count
