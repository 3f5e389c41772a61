"""How far a backfill is, kept so that each change costs what it changes, not how many items there are.

A chunk, which is what one run is to write, waits for one of its needs at a time. When an item ends, the chunks that waited for it look on;
one is ready when nothing is left to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from partita.definitions.keys import AssetKey
from partita.definitions.partitions import Partitions, PartitionsSpec
from partita.errors import PartitaError
from partita.planning.backfill import BackfillScope, group_assets
from partita.planning.backfill_chunks import Chunk, Chunks, Place, Turns
from partita.planning.backfill_needs import Edge, Needs, Outlook, Routes, States
from partita.records.backfills import BackfillItem, BackfillItemStatus, BackfillRequest

WAITING = BackfillItemStatus.WAITING


class Ended(NamedTuple):
    """What became of the items of one asset, or of the job, that a run was to write."""

    run_id: str
    asset: AssetKey | None
    status: BackfillItemStatus
    size: int
    """How many items these are."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What has come out since something was taken last."""

    chunks: tuple[Chunk, ...]
    """To be launched now."""
    skipped: tuple[Place, ...]
    """Will not be written: something before them in this backfill was not, or for one of the reasons."""
    reasons: tuple[str, ...]


class Progress:
    """A backfill under way: it is told what has ended, and says what can be launched.

    Args:
        request: what was asked for.
        items: all its items as they stand, in the order of their turn.
        scope: the workspace of this moment.
    """

    def __init__(self, request: BackfillRequest, items: Iterable[BackfillItem], scope: BackfillScope) -> None:
        self.counts = dict.fromkeys(BackfillItemStatus, 0)
        """How many items stand how."""
        self.running: dict[str, dict[AssetKey | None, list[str | None]]] = {}
        """The runs under way, and the items of each that have not ended."""
        self._request = request
        self._scope = scope
        self._statuses: dict[AssetKey | None, States] = {}
        self._routes = Routes(scope, self._statuses)
        self._chunks = Chunks(request.policy)
        self._watched: dict[Place, list[Needs]] = {}
        self._waiting: dict[Needs, list[Chunk]] = {}
        self._woken: list[Needs] = []
        self._skipped: list[Place] = []
        self._reasons: dict[str, None] = {}
        self._uncut = self._read(items)

    def count_runs(self) -> int:
        """How many runs there will be if nothing fails, provided that none has been taken yet."""
        self._cut()
        return len(self._chunks.unlooked)

    def take(self, room: int) -> Taken:
        """What can be launched now, at most `room` runs, and what has been given up. What is taken counts as running."""
        self._cut()
        self._look(room)
        chunks = self._chunks.take(room)
        for chunk in chunks:
            for key, partition in chunk.items:
                self._move(key, partition, BackfillItemStatus.RUNNING)
        if room > 0 and not self.counts[BackfillItemStatus.RUNNING] and self.counts[WAITING]:
            self._strand()
        taken = Taken(chunks, tuple(self._skipped), tuple(self._reasons))
        self._skipped, self._reasons = [], {}
        return taken

    def launched(self, chunk: Chunk, run_id: str) -> None:
        """A chunk that was taken has become this run."""
        self.running[run_id] = {key: list(chunk.turns) for key in chunk.keys or (None,)}

    def settle(self, ended: Ended) -> None:
        """Items of a run have ended."""
        items = self.running[ended.run_id]
        for partition in items.pop(ended.asset):
            self._move(ended.asset, partition, ended.status)
        if not items:
            del self.running[ended.run_id]

    def give_up(self, status: BackfillItemStatus) -> list[Place]:
        """Launch nothing more: what waits ends with this status."""
        places = [(key, partition) for key, states in self._statuses.items() for partition, each in states.items() if each is WAITING]
        for key, partition in places:
            self._move(key, partition, status)
        self._chunks, self._uncut = Chunks(None), []
        self._watched, self._waiting, self._woken = {}, {}, []
        return places

    def _read(self, items: Iterable[BackfillItem]) -> list[Place]:
        """Note how the items stand; answers those that wait."""
        waiting: list[Place] = []
        others: list[BackfillItemStatus] = []
        statuses = self._statuses
        for item in items:
            key, partition, status = item.asset, item.partition, item.status
            statuses.setdefault(key, {})[partition] = status
            if status is WAITING:
                waiting.append((key, partition))
                continue
            others.append(status)
            if status is BackfillItemStatus.RUNNING:
                self.running.setdefault(item.run_id or "", {}).setdefault(key, []).append(partition)
        self.counts |= Counter(others)
        self.counts[WAITING] = len(waiting)
        return waiting

    def _cut(self) -> None:
        """Cut what waits into chunks, unless that is done."""
        waiting, self._uncut = self._uncut, []
        if waiting and self._request.job is None:
            self._cut_assets(waiting)
        elif waiting:
            self._chunks.cut(0, None, (), {partition: turn for turn, (_, partition) in enumerate(waiting)})

    def _cut_assets(self, waiting: list[Place]) -> None:
        groups = group_assets(self._still_here(waiting), self._scope)
        number_of = {key: number for number, group in enumerate(groups) for key in group.keys}
        turns: list[dict[str | None, list[AssetKey]]] = [{} for _ in groups]
        for key, partition in waiting:
            if key is not None and (number := number_of.get(key)) is not None:
                turns[number].setdefault(partition, []).append(key)
        checked: dict[PartitionsSpec | None, Callable[[str | None], bool]] = {}
        for number, (group, keys_of) in enumerate(zip(groups, turns, strict=True)):
            exists = checked.setdefault(group.kind.partitions, _existing(self._scope.partitions(group.keys[0])))
            buckets: dict[tuple[AssetKey, ...], Turns] = {}
            for turn, (partition, keys) in enumerate(keys_of.items()):
                if exists(partition):
                    buckets.setdefault(tuple(keys), {})[partition] = turn
                else:
                    self._skip([(key, partition) for key in keys], _gone_partition(keys[0], partition))
            for assets, bucket in buckets.items():
                self._chunks.cut(number, group, tuple(sorted(assets, key=group.keys.index)), bucket)

    def _still_here(self, waiting: list[Place]) -> list[AssetKey]:
        """The assets that can still be written; what waits of the others is given up."""
        graph, owners = self._scope.graph, self._scope.owners
        keys = dict.fromkeys(key for key, _ in waiting if key is not None)
        for key in keys:
            if key not in owners:
                what = "is external now, so no code writes it" if key in graph else "is not in the workspace any more"
                waits = [partition for partition, status in self._statuses[key].items() if status is WAITING]
                self._skip([(key, partition) for partition in waits], f"Asset {str(key)!r} {what}.")
        return [key for key in keys if key in owners]

    def _look(self, room: int) -> None:
        """Look at all chunks that something has happened to, and at others until as many are ready as there is room for."""
        chunks = self._chunks
        while True:
            while self._woken:
                needs = self._woken.pop()
                if self._outlook(needs) is not Outlook.OPEN:
                    for chunk in self._waiting.pop(needs, ()):
                        self._examine(chunk)
            chunks.cut_left()
            if chunks.ready_count >= room or not chunks.unlooked:
                return
            chunk = chunks.unlooked.popleft()
            chunk.checks = self._checks_of(chunk)
            self._examine(chunk)

    def _checks_of(self, chunk: Chunk) -> Iterator[tuple[Edge, str | None]]:
        return ((edge, partition) for edge in self._routes.of(chunk.keys).outer for partition in tuple(chunk.turns))

    def _examine(self, chunk: Chunk) -> None:
        """Look on at what a chunk depends on, until it has to wait or is ready."""
        while (check := chunk.waits or next(chunk.checks, None)) is not None:
            edge, partition = chunk.waits = check
            if partition in chunk.turns:
                try:
                    needs = edge.route.needs(partition)
                    outlook = self._outlook(needs)
                except PartitaError as error:
                    self._reasons[f"Asset {str(edge.key)!r}: {error}"] = None
                    outlook = Outlook.LOST
                if outlook is Outlook.OPEN:
                    self._waiting.setdefault(needs, []).append(chunk)
                    return
                if outlook is Outlook.LOST:
                    self._lose(chunk, edge.key, partition)
            chunk.waits = None
        if chunk.turns:
            self._chunks.make_ready(chunk)

    def _outlook(self, needs: Needs) -> Outlook:
        """How it is with some needs; while they are open, the item that decides next is watched."""
        outlook = needs.look()
        if outlook is Outlook.OPEN:
            watching = self._watched.setdefault((needs.above, needs.next), [])
            if needs not in watching:
                watching.append(needs)
        return outlook

    def _lose(self, chunk: Chunk, key: AssetKey, partition: str | None) -> None:
        """Give up an item of a chunk with all that needs it in the same run; the others are written by another run."""
        inner = self._routes.of(chunk.keys).inner
        lost = self._together(key, chunk)
        for each in chunk.keys:
            if each not in lost and any(above in lost for above in inner.get(each, ())):
                lost += self._together(each, chunk)
        self._skip([(each, partition) for each in lost])
        self._chunks.leave(chunk, tuple(each for each in chunk.keys if each not in lost), partition)

    def _together(self, key: AssetKey, chunk: Chunk) -> list[AssetKey]:
        """An asset of a chunk, with those that its step computes only together with it."""
        spec = self._scope.graph.spec(key)
        if spec.step is None or spec.can_subset:
            return [key]
        return [each for each in chunk.keys if self._scope.graph.spec(each).step == spec.step]

    def _strand(self) -> None:
        """Nothing is under way that the rest could wait for: it would wait for ever."""
        places = self.give_up(BackfillItemStatus.SKIPPED)
        key, partition = places[0]
        what = f"Partition {partition!r} of asset {str(key)!r}" if key is not None else f"Partition {partition!r}"
        self._reasons[f"{what} waits, and nothing is under way that it could wait for."] = None
        self._skipped += places

    def _skip(self, places: Iterable[Place], reason: str | None = None) -> None:
        if reason is not None:
            self._reasons[reason] = None
        for key, partition in places:
            self._move(key, partition, BackfillItemStatus.SKIPPED)
            self._skipped.append((key, partition))

    def _move(self, key: AssetKey | None, partition: str | None, status: BackfillItemStatus) -> None:
        states = self._statuses[key]
        self.counts[states[partition]] -= 1
        self.counts[status] += 1
        states[partition] = status
        if status.is_finished:
            self._woken += self._watched.pop((key, partition), ())


def _existing(cut: Partitions | None) -> Callable[[str | None], bool]:
    """Tells whether an item is still one of an asset that is cut so; remembers, since many assets are cut alike."""
    return cache(lambda partition: cut is None if partition is None else cut is not None and cut.could_have(partition))


def _gone_partition(key: AssetKey, partition: str | None) -> str:
    if partition is None:
        return f"Asset {str(key)!r} has partitions now, and the backfill names none of them."
    return f"Asset {str(key)!r} has no partition {partition!r} any more."
