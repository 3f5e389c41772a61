"""Evaluating the tree of one asset's condition, on sets of partitions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from typing import NamedTuple, assert_never

from partita.definitions.conditions import (
    All,
    AnyCondition,
    AnyOf,
    CronTick,
    Fact,
    LatestWindow,
    Negation,
    NewlyTrue,
    OfChecks,
    OfDeps,
    Since,
    State,
)
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import MultiPartitions, PartitionSet, ProductSet, TimePartitions
from partita.planning.backfill import needs_same_key
from partita.planning.condition_surroundings import Cut, Surroundings
from partita.planning.freshness import evaluate_freshness
from partita.planning.reasons import Reason
from partita.records.conditions import ConditionState, NodeState

_MOMENTS: frozenset[Fact] = frozenset(
    {"newly_updated", "newly_updated_with_target", "newly_requested", "will_be_requested", "code_version_changed", "first_evaluation"}
)
"""Facts that are true for one evaluation only: after it, the same must be evaluated again."""


class Place(NamedTuple):
    """What a part of a condition is asked of."""

    subject: str
    asset: AssetKey
    cut: Cut
    path: str
    """Where it is in the tree."""
    can_join: bool = False
    """A direct dependency that the same run can write under the same keys."""


class Tree:
    """One evaluation of one asset's condition."""

    def __init__(self, key: AssetKey, around: Surroundings, before: ConditionState | None) -> None:
        self._key = key
        self._around = around
        self._before = before
        self.nodes: dict[str, NodeState] = {}
        self.code_versions: dict[str, str | None] = {}
        self.has_moment = False
        """Something was true that will not be at the next evaluation, even if nothing happens."""
        self.valid_until: datetime | None = None

    def evaluate(self, condition: AnyCondition) -> Reason:
        """What the condition comes to.

        Raises:
            RequestError: what is remembered was counted by other partitions.
        """
        return self._node(condition, self._place(self._key, "0", can_join=False))

    def _place(self, key: AssetKey, path: str, *, can_join: bool) -> Place:
        cut = self._around.cut(key)
        if cut.changes_at is not None:
            self._changes_at(cut.changes_at)
        return Place(key, key, cut, path, can_join)

    def _node(self, condition: AnyCondition, place: Place) -> Reason:
        metadata: dict[str, str] = {}
        children: tuple[Reason, ...] = ()
        match condition:
            case State(fact=fact):
                true = self._fact(fact, place, metadata)
            case CronTick():
                true = self._tick(condition, place, metadata)
            case LatestWindow(lookback=lookback):
                true = _latest(place.cut, lookback)
            case OfDeps():
                true, children = self._of_deps(condition, place)
            case OfChecks():
                true, children = self._of_checks(condition, place)
            case _:
                children = tuple(self._node(child, _child(place, index)) for index, child in enumerate(condition.children))
                true = self._combined(condition, place, children)
        since = self._remember(place, true)
        return Reason(condition=condition, subject=place.subject, true=true, since=since, metadata=metadata, children=children)

    def _combined(self, condition: All | AnyOf | Negation | Since | NewlyTrue, place: Place, children: tuple[Reason, ...]) -> PartitionSet:
        match condition:
            case All():
                return reduce(_both, (child.true for child in children), place.cut.everything)
            case AnyOf():
                return reduce(_either, (child.true for child in children), place.cut.none)
            case Negation():
                return _less(place.cut.everything, children[0].true)
            case Since():
                return _less(_either(self._remembered(place, place.path), children[0].true), children[1].true)
            case NewlyTrue():
                return self._moment(_less(children[0].true, self._remembered(place, f"{place.path}.0")))
            case _:
                assert_never(condition)

    def _fact(self, fact: Fact, place: Place, metadata: dict[str, str]) -> PartitionSet:
        if fact in _MOMENTS:
            return self._moment(_both(self._moment_fact(fact, place, metadata), place.cut.everything))
        return _both(self._lasting_fact(fact, place, metadata), place.cut.everything)

    def _lasting_fact(self, fact: Fact, place: Place, metadata: dict[str, str]) -> PartitionSet:
        facts, subject, cut, partitions = self._around.facts, place.subject, place.cut, place.cut.partitions
        match fact:
            case "missing":
                is_external = subject == place.asset and self._around.graph.spec(place.asset).is_external
                return cut.none if is_external else _less(cut.everything, facts.written(subject, partitions))
            case "in_progress":
                return facts.in_progress(subject, partitions)
            case "failed":
                return facts.failed(subject, partitions)
            case "check_passed":
                checks = self._checks(place)
                return reduce(_both, (facts.passed(each, partitions) for each in checks), cut.everything) if checks else cut.none
            case "check_failed":
                return reduce(_either, (facts.not_passed(each, partitions) for each in self._checks(place)), cut.none)
            case _:
                return self._stale(place, metadata)

    def _moment_fact(self, fact: Fact, place: Place, metadata: dict[str, str]) -> PartitionSet:
        before, facts, cut = self._before, self._around.facts, place.cut
        match fact:
            case "first_evaluation":
                return cut.everything if before is None else cut.none
            case "newly_updated":
                return cut.none if before is None else facts.updated(place.subject, cut.partitions, after=before.cursor)
            case "newly_updated_with_target":
                return cut.none if before is None else facts.updated_with(place.subject, cut.partitions, target=self._key, after=before.cursor)
            case "newly_requested":
                state = before if place.asset == self._key else self._around.previous.get(place.asset)
                is_asked = state is not None and place.subject == place.asset and state.requested
                return self._around.decoded(state.requested, cut) if state is not None and is_asked else cut.none
            case "will_be_requested":
                return self._around.requested.get(place.asset, cut.none) if place.can_join else cut.none
            case _:
                return self._new_version(place, metadata)

    def _new_version(self, place: Place, metadata: dict[str, str]) -> PartitionSet:
        version = self._around.graph.spec(place.asset).code_version
        self.code_versions[place.asset] = version
        if self._before is None or self._before.code_versions.get(place.asset, version) == version:
            return place.cut.none
        metadata["from"], metadata["to"] = str(self._before.code_versions[place.asset]), str(version)
        return place.cut.everything

    def _stale(self, place: Place, metadata: dict[str, str]) -> PartitionSet:
        policy = self._around.graph.spec(place.asset).freshness
        if policy is None:
            return place.cut.none
        state = evaluate_freshness(policy, written_at=self._around.facts.written_at(place.asset), now=self._around.now)
        metadata["policy"] = str(policy)
        if state.fails_at is not None:
            self._changes_at(state.fails_at)
        if state.since is not None and not state.is_fresh:
            metadata["failing since"] = state.since.isoformat()
        return place.cut.none if state.is_fresh else place.cut.everything

    def _tick(self, condition: CronTick, place: Place, metadata: dict[str, str]) -> PartitionSet:
        tick, following = self._around.ticks(condition.cron, condition.timezone)
        self._changes_at(following)
        if self._before is None or tick <= self._before.evaluated_at:
            return place.cut.none
        metadata["tick"] = tick.isoformat()
        return self._moment(place.cut.everything)

    def _checks(self, place: Place) -> list[str]:
        if place.subject != place.asset:
            return [place.subject]
        return [check.step_key for check in self._around.graph.checks_of(place.asset)]

    def _of_checks(self, condition: OfChecks, place: Place) -> tuple[PartitionSet, tuple[Reason, ...]]:
        checks = [each for each in self._around.graph.checks_of(place.asset) if each.is_blocking or not condition.blocking_only]
        places = [Place(each.step_key, place.asset, place.cut, f"{place.path}.{each.name}") for each in checks]
        children = tuple(self._node(condition.condition, each) for each in places)
        return _quantified(condition.quantifier, (child.true for child in children), place), children

    def _of_deps(self, condition: OfDeps, place: Place) -> tuple[PartitionSet, tuple[Reason, ...]]:
        reasons: list[Reason] = []
        found: list[PartitionSet] = []
        for key in self._deps(condition, place.asset):
            can_join = place.asset == self._key and self._is_joined(key)
            above = self._place(key, f"{place.path}.{key}", can_join=can_join)
            reason = self._node(condition.condition, above)
            down = self._around.downstream(reason.true, above=key, below=place.asset)
            if condition.quantifier == "all":  # what needs nothing of it does not wait for it
                needing = self._around.downstream(above.cut.everything, above=key, below=place.asset)
                down = _either(down, _less(place.cut.everything, needing))
            reasons.append(reason)
            found.append(down)
        return _quantified(condition.quantifier, found, place), tuple(reasons)

    def _deps(self, condition: OfDeps, key: AssetKey) -> list[AssetKey]:
        graph, facts = self._around.graph, self._around.facts
        deps = [each for each in graph.upstream(key) if each in graph]
        # Nothing tells anything of an external asset that nobody reports: waiting for it would be for ever.
        deps = [each for each in deps if not graph.spec(each).is_external or facts.written_at(each) is not None]
        if condition.only is not None:
            deps = [each for each in deps if each in self._around.chosen(condition.only)]
        if condition.excluding is not None:
            deps = [each for each in deps if each not in self._around.chosen(condition.excluding)]
        return deps

    def _is_joined(self, above: AssetKey) -> bool:
        graph = self._around.graph
        own, other = graph.spec(self._key), graph.spec(above)
        return own.partitions == other.partitions and needs_same_key(own, above) and self._around.is_together(self._key, above)

    def _moment(self, true: PartitionSet) -> PartitionSet:
        self.has_moment = self.has_moment or bool(true)
        return true

    def _remembered(self, place: Place, path: str) -> PartitionSet:
        known = None if self._before is None else self._before.nodes.get(path)
        return place.cut.none if known is None else self._around.decoded(known.true, place.cut)

    def _remember(self, place: Place, true: PartitionSet) -> datetime:
        known = None if self._before is None else self._before.nodes.get(place.path)
        encoded = self._around.encoded(true, place.cut)
        state = known if known is not None and known.true == encoded else NodeState(true=encoded, since=self._around.now)
        self.nodes[place.path] = state
        return state.since

    def _changes_at(self, instant: datetime) -> None:
        self.valid_until = instant if self.valid_until is None else min(self.valid_until, instant)


