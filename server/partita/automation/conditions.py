"""The daemon's job of conditions: keeps up with what happens, evaluates what may have changed, launches what is asked for.

A turn is one transaction: what is remembered of the conditions, their reasons, and the runs. So whatever dies, and whoever goes on, nothing is
asked for twice.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from partita.automation.known_facts import KnownFacts
from partita.automation.published import PublishedWorkspace
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys
from partita.errors import PartitaError
from partita.planning.build import build_plan
from partita.planning.condition_facts import WHOLE
from partita.planning.condition_runs import ConditionRun, runs_of_conditions
from partita.planning.conditions import ConditionResult, Conditions
from partita.planning.dynamic import dynamic_sets
from partita.records.conditions import ConditionEvaluation, ConditionState
from partita.records.failures import PythonError
from partita.records.ids import new_id
from partita.records.runs import RunRequest
from partita.storage.condition_memory import Evaluated, Turn
from partita.storage.happenings import Reached
from partita.storage.store import Store
from partita.workspace.catalog import Catalog
from partita.workspace.merge import Place

logger = logging.getLogger(__name__)
LAUNCHED_BY = "condition"
FOLLOW_UP = timedelta(seconds=30)
"""Between looks at conditions that would come to something else by themselves."""
HEAL = 1.0
IDLE = 60.0
"""Seconds until another look when no asset has a condition; the bell rings before."""
MOST_KEYS = 1000
"""Partition keys of an evaluation that are kept."""
BEHIND = 20_000
"""Changes after which a turn is written although nothing came of it, so that the next daemon need not read them."""


@dataclass
class _Watched:
    """The conditions of the workspace as it is, and all that they look at."""

    workspace: Catalog
    dynamic: DynamicKeys
    paused: frozenset[AssetKey]
    conditions: Conditions
    known: KnownFacts
    states: dict[AssetKey, ConditionState]
    turn: Turn

    @property
    def is_behind(self) -> bool:
        """Whether much has happened since the last turn."""
        return self.turn.reached is not None and self.known.reached.change - self.turn.reached.change > BEHIND


class ConditionRole:
    """One look at all conditions. What it knows it keeps, so that a look at which nothing has happened costs a few comparisons."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workspace = PublishedWorkspace(store)
        self._watched: _Watched | None = None

    def __call__(self) -> float:
        """Evaluate what may have changed; answers the seconds until the next look, unless something rings."""
        watched = self._watch()
        if not watched.conditions.keys:
            return IDLE
        # What was asked for counts as handled in the evaluation that follows, so that one must not know of anything newer.
        if any(state.requested for state in watched.states.values()) and not self._evaluate(watched):
            return 0.0
        while True:
            news = self._store.happenings.since(watched.known.reached)
            if news.is_expired:
                watched = self._watched = self._read(watched.workspace, watched.dynamic, kept=news.reached)
                continue
            for portion in watched.known.portions(news):
                watched.known.hear(portion)
                if not self._evaluate(watched):
                    return 0.0
            if not news.has_more:
                return self._patience(watched, self._store.now())

    def _watch(self) -> _Watched:
        workspace = self._workspace.read()
        dynamic = self._store.partitions.bind(dynamic_sets(workspace.repositories.values()))
        before = self._watched
        if before is None or before.workspace is not workspace or before.dynamic != dynamic or before.paused != self._store.conditions.paused():
            self._watched = before = self._read(workspace, dynamic)
        return before

    def _evaluate(self, watched: _Watched) -> bool:
        """Evaluate, and write down what has come of it; False: another daemon was first, so all must be read anew."""
        now = self._store.now()
        results = watched.conditions.evaluate(watched.known.facts, now=now, previous=watched.states)
        if not results and not watched.is_behind:
            return True
        self._watched = None  # until all is written
        if not self._commit(watched, results, now):
            return False
        self._watched = watched
        return True

    def _read(self, workspace: Catalog, dynamic: DynamicKeys, *, kept: Reached | None = None) -> _Watched:
        """All anew, as it was at the last turn; what has happened since is heard afterwards.

        What runs have done since then may not be kept any more. Then, `kept` is where what is kept ends, and everything counts as changed; what
        was written is kept for much longer, so that is heard all the same.
        """
        turn, states, paused = self._store.conditions.read()
        conditions = Conditions(workspace.graph, dynamic=dynamic, homes=workspace.owners, without=paused)
        keys = {key for each in conditions.keys for key in (each, *workspace.graph.ancestors([each]))}
        at = turn.reached
        if at is not None and kept is not None:
            at = Reached(change=kept.change, write=min(at.write, kept.write), check=min(at.check, kept.check))
        standing = self._store.happenings.standing(keys, at=at)
        known = KnownFacts(workspace.graph, keys, dynamic, standing, position=turn.position)
        if kept is not None:
            known.stir()
        return _Watched(workspace, dynamic, paused, conditions, known, states, turn)

    def _commit(self, watched: _Watched, results: Mapping[AssetKey, ConditionResult], now: datetime) -> bool:
        ids = {key: new_id("evaluation") for key, result in results.items() if result.requested}
        launches, refused = self._launches(watched, results, ids, now)
        requests = [request for request, _ in launches]
        evaluated = [
            _evaluated(evaluation_id, results[key], now, [place for place, (_, run) in enumerate(launches) if key in run.asked_by], refused.get(key))
            for key, evaluation_id in ids.items()
        ]
        after = Turn(position=watched.known.facts.cursor, reached=watched.known.reached)
        states = {key: result.state for key, result in results.items()}
        runs = self._store.conditions.commit(watched.turn, after, states=states, evaluated=evaluated, requests=requests)
        if runs is None:
            return False
        if runs:
            logger.info("conditions have launched runs", extra={"runs": len(runs), "assets": len(evaluated)})
        watched.states |= states
        watched.turn = Turn(number=watched.turn.number + 1, position=after.position, reached=after.reached)
        return True

    def _launches(
        self, watched: _Watched, results: Mapping[AssetKey, ConditionResult], ids: Mapping[AssetKey, str], now: datetime
    ) -> tuple[list[tuple[RunRequest, ConditionRun]], dict[AssetKey, PythonError]]:
        """What is launched, and why not what cannot be."""
        workspace = watched.workspace
        homes: dict[Place, list[AssetKey]] = {}
        for key in results:
            if (place := workspace.owner_of(key)) is not None:
                homes.setdefault(place, []).append(key)
        found: list[tuple[RunRequest, ConditionRun]] = []
        refused: dict[AssetKey, PythonError] = {}
        for (location, name), keys in homes.items():
            repository = workspace.repository(location, name)
            references = workspace.references_for(location, name)
            own = {spec.key: workspace.asset(spec.key) for spec in repository.assets}
            for wanted in runs_of_conditions((results[key] for key in keys), among=own):
                request = _request(wanted, location, name, launched_by=f"{LAUNCHED_BY}:{ids[wanted.asked_by[0]]}")
                try:
                    build_plan(repository, request, references=references, dynamic=watched.dynamic, now=now)
                except PartitaError as error:
                    refused.update(dict.fromkeys(wanted.asked_by, PythonError.of(error)))
                else:
                    found.append((request, wanted))
        return found, refused

    def _patience(self, watched: _Watched, now: datetime) -> float:
        if not all(state.is_settled for state in watched.states.values()):
            has_asked = any(state.requested for state in watched.states.values())
            return HEAL if has_asked else FOLLOW_UP.total_seconds()
        due = min((state.valid_until for state in watched.states.values() if state.valid_until is not None), default=None)
        return IDLE if due is None else min(IDLE, max(0.0, (due - now).total_seconds()))


def _request(wanted: ConditionRun, location: str, repository: str, *, launched_by: str) -> RunRequest:
    return RunRequest(
        location=location,
        repository=repository,
        assets=wanted.assets,
        partition_keys=() if wanted.partition is None else (wanted.partition,),
        launched_by=launched_by,
    )


def _evaluated(evaluation_id: str, result: ConditionResult, now: datetime, launches: Sequence[int], error: PythonError | None) -> Evaluated:
    is_whole = result.requested.partitions == WHOLE
    record = ConditionEvaluation(
        id=evaluation_id,
        asset=result.key,
        at=now,
        reason=result.reason.record,
        partitions=() if is_whole else tuple(result.requested[:MOST_KEYS]),
        count=len(result.requested),
        error=error,
    )
    return Evaluated(record=record, launches=tuple(launches))
