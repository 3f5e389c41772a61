"""The items of a backfill that one run is to write: how they are cut, and in which order they are launched."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from partita.definitions.keys import AssetKey
from partita.definitions.policies import BackfillPolicy
from partita.planning.backfill import Group
from partita.planning.backfill_needs import Edge

Place = tuple[AssetKey | None, str | None]
"""Asset and partition of an item."""
Turns = dict[str | None, int]
"""Partitions, and when it is the turn of each among those of their group."""
NOTHING: Iterator[tuple[Edge, str | None]] = iter(())
ONE_EACH = BackfillPolicy(max_partitions_per_run=1)


@dataclass(slots=True, eq=False)
class Chunk:
    """Items for one run."""

    number: int
    """When it is its group's turn."""
    group: Group | None
    """None: the items are a job's."""
    keys: tuple[AssetKey, ...]
    """Empty for a job."""
    turns: Turns
    checks: Iterator[tuple[Edge, str | None]] = NOTHING
    """What it depends on and has not looked at yet."""
    waits: tuple[Edge, str | None] | None = None
    """What it looks at next."""

    @property
    def items(self) -> tuple[Place, ...]:
        """What the run writes, in the order of its turn."""
        return tuple((key, partition) for partition in self.turns for key in self.keys or (None,))


class Chunks:
    """The chunks of a backfill that have not been launched."""

    def __init__(self, policy: BackfillPolicy | None) -> None:
        self.unlooked: deque[Chunk] = deque()
        """Nobody has looked yet what they wait for; in the order of their turn."""
        self._policy = policy
        self._ready: list[tuple[int, int, int, Chunk]] = []
        self._count = 0
        self._left: dict[tuple[int, tuple[AssetKey, ...]], tuple[Group | None, Turns]] = {}

    @property
    def ready_count(self) -> int:
        """How many can be launched."""
        return len(self._ready)

    def cut(self, number: int, group: Group | None, keys: tuple[AssetKey, ...], turns: Turns) -> None:
        """Cut the partitions of some assets into chunks, as was asked for, else as the assets say, else one each."""
        policy = self._policy or (group.kind.policy if group is not None else None) or ONE_EACH
        every = list(turns.items())
        size = policy.max_partitions_per_run or max(len(every), 1)
        self.unlooked += [Chunk(number, group, keys, dict(every[start : start + size])) for start in range(0, len(every), size)]

    def leave(self, chunk: Chunk, keys: tuple[AssetKey, ...], partition: str | None) -> None:
        """Take a partition out of a chunk; it is still to be written for these assets."""
        turn = chunk.turns.pop(partition)
        if keys:
            self._left.setdefault((chunk.number, keys), (chunk.group, {}))[1][partition] = turn

    def cut_left(self) -> None:
        """Cut what has been left over."""
        left, self._left = self._left, {}
        for (number, keys), (group, turns) in left.items():
            self.cut(number, group, keys, turns)

    def make_ready(self, chunk: Chunk) -> None:
        """Let a chunk be launched when it is its turn."""
        self._count += 1
        heapq.heappush(self._ready, (chunk.number, next(iter(chunk.turns.values())), self._count, chunk))

    def take(self, room: int) -> tuple[Chunk, ...]:
        """At most `room` of those that are ready, in the order of their turn."""
        return tuple(heapq.heappop(self._ready)[-1] for _ in range(min(max(room, 0), len(self._ready))))
