"""Conditions on sets agree with a naive evaluator that looks at one partition at a time, tick by tick."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.definitions.conditions import All, AnyCondition, AnyOf, Negation, NewlyTrue, OfDeps, Since, State
from partita.records.codec import decode, encode
from partita.records.conditions import ConditionState
from support.conditions import Watch, at, spec

C = pt.Condition
KEYS = ["x", "y", "z"]
CUT = pt.StaticPartitions(KEYS)
A, B = pt.AssetKey("a"), pt.AssetKey("b")
START = at("2024-01-01T00:00")

FACTS = st.sampled_from([C.missing(), C.in_progress(), C.failed(), C.newly_updated(), C.newly_requested(), C.first_evaluation()])


def combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(lambda one, other: one & other, inner, inner),
        st.builds(lambda one, other: one | other, inner, inner),
        st.builds(lambda one: ~one, inner),
        st.builds(lambda one, reset: one.since(reset), inner, inner),
        st.builds(lambda one: one.newly_true(), inner),
    )


OWN = st.recursive(FACTS, combined, max_leaves=6)
WHOLES = st.recursive(st.one_of(FACTS, st.builds(C.any_dep, OWN), st.builds(C.all_deps, OWN)), combined, max_leaves=6)
HAPPENINGS = st.tuples(st.sampled_from(["wrote", "started", "broke"]), st.sampled_from(["a", "b"]), st.sampled_from(KEYS))
STORIES = st.lists(st.lists(HAPPENINGS, max_size=3), min_size=1, max_size=8)


@dataclass
class Oracle:
    """One partition of `b` at a time, all of its history by hand."""

    happened: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: {name: set() for name in ("written", "in_progress", "failed", "new")})
    before: dict[tuple[str, ...], set[str]] = field(default_factory=dict)
    requested: set[str] = field(default_factory=set)
    looks: int = 0

    def tell(self, verb: str, asset: str, key: str) -> None:
        place = (asset, key)
        match verb:
            case "started":
                self.happened["in_progress"].add(place)
            case "broke":
                self.happened["in_progress"].discard(place)
                self.happened["failed"].add(place)
            case _:
                self.happened["in_progress"].discard(place)
                self.happened["failed"].discard(place)
                self.happened["written"].add(place)
                self.happened["new"].add(place)

    def look(self, condition: AnyCondition) -> set[str]:
        now: dict[tuple[str, ...], set[str]] = {}
        self.requested = {key for key in KEYS if self.holds(condition, "b", key, ("0",), now)}
        self.before = now
        self.happened["new"].clear()
        self.looks += 1
        return self.requested

    def holds(self, condition: AnyCondition, asset: str, key: str, path: tuple[str, ...], now: dict[tuple[str, ...], set[str]]) -> bool:
        each = (
            [self.holds(child, asset, key, (*path, str(index)), now) for index, child in enumerate(condition.children)]
            if not isinstance(condition, OfDeps)
            else []
        )
        was = key in self.before.get(path, set())
        match condition:
            case State(fact=fact):
                true = self.fact(fact, asset, key)
            case All():
                true = all(each)
            case AnyOf():
                true = any(each)
            case Negation():
                true = not each[0]
            case Since():
                true = (was or each[0]) and not each[1]
            case NewlyTrue():
                true = each[0] and key not in self.before.get((*path, "0"), set())
            case OfDeps():  # one dependency, cut alike: any and all are the same
                true = self.holds(condition.condition, "a", key, (*path, "a"), now)
            case _:
                raise AssertionError(condition)
        if true:
            now.setdefault(path, set()).add(key)
        return true

    def fact(self, fact: str, asset: str, key: str) -> bool:
        match fact:
            case "missing":
                return (asset, key) not in self.happened["written"]
            case "newly_updated":
                return self.looks > 0 and (asset, key) in self.happened["new"]
            case "newly_requested":
                return asset == "b" and key in self.requested
            case "first_evaluation":
                return self.looks == 0
            case _:
                return (asset, key) in self.happened[fact]


def tell(watch: Watch, verb: str, asset: str, key: str) -> None:
    if verb == "wrote":
        watch.wrote(asset, key)
    else:
        getattr(watch.facts, verb)(asset, CUT.set_of([key]))


def moment(number: int) -> datetime:
    return START + timedelta(minutes=number)


def look(watch: Watch, number: int) -> list[str]:
    return watch.look(moment(number).strftime("%Y-%m-%dT%H:%M")).get("b", [])


@settings(max_examples=150)
@given(condition=WHOLES, story=STORIES)
def test_conditions_agree_with_a_naive_oracle_whatever_is_passed_over(condition: AnyCondition, story: list[list[tuple[str, str, str]]]) -> None:
    watch = Watch(spec("a", partitions=CUT), spec("b", condition, deps=["a"], partitions=CUT))
    oracle = Oracle()

    for number, happenings in enumerate([*story, [], []]):
        for happening in happenings:
            tell(watch, *happening)
            oracle.tell(*happening)
        assert set(look(watch, number)) == oracle.look(condition), f"at look {number}"
        watch.states = {key: decode(encode(state), ConditionState) for key, state in watch.states.items()}


@settings(max_examples=60)
@given(one=WHOLES, other=WHOLES, third=WHOLES, story=STORIES)
def test_the_laws_of_booleans_hold(one: Any, other: Any, third: Any, story: list[list[tuple[str, str, str]]]) -> None:
    pairs = [
        (~(one & other), ~one | ~other),
        (~(one | other), ~one & ~other),
        (one & (other | third), (one & other) | (one & third)),
        (~~one, one & one),
        (one | (one & other), one),
        ((one & other) & third, one & (other & third)),
    ]
    for left, right in pairs:
        # They stand below another part, under a label that keeps them apart from it, so that what is asked for does not depend on them later.
        watches = [
            Watch(spec("a", partitions=CUT), spec("b", C.first_evaluation() & each.with_label("side"), deps=["a"], partitions=CUT))
            for each in (left, right)
        ]
        for number, happenings in enumerate(story):
            for watch in watches:
                for happening in happenings:
                    tell(watch, *happening)
                look(watch, number)
            left_node, right_node = (watch.states[B].nodes["0.1"] for watch in watches)
            assert left_node.true == right_node.true


@settings(max_examples=40)
@given(data=st.data(), conditions=st.lists(WHOLES, min_size=3, max_size=3), story=STORIES)
def test_the_order_of_definition_means_nothing(data: st.DataObject, conditions: list[Any], story: list[list[tuple[str, str, str]]]) -> None:
    specs = [
        spec("a", conditions[0], partitions=CUT),
        spec("b", conditions[1], deps=["a"], partitions=CUT),
        spec("c", conditions[2] | C.will_be_requested().any_dep(), deps=["a", "b"], partitions=CUT),
    ]
    watches = [Watch(*specs), Watch(*data.draw(st.permutations(specs)))]

    for number, happenings in enumerate(story):
        for watch in watches:
            for happening in happenings:
                tell(watch, *happening)
            watch.look(moment(number).strftime("%Y-%m-%dT%H:%M"))
        assert watches[0].states == watches[1].states
        assert watches[0].last.keys() == watches[1].last.keys()


@given(condition=WHOLES)
def test_a_condition_comes_back_from_its_encoding(condition: AnyCondition) -> None:
    assert msgspec.json.decode(msgspec.json.encode(condition), type=AnyCondition) == condition
    assert str(condition)
