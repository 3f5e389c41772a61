"""Evaluating the tree of one asset's condition, on sets of partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, reduce
from typing import assert_never

from partita.definitions.asset_graph import AssetGraph
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
from partita.definitions.cron import Cron
from partita.definitions.keys import AssetKey
from partita.definitions.mappings import default_mapping, mapping_of
from partita.definitions.partitions import DynamicKeys, Partitions, PartitionSet, TimePartitions
from partita.planning.backfill import needs_same_key
from partita.planning.condition_facts import WHOLE, Facts, cut_of
from partita.planning.freshness import evaluate_freshness
from partita.planning.reasons import Reason
from partita.records.conditions import ConditionState, NodeState

_MOMENTS: frozenset[Fact] = frozenset(
    {"newly_updated", "newly_updated_with_target", "newly_requested", "will_be_requested", "code_version_changed", "first_evaluation"}
)
"""Facts that are true for one evaluation only: after it, the same must be evaluated again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all trees of one evaluation share."""

    graph: AssetGraph
    facts: Facts
    now: datetime
    dynamic: DynamicKeys | None
    previous: Mapping[AssetKey, ConditionState]
    requested: Mapping[AssetKey, PartitionSet]
    """What this evaluation asks for so far: that of everything upstream."""
    is_together: Callable[[AssetKey, AssetKey], bool]
    """Whether one run can write both assets."""
    chosen: Callable[[str], frozenset[AssetKey]]
    """The assets that a selection means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a part of a condition is asked of."""

    subject: str
    asset: AssetKey
    cut: Partitions
    everything: PartitionSet
    """All partitions that exist."""
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
        cut = cut_of(self._around.graph.spec(key).partitions, self._around.dynamic)
        if isinstance(cut, TimePartitions):
            self._changes_at(_next_window(cut, self._around.now))
        return Place(subject=key, asset=key, cut=cut, everything=cut.keys(now=self._around.now), path=path, can_join=can_join)

    def _node(self, condition: AnyCondition, place: Place) -> Reason:
        metadata: dict[str, str] = {}
        children: tuple[Reason, ...] = ()
        match condition:
            case State(fact=fact):
                true = self._fact(fact, place, metadata)
            case CronTick():
                true = self._tick(condition, place, metadata)
            case LatestWindow(lookback=lookback):
                true = _latest(place, lookback)
            case OfDeps():
                true, children = self._of_deps(condition, place)
            case OfChecks():
                true, children = self._of_checks(condition, place)
            case _:
                children = tuple(self._node(child, _child(place, index)) for index, child in enumerate(condition.children))
                true = self._combined(condition, place, children)
        true &= place.everything
        return Reason(label=str(condition), subject=place.subject, true=true, since=self._remember(place, true), metadata=metadata, children=children)

    def _combined(self, condition: All | AnyOf | Negation | Since | NewlyTrue, place: Place, children: tuple[Reason, ...]) -> PartitionSet:
        match condition:
            case All():
                return reduce(PartitionSet.__and__, (child.true for child in children), place.everything)
            case AnyOf():
                return reduce(PartitionSet.__or__, (child.true for child in children), place.cut.none())
            case Negation():
                return place.everything - children[0].true
            case Since():
                return (self._remembered(place, place.path) | children[0].true) - children[1].true
            case NewlyTrue():
                return self._moment(children[0].true - self._remembered(place, _child(place, 0).path))
            case _:
                assert_never(condition)

    def _fact(self, fact: Fact, place: Place, metadata: dict[str, str]) -> PartitionSet:
        facts, subject, cut = self._around.facts, place.subject, place.cut
        if fact in _MOMENTS:
            return self._moment(self._moment_fact(fact, place, metadata) & place.everything)
        match fact:
            case "missing":
                is_external = subject == place.asset and self._around.graph.spec(place.asset).is_external
                return cut.none() if is_external else place.everything - facts.written(subject, cut)
            case "in_progress":
                return facts.in_progress(subject, cut)
            case "failed":
                return facts.failed(subject, cut)
            case "check_passed":
                checks = self._checks(place)
                return reduce(PartitionSet.__and__, (facts.passed(each, cut) for each in checks), place.everything) if checks else cut.none()
            case "check_failed":
                return reduce(PartitionSet.__or__, (facts.not_passed(each, cut) for each in self._checks(place)), cut.none())
            case _:
                return self._stale(place, metadata)

    def _moment_fact(self, fact: Fact, place: Place, metadata: dict[str, str]) -> PartitionSet:
        before, facts, cut = self._before, self._around.facts, place.cut
        match fact:
            case "first_evaluation":
                return place.everything if before is None else cut.none()
            case "newly_updated":
                return cut.none() if before is None else facts.updated(place.subject, cut, after=before.cursor)
            case "newly_updated_with_target":
                return cut.none() if before is None else facts.updated_with(place.subject, cut, target=self._key, after=before.cursor)
            case "newly_requested":
                state = before if place.subject == self._key else self._around.previous.get(place.asset) if place.subject == place.asset else None
                return PartitionSet.decode(state.requested, cut) if state is not None and state.requested else cut.none()
            case "will_be_requested":
                return self._around.requested.get(place.asset, cut.none()) if place.can_join else cut.none()
            case _:
                return self._new_version(place, metadata)

    def _new_version(self, place: Place, metadata: dict[str, str]) -> PartitionSet:
        version = self._around.graph.spec(place.asset).code_version
        self.code_versions[place.asset] = version
        if self._before is None or self._before.code_versions.get(place.asset, version) == version:
            return place.cut.none()
        metadata["from"], metadata["to"] = str(self._before.code_versions[place.asset]), str(version)
        return place.everything

    def _stale(self, place: Place, metadata: dict[str, str]) -> PartitionSet:
        policy = self._around.graph.spec(place.asset).freshness
        if policy is None:
            return place.cut.none()
        state = evaluate_freshness(policy, written_at=self._around.facts.written_at(place.asset), now=self._around.now)
        metadata["policy"] = str(policy)
        if state.fails_at is not None:
            self._changes_at(state.fails_at)
        if state.since is not None and not state.is_fresh:
            metadata["failing since"] = state.since.isoformat()
        return place.cut.none() if state.is_fresh else place.everything

    def _tick(self, condition: CronTick, place: Place, metadata: dict[str, str]) -> PartitionSet:
        cron = _cron(condition.cron, condition.timezone)
        following = cron.next(self._around.now)
        self._changes_at(following)
        tick = cron.previous(following)
        if self._before is None or tick <= self._before.evaluated_at:
            return place.cut.none()
        metadata["tick"] = tick.isoformat()
        return self._moment(place.everything)

    def _checks(self, place: Place) -> list[str]:
        if place.subject != place.asset:
            return [place.subject]
        return [check.step_key for check in self._around.graph.checks_of(place.asset)]

    def _of_checks(self, condition: OfChecks, place: Place) -> tuple[PartitionSet, tuple[Reason, ...]]:
        checks = [each for each in self._around.graph.checks_of(place.asset) if each.is_blocking or not condition.blocking_only]
        children = tuple(
            self._node(
                condition.condition,
                Place(subject=each.step_key, asset=place.asset, cut=place.cut, everything=place.everything, path=f"{place.path}.{each.name}"),
            )
            for each in checks
        )
        return _quantified(condition.quantifier, (child.true for child in children), place), children

    def _of_deps(self, condition: OfDeps, place: Place) -> tuple[PartitionSet, tuple[Reason, ...]]:
        reasons: list[Reason] = []
        found: list[PartitionSet] = []
        for key in self._deps(condition, place.asset):
            can_join = place.asset == self._key and self._is_joined(key)
            above = self._place(key, f"{place.path}.{key}", can_join=can_join)
            reason = self._node(condition.condition, above)
            down = self._down(place, above, reason.true)
            if condition.quantifier == "all":  # what needs nothing of it does not wait for it
                down |= place.everything - self._down(place, above, above.everything)
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

    def _down(self, below: Place, above: Place, keys: PartitionSet) -> PartitionSet:
        """The partitions of `below` that need any of these of `above`."""
        if not keys:
            return below.cut.none()
        if above.cut is WHOLE:
            return below.everything
        declared = self._around.graph.spec(below.asset).mapping_from(above.asset)
        downstream = None if below.cut is WHOLE else below.cut
        mapping = mapping_of(declared) if declared is not None else default_mapping(upstream=above.cut, downstream=downstream)
        if downstream is None:
            needed = mapping.upstream((), downstream=None, upstream=above.cut, now=self._around.now).keys
            return below.everything if needed & keys else below.cut.none()
        return mapping.downstream(keys, upstream=above.cut, downstream=downstream, now=self._around.now).keys

    def _moment(self, true: PartitionSet) -> PartitionSet:
        self.has_moment = self.has_moment or bool(true)
        return true

    def _remembered(self, place: Place, path: str) -> PartitionSet:
        known = None if self._before is None else self._before.nodes.get(path)
        return place.cut.none() if known is None else PartitionSet.decode(known.true, place.cut) & place.everything

    def _remember(self, place: Place, true: PartitionSet) -> datetime:
        known = None if self._before is None else self._before.nodes.get(place.path)
        encoded = true.encode()
        state = known if known is not None and known.true == encoded else NodeState(true=encoded, since=self._around.now)
        self.nodes[place.path] = state
        return state.since

    def _changes_at(self, instant: datetime) -> None:
        self.valid_until = instant if self.valid_until is None else min(self.valid_until, instant)


def _child(place: Place, index: int) -> Place:
    return Place(
        subject=place.subject,
        asset=place.asset,
        cut=place.cut,
        everything=place.everything,
        path=f"{place.path}.{index}",
        can_join=place.can_join,
    )


def _quantified(quantifier: str, found: Iterable[PartitionSet], place: Place) -> PartitionSet:
    if quantifier == "any":
        return reduce(PartitionSet.__or__, found, place.cut.none())
    return reduce(PartitionSet.__and__, found, place.everything)


def _latest(place: Place, lookback: float | None) -> PartitionSet:
    if not isinstance(place.cut, TimePartitions) or not place.everything:
        return place.everything
    newest = place.everything[-1:]
    if lookback is None:
        return newest
    ordinal = newest.spans[0][0]
    until = place.cut.window_of(ordinal).end.timestamp() - lookback
    low = place.everything.spans[0][0]
    high = ordinal  # the first window that ends after `until`
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if place.cut.start_of(middle + 1) > until else (middle + 1, high)
    return PartitionSet(place.cut, ((low, ordinal),)) & place.everything


def _next_window(cut: TimePartitions, now: datetime) -> datetime:
    """When the next partition may begin to exist."""
    return _cron((cut.cron,), cut.timezone).next(now)


@lru_cache(maxsize=1024)
def _cron(expressions: tuple[str, ...], timezone: str) -> Cron:
    return Cron(expressions, timezone=timezone)
