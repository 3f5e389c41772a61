"""How things are named: asset keys, definition names, op names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Self

from partita.errors import DefinitionError

# Names become paths and addresses, so a segment of nothing but dots is none.
_SEGMENT = re.compile(r"(?!\.+(?:/|$))[A-Za-z0-9_.-]+")
_KEY = re.compile(rf"{_SEGMENT.pattern}(?:/{_SEGMENT.pattern})*")
_OP_NAME = re.compile(r"[A-Za-z0-9_-]+")


class AssetKey(str):
    """The name of an asset: segments joined by `/`, unique in the workspace.

    Example:
        `AssetKey("marts/orders") == AssetKey(["marts", "orders"])`

    Raises:
        DefinitionError: a segment is empty or holds a character outside `A-Z a-z 0-9 _ . -`.
    """

    __slots__ = ()

    def __new__(cls, key: str | Iterable[str]) -> Self:
        """Checks every segment."""
        if isinstance(key, cls):
            return key
        text = key if isinstance(key, str) else _joined(key)
        if not _KEY.fullmatch(text):
            fault = next(_fault(segment) for segment in text.split("/") if not _SEGMENT.fullmatch(segment))
            raise DefinitionError(f"{text!r} is not an asset key: {fault}. Use letters, digits, '_', '.', '-', and '/' between segments.")
        return super().__new__(cls, text)

    @property
    def path(self) -> tuple[str, ...]:
        """The segments, outermost first."""
        return tuple(self.split("/"))

    @property
    def name(self) -> str:
        """The last segment."""
        return self.rsplit("/", 1)[-1]

    def __repr__(self) -> str:
        return f"AssetKey({str(self)!r})"


def _joined(key: object) -> str:
    if not isinstance(key, Iterable):
        raise DefinitionError(f"{key!r} is not an asset key. Give text such as 'marts/orders', or its segments.")
    parts = list(key)
    for part in parts:
        if not isinstance(part, str) or "/" in part:
            raise DefinitionError(f"{part!r} is not a segment of an asset key: it is {'split by a slash' if isinstance(part, str) else 'not text'}.")
    return "/".join(parts)


def _fault(segment: str) -> str:
    if not segment:
        return "a segment is empty"
    if not segment.strip("."):
        return f"segment {segment!r} is nothing but dots"
    wrong = sorted({letter for letter in segment if not _SEGMENT.fullmatch(f"a{letter}")})
    return f"segment {segment!r} holds {', '.join(map(repr, wrong))}"


def check_name(kind: str, name: str) -> str:
    """`name`, if a definition may be called so.

    Raises:
        DefinitionError: it is empty or holds a character outside `A-Z a-z 0-9 _ . -`.
    """
    if not isinstance(name, str) or not _SEGMENT.fullmatch(name):
        fault = _fault(name) if isinstance(name, str) else "it is not text"
        raise DefinitionError(f"{name!r} is not a name for a {kind}: {fault}. Use letters, digits, '_', '.' and '-'.")
    return name


def check_op_name(kind: str, name: str) -> str:
    """`name`, if an op or graph may be called so: a definition's name without dots, since dots join handles."""
    if not isinstance(name, str) or not _OP_NAME.fullmatch(name):
        raise DefinitionError(f"{name!r} is not a name for {kind}: use letters, digits, '_' and '-'.")
    return name
