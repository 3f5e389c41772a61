"""Staleness of assets that are written in any order under changing code, against a model that remembers everything."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.planning.staleness import assess

NOW = datetime(2026, 1, 1, tzinfo=UTC)
UPSTREAM = {"a": (), "b": ("a",), "c": ("a", "b"), "d": ("c",), "e": ()}
UNVERSIONED = "e"
"""Whatever is written of it is new data."""
KEYS = list(UPSTREAM)


def assets(codes: dict[str, int]) -> list[Any]:
    return [_asset(key, deps, None if key == UNVERSIONED else str(codes[key])) for key, deps in UPSTREAM.items()]


def _asset(key: str, deps: tuple[str, ...], code: str | None) -> Any:
    @pt.asset(key=key, deps=[*deps, *([UNVERSIONED] if key == "d" else [])], code_version=code)
    def made() -> int:
        return 1

    return made


@dataclass
class Model:
    """Which data each asset has, and which code and data it was made from."""

    codes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KEYS, 0))
    data: dict[str, object] = field(default_factory=dict)
    made_from: dict[str, tuple[int, dict[str, object]]] = field(default_factory=dict)
    writes: int = 0

    def write(self, key: str) -> None:
        inputs = {each: self.data.get(each) for each in self.upstream(key)}
        self.writes += 1
        self.made_from[key] = self.codes[key], inputs
        self.data[key] = self.writes if key == UNVERSIONED else (self.codes[key], tuple(inputs.items()))

    def upstream(self, key: str) -> tuple[str, ...]:
        return (*UPSTREAM[key], *([UNVERSIONED] if key == "d" else []))

    def state(self, key: str) -> tuple[str, list[tuple[str, str | None]]]:
        if key not in self.made_from:
            return "missing", []
        code, inputs = self.made_from[key]
        causes: list[tuple[str, str | None]] = [("code", None)] if code != self.codes[key] and key != UNVERSIONED else []
        causes += [("data", each) for each in self.upstream(key) if each in self.data and self.data[each] != inputs[each]]
        return ("stale" if causes else "fresh"), causes


writes = st.sets(st.sampled_from(KEYS), min_size=1)
code_changes = st.tuples(st.sampled_from(KEYS[:4]), st.integers(0, 1))


@settings(max_examples=25)
@given(st.lists(writes | code_changes, min_size=1, max_size=7))
def test_states_and_causes_are_those_of_the_model(script: list[Any]) -> None:
    model = Model()
    with tempfile.TemporaryDirectory() as directory, pt.Store(f"sqlite:///{directory}/runs.db") as store:
        for act in script:
            if isinstance(act, tuple):
                model.codes[act[0]] = act[1]
                continue
            pt.materialize(assets(model.codes), selection=" or ".join(sorted(act)), store=store)
            for key in ("a", "b", "c", UNVERSIONED, "d"):  # upstream first
                if key in act:
                    model.write(key)
        graph = pt.Repository("here", assets=assets(model.codes)).graph
        found = assess(graph, store.assets.writes(graph.keys, partitioned=()), now=NOW)

    told = {str(key): (each.status.value, [(cause.kind.value, cause.upstream) for cause in each.causes]) for key, each in found.items()}
    assert told == {key: model.state(key) for key in KEYS}
