"""Conditions on a virtual clock, one look after another, with facts that a test tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import partita as pt
from partita.definitions.specs import CheckSpec
from partita.planning.condition_facts import WHOLE, cut_of
from partita.planning.conditions import ConditionResult, Conditions
from partita.planning.remembered_facts import RememberedFacts
from partita.records.conditions import ConditionState


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Watch:
    """Assets whose conditions are evaluated when the test says so."""

    def __init__(self, *specs: pt.AssetSpec, checks: Sequence[CheckSpec] = (), homes: Any = None) -> None:
        self.graph = pt.AssetGraph(specs, checks)
        self.of_check = {check.step_key: check.asset for check in checks}
        self.facts = RememberedFacts(lambda subject: cut_of(self.graph.spec(pt.AssetKey(self.of_check.get(subject, subject))).partitions, None))
        self.conditions = Conditions(self.graph, homes=homes)
        self.states: dict[pt.AssetKey, ConditionState] = {}
        self.now = at("2024-01-01T00:00")
        self.last: dict[pt.AssetKey, ConditionResult] = {}

    def wrote(self, key: str, *keys: str, together: Sequence[str] = ()) -> None:
        """An asset, or some partitions of it, was written."""
        spec = self.graph.spec(pt.AssetKey(key))
        told = None if spec.partitions is None else cut_of(spec.partitions, None).set_of(keys)
        self.facts.wrote(key, told, at=self.now, together=together)

    def look(self, when: str) -> dict[str, list[str]]:
        """What is asked for at a moment, by asset."""
        self.now = at(when)
        self.last = self.conditions.evaluate(self.facts, now=self.now, previous=self.states)
        self.states |= {key: result.state for key, result in self.last.items()}
        return {str(key): list(result.requested) for key, result in self.last.items() if result.requested}


def spec(key: str, condition: pt.Condition | None = None, **given: Any) -> pt.AssetSpec:
    """An asset that something computes."""
    return pt.AssetSpec(key, automation=condition, is_external=False, **given)


ONCE = [*WHOLE.keys(now=at("2024-01-01T00:00"))]
"""What is asked of an asset without partitions."""
