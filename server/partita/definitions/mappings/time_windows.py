"""The mapping between partitions that are windows of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from partita.definitions.mappings.mapping import Keys, Mapped, Mapping, to_set
from partita.definitions.mappings.specs import TimeWindowMappingSpec
from partita.definitions.partitions import Partitions, PartitionSet, TimePartitions
from partita.definitions.partitions.spans import Span, merge
from partita.errors import DefinitionError


class TimeWindowMapping(Mapping):
    """A downstream window needs the upstream windows that share time with it, however the two are cut.

    Offsets move the downstream window's start and end, before looking upstream, by whole downstream windows: with `start_offset=-6` a
    day needs the week that ends with it. What an offset reaches for outside of the upstream partitions is not needed.

    Args:
        start_offset: by how many windows the start is moved.
        end_offset: by how many windows the end is moved.
        allow_missing: True to need only those upstream partitions that exist.

    Example:
        `pt.In(key="raw/orders", mapping=pt.TimeWindowMapping(start_offset=-1, end_offset=-1))`

    Raises:
        DefinitionError: an offset is no integer, or the end would be moved before the start.
    """

    def __init__(self, start_offset: int = 0, end_offset: int = 0, allow_missing: bool = False) -> None:
        for field, value in (("start_offset", start_offset), ("end_offset", end_offset)):
            if not isinstance(value, int) or isinstance(value, bool):
                raise DefinitionError(f"{field} {value!r} of a TimeWindowMapping is not a whole number.")
        if start_offset > end_offset:
            raise DefinitionError(
                f"TimeWindowMapping(start_offset={start_offset}, end_offset={end_offset}) needs nothing: the start would be moved behind the end."
            )
        self._spec = TimeWindowMappingSpec(start_offset=start_offset, end_offset=end_offset, allow_missing=allow_missing)

    @property
    def spec(self) -> TimeWindowMappingSpec:
        """The frozen value that says the same."""
        return self._spec

    def upstream(self, keys: Keys, *, downstream: Partitions | None, upstream: Partitions, now: datetime) -> Mapped:
        """The upstream windows that share time with the moved downstream ones; those that do not exist are missing."""
        below, above = _windows("downstream", downstream), _windows("upstream", upstream)
        existing = above.keys(now=now)
        times = [self._needed(below, span, existing=existing) for span in self._moved(to_set(keys, below), below)]
        needed = PartitionSet(above, above.without_gaps(merge(above.overlapping(start, end) for start, end in times)))
        return Mapped(needed & existing, [] if self._spec.allow_missing else list(needed - existing))

    def downstream(self, keys: Keys, *, upstream: Partitions, downstream: Partitions, now: datetime) -> Mapped:
        """The downstream partitions whose moved windows share time with these upstream ones."""
        below, above = _windows("downstream", downstream), _windows("upstream", upstream)
        if self._spec.start_offset == self._spec.end_offset == 0 and below == above:  # by far the most frequent, and nothing to calculate
            return Mapped(PartitionSet(below, to_set(keys, above).spans) & below.keys(now=now), [])
        spans: list[Span] = []
        for low, high in to_set(keys, above).spans:
            first, last = below.overlapping(above.start_of(low), above.start_of(high + 1))
            # The overlapped windows at both ends may be excluded ones, which offsets do not count.
            first, last = below.shifted(first - 1, 1), below.shifted(last + 1, -1)
            spans.append((below.shifted(first, -self._spec.end_offset), below.shifted(last, -self._spec.start_offset)))
        return Mapped(PartitionSet(below, merge(spans)) & below.keys(now=now), [])

    def check(self, *, upstream: Partitions, downstream: Partitions | None) -> None:
        """Refuses anything but windows of time."""
        _windows("upstream", upstream)
        _windows("downstream", downstream)

    def _moved(self, keys: PartitionSet, below: TimePartitions) -> Iterator[Span]:
        """From which to which downstream window each run of neighbours reaches."""
        for low, high in keys.spans:
            span = below.shifted(low, self._spec.start_offset), below.shifted(high, self._spec.end_offset)
            # Windows that only change places leave out the excluded ones between them; longer ones reach across those.
            yield from below.without_gaps((span,)) if self._spec.start_offset == self._spec.end_offset else (span,)

    def _needed(self, below: TimePartitions, span: Span, *, existing: PartitionSet) -> tuple[int, int]:
        """From when to when a run of downstream windows needs upstream; what offsets added is cut to what exists there."""
        start, end = below.start_of(span[0]), below.start_of(span[1] + 1)
        if not existing:
            return start, end
        above = _windows("upstream", existing.partitions)
        bounds = above.start_of(existing.spans[0][0]), above.start_of(existing.spans[-1][1] + 1)
        return _cut(start, self._spec.start_offset, bounds), _cut(end, self._spec.end_offset, bounds)


def _cut(instant: int, offset: int, bounds: tuple[int, int]) -> int:
    if offset < 0:
        return max(instant, bounds[0])
    return min(instant, bounds[1]) if offset > 0 else instant


def _windows(side: str, partitions: Partitions | None) -> TimePartitions:
    if isinstance(partitions, TimePartitions):
        return partitions
    found = "is not partitioned" if partitions is None else f"is {partitions.describe()!r}"
    raise DefinitionError(f"TimeWindowMapping needs windows of time on both sides, and {side} {found}.")
