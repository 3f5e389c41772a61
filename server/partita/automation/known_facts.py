"""What conditions look at, read from the database once and kept up with what happens."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys, Partitions, PartitionSet
from partita.planning.condition_facts import WHOLE, cut_of
from partita.planning.health import has_failed
from partita.planning.remembered_facts import RememberedFacts
from partita.storage.happenings import News, Reached, ResultSeen, RunNow, Standing, WriteSeen


class KnownFacts:
    """The facts of the assets that conditions look at.

    Args:
        graph: all assets, with their checks.
        keys: those that matter.
        dynamic: the keys of dynamic sets.
        standing: how everything stands, or stood.
        position: what the states of conditions refer to; what stands is taken to have been so before it.
    """

    def __init__(self, graph: AssetGraph, keys: Iterable[AssetKey], dynamic: DynamicKeys, standing: Standing, *, position: int) -> None:
        self._graph = graph
        self._cuts: dict[str, Partitions] = {}
        for key in keys:
            cut = cut_of(graph.spec(key).partitions, dynamic)
            self._cuts[key] = cut
            self._cuts.update((check.step_key, cut) for check in graph.checks_of(key))
        self.facts = RememberedFacts(self._cuts.__getitem__, position=position)
        self.reached: Reached = standing.reached
        self._descendants: dict[AssetKey, frozenset[AssetKey]] = {}
        self._under_way: dict[str, dict[AssetKey, PartitionSet]] = {}
        """What each run that has not ended is still to write."""
        self._written: dict[str, dict[AssetKey, PartitionSet]] = {}
        """What it has written so far."""
        self._heard: dict[AssetKey, list[WriteSeen]] = {}
        """The writes of the news that is being heard."""
        self._unheard = {run.id for run in standing.runs}
        """Runs that were taken to be under way when all was read, and of which nothing has been heard yet."""
        self._recall(standing)

    def portions(self, news: News) -> Iterator[News]:
        """The same news in pieces, each to be evaluated before the next is heard.

        That an asset was written settles what its condition had noticed before. So what it depends on, written after it, must come later:
        in one piece nobody could tell which was first. And a write by a run of both tells that asset nothing, so it must not hide another.
        """
        self._heard = {}
        begun = [run for run in news.runs if not run.status.is_finished]
        rest, done = list(news.writes), 0
        while (end := self._end_of_portion(rest, done)) < len(rest):
            reached = Reached(change=self.reached.change, write=rest[end - 1].number, check=self.reached.check)
            yield News(reached=reached, runs=begun, writes=rest[done:end], results=())
            begun, done = [], end
        ended = [run for run in news.runs if run.status.is_finished]
        yield News(reached=news.reached, runs=[*begun, *ended], writes=rest[done:], results=news.results)

    def _end_of_portion(self, writes: Sequence[WriteSeen], start: int) -> int:
        """The place of the first write that must not be in one piece with one before it."""
        seen: dict[AssetKey, dict[str | None, frozenset[AssetKey]]] = {}
        for place, write in enumerate(writes[start:], start=start):
            if write.asset not in self._cuts:
                continue
            below = self._below(write.asset)
            told = below & write.together
            if seen.get(write.asset, {}).get(write.partition, told) != told:
                return place
            if any(self._meet(write, key, seen[key]) for key in below.intersection(seen)):
                return place
            seen.setdefault(write.asset, {})[write.partition] = told
        return len(writes)

    def _below(self, key: AssetKey) -> frozenset[AssetKey]:
        if (known := self._descendants.get(key)) is None:
            known = self._descendants[key] = frozenset(self._graph.descendants([key]))
        return known

    def _meet(self, write: WriteSeen, key: AssetKey, partitions: Collection[str | None]) -> bool:
        """Whether these partitions of an asset may depend on what was written."""
        return self._cuts[write.asset] != self._cuts[key] or write.partition in partitions

    def hear(self, news: News) -> None:
        """Something has happened."""
        for run in news.runs:
            if not run.status.is_finished:
                self._hear_start(run)
        for write in news.writes:
            self._hear_write(write)
        for run in news.runs:  # what they have written is known by now
            if run.status.is_finished:
                self._hear_end(run)
        for result in news.results:
            if (keys := self._set(result.check, (result.partition,))) is not None:
                self.facts.checked(result.check, keys, passed=result.passed, at=result.at)
        self.reached = news.reached

    def stir(self) -> None:
        """Anything may have happened."""
        for subject in self._cuts:
            self.facts.stir(subject)

    def _recall(self, standing: Standing) -> None:
        for key, written in standing.written.items():
            self.facts.recall(key, written=self._set(key, tuple(written)), at=max(written.values(), default=None))
        for key, partitions in standing.failed_partitions.items():
            if self._cuts[key] != WHOLE:
                self.facts.recall(key, failed=self._set(key, partitions))
        for key, failed in standing.failed_runs.items():
            if self._cuts[key] == WHOLE and has_failed(self._graph.spec(key), standing.states[key], failed):
                self.facts.recall(key, failed=self._set(key, (None,)))
        for result in standing.results:
            self._recall_result(result)
        for run in standing.runs:
            self._under_way[run.id] = self._targets(run)
            for key, keys in self._under_way[run.id].items():
                self.facts.recall_started(key, keys)

    def _recall_result(self, result: ResultSeen) -> None:
        if (keys := self._set(result.check, (result.partition,))) is not None:
            self.facts.recall_result(result.check, keys, passed=result.passed, at=result.at)

    def _hear_start(self, run: RunNow) -> None:
        if run.id in self._under_way:
            self._hear_at_last(run)
            return
        targets = self._under_way[run.id] = self._targets(run)
        for key, keys in targets.items():
            self.facts.started(key, keys)

    def _hear_write(self, write: WriteSeen) -> None:
        keys = self._set(write.asset, (write.partition,))
        if keys is None:
            return
        self.facts.wrote(write.asset, keys, at=write.at, together=write.together)
        self._heard.setdefault(write.asset, []).append(write)
        if write.run_id is not None:
            written = self._written.setdefault(write.run_id, {})
            written[write.asset] = written[write.asset] | keys if write.asset in written else keys
            targets = self._under_way.get(write.run_id, {})
            if write.asset in targets:
                targets[write.asset] -= keys
        self._still_under_way(write.asset)

    def _hear_at_last(self, run: RunNow) -> None:
        """It stands as it was found when all was read, so nothing changes by it; but what conditions were told before may be older."""
        if run.id in self._unheard or run.id not in self._under_way:
            self._unheard.discard(run.id)
            for key in self._targets(run):
                self.facts.stir(key)

    def _hear_end(self, run: RunNow) -> None:
        self._hear_at_last(run)
        self._under_way.pop(run.id, None)
        written = self._written.pop(run.id, {})
        for key, keys in self._targets(run).items():
            self.facts.ended(key, keys)
            left = keys - written[key] if key in written else keys
            if run.failure is not None and run.failure.has_left(self._graph.spec(key).step_key):
                left -= self._written_after(key, run.failure.ended_at)
                if left:
                    self.facts.broke(key, left)
            self._still_under_way(key)

    def _written_after(self, key: AssetKey, moment: datetime) -> PartitionSet:
        """What has made up for a run that had ended, if both are news: nobody looked in between."""
        later = [write.partition for write in self._heard.get(key, ()) if write.at > moment]
        found = self._set(key, later) if later else None
        return self._cuts[key].none() if found is None else found

    def _still_under_way(self, key: AssetKey) -> None:
        """What other runs are to write is still being made."""
        for targets in self._under_way.values():
            if key in targets:
                self.facts.recall_started(key, targets[key])

    def _targets(self, run: RunNow) -> dict[AssetKey, PartitionSet]:
        found = {key: self._set(key, run.partitions or (None,)) for key in run.assets}
        return {key: keys for key, keys in found.items() if keys is not None}

    def _set(self, subject: str, partitions: Sequence[str | None]) -> PartitionSet | None:
        """The partitions of a subject, without those that it cannot have; None for what no condition looks at."""
        cut = self._cuts.get(subject)
        if cut is None:
            return None
        if cut == WHOLE:
            return PartitionSet(cut, ((0, 0),))
        ordinals = (cut.find_ordinal(key) for key in partitions if key is not None)
        return cut.of_ordinals(ordinal for ordinal in ordinals if ordinal is not None)
