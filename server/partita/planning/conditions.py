"""Evaluating the conditions of many assets: a function of specs, facts, the time and what the last evaluation came to.

Only what may have changed is evaluated: an asset is passed over while nothing has happened to it or to what its condition looks at, and
the clock has reached none of the times that its last evaluation named. Looking at thousands of idle assets costs a few comparisons each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from hashlib import blake2b

import msgspec

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.conditions import AnyCondition, Condition, OfChecks, OfDeps, State, parts_of, selections_of
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DynamicKeys, PartitionSet, PartitionsSpec, dynamic_names
from partita.definitions.selection import Selection
from partita.definitions.specs import AssetSpec
from partita.errors import RequestError
from partita.planning.condition_facts import Facts
from partita.planning.condition_surroundings import Surroundings
from partita.planning.condition_tree import Tree
from partita.planning.reasons import Reason
from partita.records.conditions import ConditionState

Homes = Mapping[AssetKey, object]
"""Where each asset is defined; assets of one place can be written by one run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionResult:
    """What the condition of an asset came to."""

    key: AssetKey
    requested: PartitionSet
    """What is to be made; of an asset without partitions, `condition_facts.WHOLE`."""
    reason: Reason
    """Why, or why not."""
    state: ConditionState
    """What the next evaluation has to be given."""


class _Watched:
    """An asset with a condition, prepared."""

    def __init__(self, key: AssetKey, condition: AnyCondition, graph: AssetGraph, dynamic: DynamicKeys) -> None:
        self.key = key
        self.condition = condition
        self.checksum = _checksum(condition)
        above = graph.ancestors([key], depth=depth) if (depth := _depth(condition)) else set()
        self.above = tuple(each for each in sorted(above) if each in graph)
        checks = [check.step_key for each in (key, *self.above) for check in graph.checks_of(each)] if _asks_checks(condition) else []
        self.subjects: tuple[str, ...] = (key, *self.above, *checks)
        """All that must stay as it is for the outcome to stay."""
        self._seen = [_surrounding(graph.spec(each), dynamic) for each in (key, *self.above)]

    def surroundings(self, chosen: Callable[[str], frozenset[AssetKey]], homes: Homes | None) -> str:
        """A checksum of all that an evaluation looks at in the specs."""
        narrowed = [sorted(chosen(text).intersection(self.above)) for text in selections_of(self.condition)]
        places = [] if homes is None else [str(homes.get(each)) for each in (self.key, *self.above)]
        return _checksum((self._seen, narrowed, places))


