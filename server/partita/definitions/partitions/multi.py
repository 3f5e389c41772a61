"""Partitions in several dimensions, and sets of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Self
from zlib import crc32

from partita.definitions.keys import check_name
from partita.definitions.partitions.encoding import decode_tree, encode_tree
from partita.definitions.partitions.partitions import Partitions, PartitionSet, TimeWindow
from partita.definitions.partitions.spans import Span, Spans
from partita.definitions.partitions.specs import MultiPartitionsSpec
from partita.definitions.partitions.time import TimePartitions
from partita.definitions.partitions.trees import (
    Point,
    Tree,
    count,
    cut,
    difference,
    holds,
    intersection,
    of_points,
    of_product,
    points,
    project,
    rank,
    rows,
    union,
)
from partita.errors import DefinitionError, NotByTimeError, RequestError, UnknownPartitionError

JOINT = "|"
"""Joins the keys of the dimensions; no key of one holds it."""
_RADIX = 1 << 32
"""How many partitions a dimension can have at most, where that changes with time."""


class MultiPartitions(Partitions):
    """Every combination of the partitions of several dimensions.

    A key joins those of the dimensions by `|`, in order of the dimensions' names; so do partitions follow each other.

    Args:
        dimensions: how each is cut, by name; any number of them.

    Example:
        `pt.MultiPartitions({"date": pt.DailyPartitions("2024-01-01"), "region": pt.StaticPartitions(["eu", "us"])})`: `"2024-01-31|eu"`

    Raises:
        DefinitionError: no dimension, a name that may not be one, or something that cuts nothing.
    """

    def __init__(self, dimensions: Mapping[str, Partitions]) -> None:
        if not isinstance(dimensions, Mapping) or not dimensions:
            raise DefinitionError(f"MultiPartitions takes its dimensions by name, such as {{'date': ..., 'region': ...}}, not {dimensions!r}.")
        for name, part in dimensions.items():
            check_name("dimension", name)
            if isinstance(part, MultiPartitions) or not isinstance(part, Partitions):
                raise DefinitionError(f"Dimension {name!r} is cut by {part!r}. Give partitions of one dimension, such as pt.DailyPartitions(...).")
        self.dimensions: dict[str, Partitions] = {name: dimensions[name] for name in sorted(dimensions)}
        self._parts = tuple(self.dimensions.values())
        self._spec = MultiPartitionsSpec(dimensions=tuple((name, part.spec) for name, part in self.dimensions.items()))  # type: ignore[misc]  # checked

    @property
    def spec(self) -> MultiPartitionsSpec:
        """The frozen value that says the same."""
        return self._spec

    @property
    def depth(self) -> int:
        """How many dimensions there are."""
        return len(self._parts)

    @property
    def timed(self) -> tuple[str, TimePartitions] | None:
        """The dimension by time, where it is the only one, and its name."""
        found = [(name, part) for name, part in self.dimensions.items() if isinstance(part, TimePartitions)]
        return found[0] if len(found) == 1 else None

    def keys(self, *, now: datetime) -> ProductSet:
        """All partitions that exist at `now`: every combination of those of the dimensions."""
        return ProductSet(self, of_product([part.keys(now=now).spans for part in self._parts]))

    def product(self, sets: Mapping[str, PartitionSet]) -> ProductSet:
        """Every combination of these partitions of the dimensions; each dimension must be given."""
        return ProductSet(self, of_product([sets[name].spans for name in self.dimensions]))

    def key(self, values: Mapping[str, str]) -> str:
        """The key made of those of the dimensions.

        Raises:
            RequestError: a dimension is not given, or there is no such dimension.
        """
        if not isinstance(values, Mapping) or values.keys() != self.dimensions.keys() or not all(isinstance(each, str) for each in values.values()):
            raise RequestError(f"A key of {self.describe()!r} is made of a key of each dimension ({', '.join(self.dimensions)}), not of {values!r}.")
        return JOINT.join(values[name] for name in self.dimensions)

    def values(self, key: str) -> dict[str, str]:
        """The keys of the dimensions in a key, by name.

        Raises:
            UnknownPartitionError: it has not as many parts as there are dimensions.
        """
        parts = key.split(JOINT) if isinstance(key, str) else []
        if len(parts) != self.depth:
            raise UnknownPartitionError(key, f"The partitioning {self.describe()!r}", f"Its keys join {JOINT.join(self.dimensions)}.")
        return dict(zip(self.dimensions, parts, strict=True))

    def point_of(self, key: str) -> Point | None:
        """The ordinals of a key in each dimension, or None when no partition is ever called so."""
        parts = key.split(JOINT) if isinstance(key, str) else []
        if len(parts) != self.depth:
            return None
        found: list[int] = []
        for part, text in zip(self._parts, parts, strict=True):
            ordinal = part.find_ordinal(text)
            if ordinal is None:
                return None
            found.append(ordinal)
        return tuple(found)

    @property
    def cron(self) -> str:
        """When a new partition begins: as in the dimension by time, where it is the only one.

        Raises:
            NotByTimeError: no dimension is by time, or several are.
        """
        if self.timed is None:
            raise self._not_by_time("cron")
        return self.timed[1].cron

    def window(self, key: str) -> TimeWindow:
        """The window of a key, in the dimension by time where it is the only one.

        Raises:
            NotByTimeError: no dimension is by time, or several are.
            UnknownPartitionError: no partition is ever called so.
        """
        if self.timed is None:
            raise self._not_by_time("window")
        values = self.values(key)
        for name, part in self.dimensions.items():
            if name != self.timed[0] and not part.could_have(values[name]):
                raise UnknownPartitionError(key, f"The partitioning {self.describe()!r}", f"There is no {values[name]!r} in dimension {name!r}.")
        return self.timed[1].window(values[self.timed[0]])

    def key_of_point(self, point: Point) -> str:
        """The key with these ordinals."""
        return JOINT.join(part.key_of(ordinal) for part, ordinal in zip(self._parts, point, strict=True))

    def find_ordinal(self, key: str) -> int | None:
        """One number for the ordinals of a key in all dimensions, or None."""
        point = self.point_of(key)
        return None if point is None else self.pack(point)

    def could_have(self, key: str) -> bool:
        """Whether every dimension may have its part."""
        parts = key.split(JOINT)
        return len(parts) == self.depth and all(part.could_have(text) for part, text in zip(self._parts, parts, strict=True))

    def key_of(self, ordinal: int) -> str:
        """The key with this number."""
        return self.key_of_point(self.unpack(ordinal))

    def keys_between(self, span: Span) -> Iterator[str]:
        """Keys of a range of numbers that holds no gaps, in order."""
        return map(self.key_of, range(span[0], span[1] + 1))

    def gaps(self, span: Span) -> list[int]:
        """The numbers of a range that no partition has, ascending."""
        return [ordinal for ordinal in range(span[0], span[1] + 1) if self._is_gap(ordinal)]

    def pack(self, point: Point) -> int:
        """Ordinals of all dimensions as one number, which follows definition order."""
        packed = 0
        for (low, radix), ordinal in zip(self._digits, point, strict=True):
            packed = packed * radix + ordinal - low
        return packed

    def unpack(self, ordinal: int) -> Point:
        """The ordinals that `pack` made one number."""
        found: list[int] = []
        for low, radix in reversed(self._digits):
            ordinal, digit = divmod(ordinal, radix)
            found.append(digit + low)
        return tuple(reversed(found))

    def range(self, first_key: str, last_key: str, *, now: datetime) -> ProductSet:
        """In every dimension the range from the one to the other: `2024-01-01|eu` to `2024-01-31|eu` is January of `eu`.

        Raises:
            UnknownPartitionError: one of the two does not exist at `now`.
            RequestError: in a dimension the first comes after the last.
        """
        self.select((first_key, last_key), now=now, owner=f"The partitioning {self.describe()!r}")
        ends = zip(self._parts, first_key.split(JOINT), last_key.split(JOINT), strict=True)
        return ProductSet(self, of_product([part.range(first, last, now=now).spans for part, first, last in ends]))

    def of_ordinals(self, ordinals: Iterable[int]) -> ProductSet:
        """The set of the partitions with these numbers."""
        return ProductSet(self, of_points(map(self.unpack, ordinals), self.depth))

    def decode(self, text: str) -> ProductSet:
        """The set that `encode` wrote."""
        found: Tree = ()
        for box in decode_tree(text, system=self.ordinal_system, limits=[part.ordinal_limits for part in self._parts]):
            parts = (part.without_gaps(spans) for part, spans in zip(self._parts, box, strict=True))
            found = union(found, of_product(list(parts)), self.depth)
        return ProductSet(self, found)

    def none(self) -> ProductSet:
        """The empty set."""
        return ProductSet(self, ())

    def hint(self, key: str, *, now: datetime) -> str:
        """Which part of the key is wrong, and what its dimension says of that."""
        parts = key.split(JOINT) if isinstance(key, str) else []
        if len(parts) != self.depth:
            example = self.keys(now=now).first
            return f"Its keys join {JOINT.join(self.dimensions)}{f', such as {example!r}' if example is not None else ''}."
        for (name, part), text in zip(self.dimensions.items(), parts, strict=True):
            ordinal = part.find_ordinal(text)
            if ordinal is None or not part.keys(now=now).has_ordinal(ordinal):
                return f"There is no {text!r} in dimension {name!r}. {part.hint(text, now=now)}"
        return f"Its keys join {JOINT.join(self.dimensions)}."

    def describe(self) -> str:
        """`date (daily from 2024-01-01 (UTC)) x region (eu, us)`."""
        return " x ".join(f"{name} ({part.describe()})" for name, part in self.dimensions.items())

    @property
    def ordinal_system(self) -> str:
        """A checksum of the dimensions' names and of what their ordinals count."""
        said = JOINT.join(f"{name}={part.ordinal_system}" for name, part in self.dimensions.items())
        return f"m{crc32(said.encode()):08x}"

    @property
    def ordinal_limits(self) -> Span:
        """The lowest and the highest number."""
        return 0, self.pack(tuple(low + radix - 1 for low, radix in self._digits))

    @cached_property
    def _digits(self) -> list[tuple[int, int]]:
        """Of each dimension the lowest ordinal, and how many there are room for: more than there ever are, so that numbers stay."""
        return [(min(part.ordinal_limits[0], 0), max(part.ordinal_limits[1] - min(part.ordinal_limits[0], 0) + 1, _RADIX)) for part in self._parts]

    def _not_by_time(self, asked: str) -> NotByTimeError:
        timed = [name for name, part in self.dimensions.items() if isinstance(part, TimePartitions)]
        hint = f"Ask a dimension by time: .dimensions[{timed[0]!r}].{asked}." if timed else "None of them is by time."
        return NotByTimeError(f"{self.describe()!r} has several dimensions and no {asked!r} of its own. {hint}")

    def _is_gap(self, ordinal: int) -> bool:
        points = zip(self._parts, self.unpack(ordinal), strict=True)
        return any(not part.ordinal_limits[0] <= each <= part.ordinal_limits[1] or part.gaps((each, each)) for part, each in points)


