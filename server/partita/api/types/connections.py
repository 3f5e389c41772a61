"""Connections: pages of lists, with a cursor for every item."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from partita.api.pages import DEFAULT_PAGE, MAX_PAGE, ShownPage, page_request
from partita.api.types.fields import resolved, resolver_of, shown

T = TypeVar("T")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool = shown("Whether items follow after this page.", "page.has_next")
    has_previous_page: bool = shown("Whether items stand before this page.", "page.has_previous")
    start_cursor: str | None = shown("Cursor of the first item; null when the page is empty.")
    end_cursor: str | None = shown("Cursor of the last item; null when the page is empty.")


@strawberry.type(description="An item of a list and its place there.")
class Edge(Generic[T]):
    """An item of a list and its place there."""

    cursor: str = shown("Resumes the list after, or before, this item.")
    node: T = shown("The item itself.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    """A page of a list."""

    edges: list[Edge[T]] = shown("The items of this page with their cursors.")
    nodes: list[T] = shown("The items of this page.", "page.items")

    @resolved("Where this page stands in the list.", type=PageInfo)
    @staticmethod
    def page_info(page: strawberry.Parent[ShownPage[Any]]) -> ShownPage[Any]:
        """The page knows its own place."""
        return page

    @resolved("How many items the whole list has; counted only when asked for.")
    @staticmethod
    async def total_count(page: strawberry.Parent[ShownPage[Any]]) -> int:
        """Count the list."""
        return await page.count()


class Paging(FieldExtension):
    """Gives a field the arguments of a page, and its resolver the page that they ask for, as `page`."""

    def __init__(self, *, most: int, has_tail: bool) -> None:
        self.most, self.has_tail = most, has_tail

    def apply(self, field: StrawberryField) -> None:
        """Add the arguments in place of the resolver's `page`."""
        field.arguments = [
            *self._arguments(),
            *(each for each in field.arguments if each.python_name != "page"),
        ]

    def _arguments(self) -> list[StrawberryArgument]:
        most = f"{DEFAULT_PAGE} when left out, at most {self.most:,}"
        made = [
            _argument("first", int, f"How many items at most, from the start or after `after`; {most}."),
            _argument("after", str, "Cursor of the item that the page follows."),
        ]
        if self.has_tail:
            made += [
                _argument("last", int, f"How many items at most, from the end or before `before`; {most}."),
                _argument("before", str, "Cursor of the item that the page precedes."),
            ]
        return made

    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        """Ask the resolver for the page."""
        asked = {name: kwargs.pop(name, None) for name in ("first", "after", "last", "before")}
        return next_(source, info, page=page_request(**asked, most=self.most), **kwargs)

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        """Ask the resolver for the page."""
        return await self.resolve(next_, source, info, **kwargs)


def _argument(name: str, of: type, description: str) -> StrawberryArgument:
    annotation = StrawberryAnnotation(of | None)
    return StrawberryArgument(python_name=name, graphql_name=None, type_annotation=annotation, description=description, default=None)


def paged(description: str, type: Any, *, has_tail: bool = False, most: int = MAX_PAGE) -> Callable[[Any], Any]:
    """A field that is a connection of `type`, worked out by a static method that takes the wanted `page`."""

    def mark(function: Any) -> Any:
        shown_type = cast("Any", Connection)[type]
        extension = Paging(most=most, has_tail=has_tail)
        return strawberry.field(description=description, graphql_type=shown_type, extensions=[extension])(resolver_of(function, shown_type))

    return mark
