"""What conditions look at, read from the database once and kept up with what happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys, Partitions, PartitionSet
from partita.planning.condition_facts import WHOLE, cut_of
from partita.planning.remembered_facts import RememberedFacts
from partita.records.runs import RunStatus, StepStatus
from partita.storage.happenings import News, Reached, ResultSeen, RunNow, Standing


class KnownFacts:
    """The facts of the assets that conditions look at.

    Args:
        graph: all assets, with their checks.
        keys: those that matter.
        dynamic: the keys of dynamic sets.
        standing: how everything stands now.
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
        self._under_way: dict[str, dict[AssetKey, PartitionSet]] = {}
        """What each run that has not ended is to write."""
        self._recall(standing)

    def hear(self, news: News) -> None:
        """Something has happened."""
        for run in news.runs:
            self._hear_run(run)
        for write in news.writes:
            if (keys := self._set(write.asset, (write.partition,))) is not None:
                self.facts.wrote(write.asset, keys, at=write.at, together=write.together)
                self._still_under_way(write.asset)
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
            self.facts.recall(key, written=self._some(key, written), at=max(written.values(), default=None))
        for key, failed in standing.failed.items():
            self.facts.recall(key, failed=self._some(key, failed))
        for result in standing.results:
            self._recall_result(result)
        for run in standing.runs:
            self._under_way[run.id] = self._targets(run)
            for key, keys in self._under_way[run.id].items():
                self.facts.recall_started(key, keys)

    def _recall_result(self, result: ResultSeen) -> None:
        if (keys := self._set(result.check, (result.partition,))) is not None:
            self.facts.recall_result(result.check, keys, passed=result.passed, at=result.at)

    def _hear_run(self, run: RunNow) -> None:
        before = self._under_way.pop(run.id, None)
        if not run.status.is_finished:
            targets = self._under_way[run.id] = self._targets(run)
            for key, keys in targets.items():
                if before is None:
                    self.facts.started(key, keys)
            return
        for key, keys in (before if before is not None else self._targets(run)).items():
            if run.steps.get(self._graph.spec(key).step_key) is StepStatus.SUCCEEDED:
                continue  # that it was written is told by itself
            if run.status is RunStatus.FAILED:
                self.facts.broke(key, keys)
            else:
                self.facts.ended(key, keys)
            self._still_under_way(key)

    def _still_under_way(self, key: AssetKey) -> None:
        """What other runs are to write is still being made."""
        for targets in self._under_way.values():
            if key in targets:
                self.facts.recall_started(key, targets[key])

    def _targets(self, run: RunNow) -> dict[AssetKey, PartitionSet]:
        found = {key: self._set(key, run.partitions or (None,)) for key in run.assets}
        return {key: keys for key, keys in found.items() if keys is not None}

    def _some(self, key: str, partitions: Iterable[str | None] | Mapping[str | None, object]) -> PartitionSet | None:
        return self._set(key, tuple(partitions))

    def _set(self, subject: str, partitions: Sequence[str | None]) -> PartitionSet | None:
        """The partitions of a subject, without those that it cannot have; None for what no condition looks at."""
        cut = self._cuts.get(subject)
        if cut is None:
            return None
        if cut is WHOLE or cut == WHOLE:
            return PartitionSet(cut, ((0, 0),))
        ordinals = (cut.find_ordinal(key) for key in partitions if key is not None)
        return cut.of_ordinals(ordinal for ordinal in ordinals if ordinal is not None)