class ProductSet(PartitionSet):
    """Some partitions in several dimensions, kept as products of ranges."""

    __slots__ = ("_multi", "_tree")

    def __init__(self, partitions: MultiPartitions, tree: Tree) -> None:
        super().__init__(partitions, ())
        self._multi = partitions
        self._tree = tree

    @property
    def tree(self) -> Tree:
        """Its ordinals by dimension."""
        return self._tree

    @property
    def spans(self) -> Spans:
        """Its numbers as ranges: as many as it has in the last dimension for each place in the others."""
        pack = self._multi.pack
        return tuple((pack((*lead, low)), pack((*lead, high))) for lead, (low, high) in rows(self._tree, self._multi.depth))

    @property
    def first(self) -> str | None:
        """The first key, or None when empty."""
        return next(iter(self), None)

    @property
    def last(self) -> str | None:
        """The last key, or None when empty."""
        return self[-1] if self._tree else None

    def in_dimension(self, name: str) -> PartitionSet:
        """The partitions of one dimension that any of these has."""
        place = list(self._multi.dimensions).index(name)
        return PartitionSet(self._multi.dimensions[name], project(self._tree, self._multi.depth, place))

    def ranges(self) -> list[tuple[str, str]]:
        """First and last key of each run of neighbours in the last dimension."""
        key_of = self._multi.key_of_point
        return [(key_of((*lead, low)), key_of((*lead, high))) for lead, (low, high) in rows(self._tree, self._multi.depth)]

    def has_ordinal(self, ordinal: int) -> bool:
        """True when the partition with this number is in the set."""
        return ordinal >= 0 and holds(self._tree, self._multi.unpack(ordinal))

    @property
    def content(self) -> Hashable:
        """What makes two sets of the same partitions equal."""
        content: Hashable = self._tree
        return content

    def rank(self, ordinal: int) -> int:
        """How many of its partitions come up to this number, itself included."""
        return rank(self._tree, self._multi.unpack(ordinal))

    def encode(self) -> str:
        """A short text that `decode` reads back."""
        return encode_tree(self._multi.ordinal_system, self._tree, self._multi.depth)

    def __iter__(self) -> Iterator[str]:
        return map(self._multi.key_of_point, points(self._tree, self._multi.depth))

    def __len__(self) -> int:
        return count(self._tree, self._multi.depth)

    def __bool__(self) -> bool:
        return bool(self._tree)

    def __contains__(self, key: object) -> bool:
        point = self._multi.point_of(key) if isinstance(key, str) else None
        return point is not None and holds(self._tree, point)

    def __or__(self, other: PartitionSet) -> PartitionSet:
        if not isinstance(other, PartitionSet):
            return NotImplemented
        return self._made(union(self._tree, self._theirs(other), self._multi.depth))

    def __and__(self, other: PartitionSet) -> PartitionSet:
        if not isinstance(other, PartitionSet):
            return NotImplemented
        return self._made(intersection(self._tree, self._theirs(other), self._multi.depth))

    def __sub__(self, other: PartitionSet) -> PartitionSet:
        if not isinstance(other, PartitionSet):
            return NotImplemented
        return self._made(difference(self._tree, self._theirs(other), self._multi.depth))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProductSet) and self._tree == other._tree and self._multi == other._multi

    def __hash__(self) -> int:
        return hash((self._multi, self._tree))

    def _key_at(self, position: int) -> str:
        return next(iter(self._made(cut(self._tree, self._multi.depth, position, position + 1))))

    def _slice(self, start: int, stop: int, step: int) -> PartitionSet:
        if step == 1:
            return self._made(cut(self._tree, self._multi.depth, start, stop))
        if step < 0:
            raise ValueError("a partition set keeps definition order: slice it with a positive step")
        chosen = (self._multi.point_of(self._key_at(position)) for position in range(start, stop, step))
        return self._made(of_points((point for point in chosen if point is not None), self._multi.depth))

    def _made(self, tree: Tree) -> Self:
        return type(self)(self._multi, tree)

    def _theirs(self, other: PartitionSet) -> Tree:
        self._same(other)
        assert isinstance(other, ProductSet)
        return other.tree
