"""Partition sets as short texts: the numbering system, then each range as its distance from the last one and its length."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from partita.definitions.partitions.spans import Span, Spans
from partita.definitions.partitions.trees import Tree
from partita.errors import RequestError

_RANGE = re.compile(r"(?P<gap>-?[0-9a-z]{1,12})(\+(?P<more>[0-9a-z]{1,12}))?")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def encode_spans(system: str, spans: Spans) -> str:
    """`d:c4a+u,5` is "daily, 31 from day 15706, then one five days after their end"."""
    parts: list[str] = []
    end = 0
    for low, high in spans:
        parts.append(_to_text(low - end) + (f"+{_to_text(high - low)}" if high > low else ""))
        end = high
    return f"{system}:{','.join(parts)}"


def decode_spans(text: str, *, system: str, limits: Span) -> Spans:
    """The spans that `encode_spans` wrote.

    Raises:
        RequestError: the text cannot be read, counts in another system or leaves the limits.
    """
    found, separator, body = text.partition(":")
    if not separator:
        raise RequestError(f"{text[:40]!r} is not an encoded partition set.")
    if found != system:
        raise RequestError(f"The partition set {text[:40]!r} was written for other partitions ({found!r}, not {system!r}). Select the keys again.")
    spans: list[Span] = []
    for part in body.split(",") if body else ():
        match = _RANGE.fullmatch(part)
        low = int(match["gap"], 36) + (spans[-1][1] if spans else 0) if match else 0
        high = low + int(match["more"] or "0", 36) if match else 0
        if not match or low < limits[0] or high > limits[1] or (spans and low <= spans[-1][1] + 1):
            raise RequestError(f"{text[:40]!r} is not an encoded partition set: {part[:20]!r} is no range after those before it.")
        spans.append((low, high))
    return tuple(spans)


def encode_tree(system: str, tree: Tree, depth: int) -> str:
    """`m1a2b3c4d:0+1(5+2);7(1)` is "the first two with the fifth to seventh, and the eighth with the first"."""
    return f"{system}:{_tree_text(tree, depth)}"


def decode_tree(text: str, *, system: str, limits: Sequence[Span]) -> list[tuple[Spans, ...]]:
    """The products of which `encode_tree` wrote the set.

    Raises:
        RequestError: the text cannot be read, counts in another system or leaves the limits.
    """
    found, separator, body = text.partition(":")
    if not separator or found != system:
        raise RequestError(f"{text[:40]!r} is not an encoded set of these partitions. Select the keys again.")
    return list(_boxes_of(body, limits)) if body else []


def _tree_text(tree: Tree, depth: int) -> str:
    if depth == 1:
        return encode_spans("", tree)[1:]
    return ";".join(f"{encode_spans('', spans)[1:]}({_tree_text(rest, depth - 1)})" for spans, rest in tree)


def _boxes_of(text: str, limits: Sequence[Span]) -> Iterator[tuple[Spans, ...]]:
    for part in _parts(text):
        spans, bracket, rest = part.partition("(")
        if bool(bracket) != (len(limits) > 1) or (bracket and not rest.endswith(")")):
            raise RequestError(f"{text[:40]!r} is not an encoded set of partitions in {len(limits)} dimensions.")
        own = decode_spans(f":{spans}", system="", limits=limits[0])
        if bracket:
            yield from ((own, *others) for others in _boxes_of(rest[:-1], limits[1:]))
        else:
            yield (own,)


def _parts(text: str) -> Iterator[str]:
    """What `;` parts outside of brackets."""
    level = start = 0
    for place, letter in enumerate(text):
        level += (letter == "(") - (letter == ")")
        if letter == ";" and level == 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


def _to_text(number: int) -> str:
    if number < 0:
        return "-" + _to_text(-number)
    high, low = divmod(number, 36)
    return (_to_text(high) if high else "") + _DIGITS[low]
