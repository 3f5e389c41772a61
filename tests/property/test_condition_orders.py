"""Whatever happens, whenever daemons look, and whichever of them does: nothing eager is missed, and nothing is asked for twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.automation.conditions import ConditionRole
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import dynamic_names
from partita.definitions.specs import RepositorySpec
from partita.records.assets import ReportedMaterialization
from partita.records.filters import RunFilter
from partita.records.locations import LocationCatalog
from partita.records.runs import Run, RunStatus
from partita.storage.happenings import News, Reached, WriteSeen
from partita.storage.store import Store
from support.conditions import spec
from support.stores import BOOM, Writer, claim, launch, materialized, plan, status, url_of

EAGER = pt.Condition.eager()
KEYS = ("x", "y")
STATIC = pt.StaticPartitions(KEYS)
GROWING = pt.DynamicPartitions("growing")
START = Reached(change=0, write=0, check=0)
ROUNDS = 40
"""Looks and runs after which nothing may be left to be done."""


class Shape(NamedTuple):
    """Assets of a few locations, upstream first."""

    specs: dict[str, tuple[pt.AssetSpec, ...]]
    external: tuple[str, ...] = ("raw",)


def chain(cut: Any = None) -> tuple[pt.AssetSpec, ...]:
    return (pt.AssetSpec("raw", partitions=cut), eager("clean", "raw", cut=cut), eager("total", "clean", cut=cut))


def eager(key: str, *deps: str, cut: Any = None) -> pt.AssetSpec:
    return spec(key, EAGER, deps=deps, partitions=cut)


SHAPES = {
    "chain": Shape({"here": chain()}),
    "partitioned chain": Shape({"here": chain(STATIC)}),
    "chain that grows": Shape({"here": chain(GROWING)}),
    "diamond": Shape({"here": (pt.AssetSpec("raw"), eager("left", "raw"), eager("right", "raw"), eager("total", "left", "right"))}),
    "shortcut": Shape({"here": (pt.AssetSpec("raw"), eager("clean", "raw"), eager("total", "raw", "clean"))}),
    "two sources": Shape({"here": (pt.AssetSpec("raw"), pt.AssetSpec("other"), eager("total", "raw", "other"))}, ("raw", "other")),
    "gathering": Shape({"here": (*chain(STATIC)[:2], eager("total", "clean"))}),
    "spreading": Shape({"here": (*chain()[:2], eager("total", "clean", cut=STATIC))}),
    "two locations": Shape({"here": chain()[:2], "there": (pt.AssetSpec("clean"), eager("total", "clean"))}),
}

PLACES = st.integers(0, 3)
DEEDS = st.one_of(
    st.tuples(st.just("report"), PLACES, PLACES),
    st.tuples(st.just("launch"), PLACES, PLACES, PLACES),
    st.tuples(st.just("claim"), PLACES),
    st.tuples(st.just("write"), PLACES),
    st.tuples(st.just("end"), PLACES, st.sampled_from([RunStatus.SUCCEEDED, RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELED])),
    st.tuples(st.just("cancel"), PLACES),
    st.tuples(st.just("grow")),
    st.tuples(st.just("forget")),
)
LOOKS = st.tuples(st.just("look"), st.integers(0, 1), st.lists(DEEDS, max_size=2))
"""A look by one of two daemons, and what happens between its reading and its writing."""
STORIES = st.lists(st.one_of(DEEDS, DEEDS, LOOKS, LOOKS, st.tuples(st.just("restart"), st.integers(0, 1))), min_size=4, max_size=30)


@dataclass(frozen=True)
class Asked:
    """A run that conditions have asked for, and the last write that was known then."""

    known: int
    assets: tuple[AssetKey, ...]
    partition: str | None


@dataclass
class Held:
    """A run under way."""

    writer: Writer
    left: list[tuple[str, str | None]]


@dataclass
class World:
    """A workspace whose runs the story carries out, and two daemons that take turns."""

    shape: Shape
    store: Store
    held: list[Held] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    first_known: int | None = None
    """The last write that was known to the first evaluation."""
    has_forgotten: bool = False
    """Whether changes were pruned that a daemon may not have seen."""
    grown_at: int | None = None
    """The last write before a partition was added, after the first evaluation."""

    def __post_init__(self) -> None:
        self.store.locations.declare([(name, {"file": "x.py"}) for name in self.shape.specs])
        for name, specs in self.shape.specs.items():
            catalog = LocationCatalog(location=name, repositories=(RepositorySpec(name="main", assets=specs),))
            self.store.locations.publish(name, catalog, python_version="3", library_version="0", start="fork")
        self.store.partitions.add("growing", ["x"])
        self.roles = [ConditionRole(self.store), ConditionRole(self.store)]
        self.meanwhile: list[Any] = []
        self.since, self.commit = self.store.happenings.since, self.store.conditions.commit
        self.store.happenings.since = self._since  # type: ignore[method-assign]
        self.store.conditions.commit = self._commit  # type: ignore[method-assign]

    @property
    def specs(self) -> dict[str, pt.AssetSpec]:
        """Every asset, by the location that computes it; those that nothing computes are told of from outside."""
        return {each.key: each for specs in self.shape.specs.values() for each in specs if not each.is_external or each.key in self.shape.external}

    @property
    def writes(self) -> Sequence[WriteSeen]:
        kept = self.since(START).reached  # also when changes were pruned: writes are kept
        return self.since(replace(START, change=kept.change)).writes

    def keys(self, asset: str) -> tuple[str | None, ...]:
        partitions = self.specs[asset].partitions
        if partitions is None:
            return (None,)
        return KEYS[:1] if dynamic_names(partitions) and self.grown_at is None else KEYS

    def play(self, deed: Any) -> None:
        match deed:
            case "look", number, meanwhile:
                self.meanwhile = list(meanwhile)
                self.roles[number]()
                self.meanwhile = []
            case "restart", number:
                self.roles[number] = ConditionRole(self.store)
            case _:
                self._do(deed)

    def _do(self, deed: Any) -> None:
        match deed:
            case "report", asset, key:
                name = _pick(list(self.specs), asset)
                self.store.reports.add(ReportedMaterialization(asset=AssetKey(name), partition=_pick(self.keys(name), key)))
            case "launch", asset, count, key:
                self._launch(asset, count, key)
            case "claim", place:
                self._claim(place)
            case "write", place if self.held:
                self._write(_pick(self.held, place))
            case "end", place, outcome if self.held:
                self._end(_pick(self.held, place), outcome)
            case "cancel", place if queued := self._queued():
                self.store.runs.request_cancel(_pick(queued, place).id)
            case ("grow",) if self.grown_at is None and self.first_known is not None:
                self.store.partitions.add("growing", ["y"])
                self.grown_at = self.since(START).reached.write
            case ("forget",):
                self.has_forgotten = True
                later = datetime.now(UTC) + timedelta(days=1)
                self.store.retention.prune(events_before=later, changes_before=later, idempotency_before=later)

    def settle(self) -> None:
        """All that is under way ends well, and both daemons look, until nothing is left to be done."""
        for number in range(ROUNDS):
            before = len(self.asked)
            self.roles[number % 2]()
            self.roles[1 - number % 2]()
            while self._queued():
                self._claim(0)
            if not self.held and len(self.asked) == before:
                return
            while self.held:
                self._end(self.held[0], RunStatus.SUCCEEDED)
        pytest.fail(f"there is no end to it: {self.asked}")

    def _since(self, before: Reached) -> News:
        news = self.since(before)
        while self.meanwhile:
            self._do(self.meanwhile.pop(0))
        return news

    def _commit(self, before: Any, after: Any, **rest: Any) -> tuple[Run, ...] | None:
        runs = self.commit(before, after, **rest)
        if runs is None:
            return None
        if self.first_known is None:
            self.first_known = after.reached.write
        for request in (run.request for run in runs):
            self.asked += [Asked(after.reached.write, request.assets, key) for key in request.partition_keys or (None,)]
        return runs

    def _launch(self, asset: int, count: int, key: int) -> None:
        """Somebody launches an asset, and some that depend on it."""
        location, specs = next((name, specs) for name, specs in self.shape.specs.items() if not specs[-1].is_external)
        first = _pick([each for each in specs if not each.is_external], asset)
        chosen = [each.key for each in specs[specs.index(first) :] if each.partitions == first.partitions][: 1 + count % 2]
        partition = _pick(self.keys(first.key), key)
        launch(self.store, *chosen, location=location, partition_keys=() if partition is None else (partition,))

    def _queued(self) -> list[Run]:
        return list(self.store.runs.list(RunFilter(statuses=(RunStatus.QUEUED,))).items)

    def _claim(self, place: int) -> None:
        names = list(self.shape.specs)
        found = (claimed for name in (_pick(names, place), *names) for claimed in claim(self.store, location=name))
        if (claimed := next(found, None)) is not None:
            request = claimed.run.request
            writer = Writer(self.store, claimed)
            writer.send(plan(*request.assets), status(RunStatus.RUNNING))
            self.held.append(Held(writer, [(asset, key) for asset in request.assets for key in request.partition_keys or (None,)]))

    def _write(self, held: Held) -> None:
        if held.left:
            held.writer.send(materialized(*held.left.pop(0)))

    def _end(self, held: Held, outcome: RunStatus) -> None:
        while outcome is RunStatus.SUCCEEDED and held.left:
            self._write(held)
        held.writer.send(status(outcome, error=BOOM) if outcome is RunStatus.FAILED else status(outcome))
        self.held.remove(held)


def _pick(found: Sequence[Any], place: int) -> Any:
    return found[place % len(found)]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables."""
    with Store(url_of(tmp_path_factory.mktemp("empty"))) as made:
        return made.database_path


