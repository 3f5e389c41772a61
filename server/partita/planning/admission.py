"""Who of the queue may start: limits of runs, of tags and of pools, by priority and then by age.

Candidates are judged one after another, best first, against what is active and what was admitted before them. One that must
wait holds up nobody behind it, with one exception: a run that waits for several slots of one pool and for nothing else keeps
the slots that are free there. Runs that need fewer would otherwise take them one by one, and it would never start.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from partita.records.queue import Limits, TagLimit, WaitKind, WaitReason


class Candidate(NamedTuple):
    """A queued run, as far as admission looks at it."""

    run_id: str
    priority: int = 0
    tags: Mapping[str, str] = {}
    pools: Mapping[str, int] = {}
    """Slots that it needs, by pool."""
    obstacle: WaitReason | None = None
    """Why nobody could run it even if it were admitted. It then takes no room from others."""


class Holder(NamedTuple):
    """An active run, as far as admission looks at it."""

    tags: Mapping[str, str] = {}
    pools: Mapping[str, int] = {}


def sort_key(candidate: Candidate) -> tuple[int, str]:
    """The order of the queue: higher priority, then age; ids of runs are in order of time."""
    return -candidate.priority, candidate.run_id


def choose(candidates: Iterable[Candidate], active: Iterable[Holder], limits: Limits) -> Iterator[Candidate]:
    """The candidates that may all start now, best first, each as soon as it is known.

    Args:
        candidates: the queue, best first; it is read no further than needed.
        active: every run that is active anywhere.
        limits: what must not be exceeded.
    """
    room = _Room(active, limits)
    for candidate in candidates:
        if room.is_full:
            return
        if candidate.obstacle is None and not room.admit(candidate):
            yield candidate


def explain(candidates: Iterable[Candidate], active: Iterable[Holder], limits: Limits) -> dict[str, WaitReason]:
    """Why each candidate waits, by run id; those that may start wait for nothing but a worker's next look."""
    room = _Room(active, limits)
    return {candidate.run_id: candidate.obstacle or room.reason(candidate, room.admit(candidate)) for candidate in candidates}


def held_slots(pools: Mapping[str, int], limits: Limits) -> dict[str, int]:
    """The slots that a run with these needs holds once it is admitted: never more of a pool than there are."""
    return {pool: _slots(wanted, limits.pools.get(pool)) for pool, wanted in pools.items()}


def _slots(wanted: int, capacity: int | None) -> int:
    return wanted if capacity is None else min(wanted, max(capacity, 1))


@dataclass
class _Use:
    """How much of each limit is taken."""

    runs: int = 0
    tags: Counter[TagLimit] = field(default_factory=Counter)
    pools: Counter[str] = field(default_factory=Counter)

    def add(self, tags: Mapping[str, str], pools: Mapping[str, int], limits: Limits) -> None:
        """Another run takes its part."""
        self.runs += 1
        self.tags.update(limit for limit in limits.tags if limit.counts(tags))
        self.pools.update(pools)


Lack = TagLimit | str | None
"""What leaves no room for a run: a tag limit, a pool, or the number of runs."""


class _Room:
    """What is left of the limits while the queue is gone through."""

    def __init__(self, active: Iterable[Holder], limits: Limits) -> None:
        self._limits = limits
        self._before, self._taken = _Use(), _Use()
        for holder in active:
            self._before.add(holder.tags, holder.pools, limits)
            self._taken.add(holder.tags, holder.pools, limits)
        self._kept: set[str] = set()
        """Pools whose free slots a better run waits to have together."""

    @property
    def is_full(self) -> bool:
        """Whether nobody at all can start any more."""
        return self._limits.max_concurrent is not None and self._taken.runs >= self._limits.max_concurrent

    def admit(self, candidate: Candidate) -> list[Lack]:
        """Let a candidate have its part, if there is enough of everything; else nothing, and what it lacks is answered."""
        lacks = self._lacks(candidate)
        if not lacks:
            self._taken.add(candidate.tags, held_slots(candidate.pools, self._limits), self._limits)
        elif len(lacks) == 1 and isinstance(lacks[0], str):
            self._kept.add(lacks[0])
        return lacks

    def reason(self, candidate: Candidate, lacks: Sequence[Lack]) -> WaitReason:
        """Why a candidate waits that lacks this."""
        if not lacks:
            return WaitReason(kind=WaitKind.NEXT, message="It can start: a worker claims it at once.")
        told = [each for each in lacks if self._was_lacking(candidate, each)]
        if not told:
            return WaitReason(kind=WaitKind.PRIORITY, message=f"Others come first by priority or age, and {'; '.join(map(self._limit, lacks))}.")
        return WaitReason(kind=_kind(told[0]), message=" ".join(self._shortage(candidate, each) for each in told))

    def _lacks(self, candidate: Candidate) -> list[Lack]:
        limits, taken = self._limits, self._taken
        lacks: list[Lack] = [None] if self.is_full else []
        lacks += [limit for limit in limits.tags if limit.counts(candidate.tags) and taken.tags[limit] >= limit.limit]
        for pool, wanted in candidate.pools.items():
            capacity = limits.pools.get(pool)
            if capacity is not None and (pool in self._kept or taken.pools[pool] + _slots(wanted, capacity) > capacity):
                lacks.append(pool)
        return lacks

    def _was_lacking(self, candidate: Candidate, lack: Lack) -> bool:
        """Whether what is active leaves no room by itself, without those who come first."""
        match lack:
            case None:
                return self._before.runs >= (self._limits.max_concurrent or 0)
            case TagLimit():
                return self._before.tags[lack] >= lack.limit
            case pool:
                capacity = self._limits.pools[pool]
                return self._before.pools[pool] + _slots(candidate.pools[pool], capacity) > capacity

    def _shortage(self, candidate: Candidate, lack: Lack) -> str:
        match lack:
            case None:
                return f"{_runs(self._before.runs)} active, and at most {self._limits.max_concurrent} may be (runs.max_concurrent)."
            case TagLimit():
                return f"{_runs(self._before.tags[lack])} active with the tag {lack.tag!r}, and at most {lack.limit} may be (runs.limits)."
            case pool:
                capacity = self._limits.pools[pool]
                if capacity <= 0:
                    return f"Pool {pool!r} is closed: it has no slots (pools.{pool} = 0)."
                needed = _slots(candidate.pools[pool], capacity)
                return f"Pool {pool!r} has {self._before.pools[pool]} of {capacity} slots taken, and it needs {needed} (pools.{pool})."

    def _limit(self, lack: Lack) -> str:
        match lack:
            case None:
                return f"at most {self._limits.max_concurrent} runs may be active (runs.max_concurrent)"
            case TagLimit():
                return f"at most {lack.limit} runs with the tag {lack.tag!r} may be active (runs.limits)"
            case pool:
                return f"pool {pool!r} has {self._limits.pools[pool]} slots (pools.{pool})"


def _kind(lack: Lack) -> WaitKind:
    match lack:
        case None:
            return WaitKind.CONCURRENCY
        case TagLimit():
            return WaitKind.TAG_LIMIT
        case _:
            return WaitKind.POOL


def _runs(count: int) -> str:
    return "1 run is" if count == 1 else f"{count} runs are"