def _child(place: Place, index: int) -> Place:
    return Place(place.subject, place.asset, place.cut, f"{place.path}.{index}", place.can_join)


def _quantified(quantifier: str, found: Iterable[PartitionSet], place: Place) -> PartitionSet:
    return reduce(_either, found, place.cut.none) if quantifier == "any" else reduce(_both, found, place.cut.everything)


# Most sets are empty, whole, or the same as the one beside them: those need no calculation.


def _both(one: PartitionSet, other: PartitionSet) -> PartitionSet:
    if not one.spans or one.spans == other.spans:
        return one
    return one & other if other.spans else other


def _either(one: PartitionSet, other: PartitionSet) -> PartitionSet:
    if not other.spans or one.spans == other.spans:
        return one
    return one | other if one.spans else other


def _less(one: PartitionSet, other: PartitionSet) -> PartitionSet:
    return one - other if one.spans and other.spans else one


def _latest(cut: Cut, lookback: float | None) -> PartitionSet:
    """What is newest by time; in several dimensions, all that is newest in those by time."""
    partitions, everything = cut.partitions, cut.everything
    if isinstance(partitions, MultiPartitions) and isinstance(everything, ProductSet):
        return partitions.product({name: _newest(everything.in_dimension(name), lookback) for name in partitions.dimensions})
    return _newest(everything, lookback)


def _newest(everything: PartitionSet, lookback: float | None) -> PartitionSet:
    partitions = everything.partitions
    if not isinstance(partitions, TimePartitions) or not everything:
        return everything
    newest = everything[-1:]
    if lookback is None:
        return newest
    last = newest.spans[0][0]
    until = partitions.start_of(last + 1) - lookback
    first, high = everything.spans[0][0], last
    while first < high:  # the first window that ends after `until`
        middle = (first + high) // 2
        first, high = (first, middle) if partitions.start_of(middle + 1) > until else (middle + 1, high)
    return PartitionSet(partitions, ((first, last),)) & everything