class Conditions:
    """The conditions of a graph of assets, prepared once and evaluated again and again.

    Args:
        graph: the assets; those with `automation` are evaluated.
        dynamic: the keys of dynamic sets. When they change, prepare anew.
        homes: where each asset is defined; None: all in one place.
        without: assets whose conditions are left out.
    """

    def __init__(
        self, graph: AssetGraph, *, dynamic: DynamicKeys | None = None, homes: Homes | None = None, without: Collection[AssetKey] = ()
    ) -> None:
        self._graph = graph
        self._dynamic = dynamic
        self._homes = homes
        with_condition = [(key, condition) for key in graph.order if (condition := graph.spec(key).automation) is not None and key not in without]
        self._chosen: Callable[[str], frozenset[AssetKey]] = cache(self._choose)
        self._watched = [_Watched(key, condition, graph, dynamic or {}) for key, condition in with_condition]
        self._surroundings = {each.key: each.surroundings(self._chosen, homes) for each in self._watched}

    @property
    def keys(self) -> tuple[AssetKey, ...]:
        """The assets that have a condition, each after what it depends on."""
        return tuple(each.key for each in self._watched)

    @cached_property
    def subjects(self) -> frozenset[str]:
        """All assets and checks that any condition looks at."""
        return frozenset(subject for each in self._watched for subject in each.subjects)

    def evaluate(self, facts: Facts, *, now: datetime, previous: Mapping[AssetKey, ConditionState]) -> dict[AssetKey, ConditionResult]:
        """What each condition comes to, upstream first; an asset for which nothing can have changed is left out.

        Args:
            facts: what has happened until now.
            now: the time.
            previous: what the last evaluation of each asset left, as it is; an asset without begins anew.
        """
        results: dict[AssetKey, ConditionResult] = {}
        requested: dict[AssetKey, PartitionSet] = {}
        recently = {key for key, state in previous.items() if state.requested}
        around = Surroundings(
            graph=self._graph,
            facts=facts,
            now=now,
            dynamic=self._dynamic,
            previous=previous,
            requested=requested,
            is_together=self._is_together,
            chosen=self._chosen,
        )
        for each in self._watched:
            before = previous.get(each.key)
            if before is not None and self._is_unchanged(each, before, facts, now):
                is_stirred = any(key in requested or key in recently for key in each.above)
                if not is_stirred:
                    continue
            result = _evaluate(each, around, before, self._surroundings[each.key])
            results[each.key] = result
            if result.requested:
                requested[each.key] = result.requested
        return results

    def _is_unchanged(self, watched: _Watched, before: ConditionState, facts: Facts, now: datetime) -> bool:
        """Whether another evaluation would come to the same as the last one."""
        return (
            before.is_settled
            and (before.valid_until is None or now < before.valid_until)
            and before.condition == watched.checksum
            and before.surroundings == self._surroundings[watched.key]
            and all(facts.revision(subject) <= before.cursor for subject in watched.subjects)
        )

    def _is_together(self, one: AssetKey, other: AssetKey) -> bool:
        return self._homes is None or (one in self._homes and self._homes[one] == self._homes.get(other))

    def _choose(self, selection: str) -> frozenset[AssetKey]:
        location_of = None if self._homes is None else {key: str(place) for key, place in self._homes.items()}
        return frozenset(Selection.parse(selection).resolve(self._graph, location_of=location_of))


def _evaluate(watched: _Watched, around: Surroundings, before: ConditionState | None, surroundings: str) -> ConditionResult:
    if before is not None and before.condition != watched.checksum:
        before = None  # another condition: what the old one remembers means nothing in it
    tree = Tree(watched.key, around, before)
    try:
        reason = tree.evaluate(watched.condition)
    except RequestError:
        if before is None:
            raise
        # The partitions count otherwise now, so the sets that are remembered cannot be read.
        tree = Tree(watched.key, around, None)
        reason = tree.evaluate(watched.condition)
    state = ConditionState(
        condition=watched.checksum,
        surroundings=surroundings,
        evaluated_at=around.now,
        cursor=around.facts.cursor,
        requested=reason.true.encode() if reason.true else "",
        nodes=tree.nodes,
        code_versions=tree.code_versions,
        is_settled=not tree.has_moment and not reason.true,
        valid_until=tree.valid_until,
    )
    return ConditionResult(key=watched.key, requested=reason.true, reason=reason, state=state)


def _depth(condition: Condition) -> int:
    """How many edges away the assets are that it looks at."""
    own = 1 if isinstance(condition, OfDeps) else 0
    return own + max(map(_depth, condition.children), default=0)


def _asks_checks(condition: Condition) -> bool:
    return any(
        isinstance(each, OfChecks) or (isinstance(each, State) and each.fact in {"check_passed", "check_failed"}) for each in parts_of(condition)
    )


def _surrounding(spec: AssetSpec, dynamic: DynamicKeys) -> tuple[object, ...]:
    """All of an asset's spec that an evaluation may look at."""
    own = (spec.key, spec.partitions, spec.code_version, spec.freshness, spec.is_external, spec.deps)
    return (*own, [(each.key, each.mapping) for each in spec.inputs], _keys_of(spec.partitions, dynamic))


def _keys_of(partitions: PartitionsSpec | None, dynamic: DynamicKeys) -> tuple[str, ...]:
    return tuple(key for name in dynamic_names(partitions) for key in dynamic.get(name, ()))


def _checksum(value: object) -> str:
    return blake2b(msgspec.json.encode(value, enc_hook=str), digest_size=8).hexdigest()