@contextmanager
def a_world(shape: str, empty: Path) -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(empty, folder)
        with Store(url_of(Path(folder)), synchronous="off") as store:
            yield World(SHAPES[shape], store)


@settings(max_examples=20)
@pytest.mark.parametrize("shape", SHAPES)
@given(story=STORIES)
def test_nothing_eager_is_missed_and_nothing_is_asked_for_twice(shape: str, empty: Path, story: list[Any]) -> None:
    with a_world(shape, empty) as world:
        for deed in story:
            world.play(deed)
        world.settle()

        for asset, key in [(each.key, key) for each in world.specs.values() if each.automation is not None for key in world.keys(each.key)]:
            if not world.has_forgotten:
                assert_each_request_has_a_cause(world, asset, key)
            if not is_missing_something(world, asset, key):
                assert_each_cause_was_handled(world, asset, key)


def causes(world: World, asset: str, key: str | None) -> Iterator[int]:
    """The writes of what it depends on, but for those of runs that were to write it too."""
    for write in world.writes:
        if needs(world, asset, key, write.asset, write.partition) and asset not in write.together:
            yield write.number


def needs(world: World, asset: str, key: str | None, above: str, above_key: str | None) -> bool:
    return above in deps(world, asset) and (key == above_key or key is None or above_key is None)


def deps(world: World, asset: str) -> list[AssetKey]:
    return [each.key for each in world.specs[asset].deps]


def is_missing_something(world: World, asset: str, key: str | None) -> bool:
    written = {(write.asset, write.partition) for write in world.writes}
    return any(
        not world.specs[above].is_external and needs(world, asset, key, above, above_key) and (above, above_key) not in written
        for above in deps(world, asset)
        for above_key in world.keys(above)
    )


def requests_of(world: World, asset: str, key: str | None) -> list[Asked]:
    return [each for each in world.asked if asset in each.assets and each.partition == key]


def writes_of(world: World, asset: str, key: str | None) -> list[int]:
    return [write.number for write in world.writes if (write.asset, write.partition) == (asset, key)]


def assert_each_cause_was_handled(world: World, asset: str, key: str | None) -> None:
    """After each cause it was asked for by somebody who knew of it, or written."""
    assert world.first_known is not None
    asked = [each.known for each in requests_of(world, asset, key)]
    written = writes_of(world, asset, key)
    for cause in causes(world, asset, key):
        is_handled = any(known >= cause for known in asked) or any(number > cause for number in written)
        assert is_handled or cause <= world.first_known, f"{asset} {key} did not follow write {cause}: {world.writes}, {world.asked}"
    if key == "y" and dynamic_names(world.specs[asset].partitions):
        assert asked or written, "a new partition was made"


def assert_each_request_has_a_cause(world: World, asset: str, key: str | None) -> None:
    """Before each request there is a cause that came after all that was handled before: the request before, and the last write."""
    written = writes_of(world, asset, key)
    before: int | None = None
    for asked in requests_of(world, asset, key):
        handled = max([number for number in written if number <= asked.known] + [-1 if before is None else before])
        has_cause = any(handled < cause <= asked.known for cause in causes(world, asset, key))
        is_joined = any(above in asked.assets for above in deps(world, asset))
        is_new = key == "y" and dynamic_names(world.specs[asset].partitions) and before is None and handled < 0
        assert has_cause or is_joined or is_new, f"{asset} {key} was asked for without a cause: {asked}, {world.writes}, {world.asked}"
        before = asked.known
