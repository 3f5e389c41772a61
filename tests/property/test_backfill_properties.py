"""Whatever depends on whatever, however it is cut and however runs end: a backfill ends, in order, and writes nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import partita as pt
from partita.definitions.mappings import default_mapping, mapping_of
from partita.planning.backfill import BackfillScope
from partita.planning.backfill_batches import Launch
from partita.planning.backfill_chunks import Place
from partita.records.backfills import BackfillItem, BackfillItemStatus
from partita.records.pages import Direction
from support.backfills import CANCELED, FAILED, NOW, SUCCEEDED, Played, items_of, scope_of

CUTS: dict[str, pt.Partitions | None] = {
    "days": pt.DailyPartitions(start="2024-01-29", end="2024-02-04"),
    "later": pt.DailyPartitions(start="2024-02-01", end="2024-02-06"),
    "weeks": pt.WeeklyPartitions(start="2024-01-28", end="2024-02-11"),
    "months": pt.MonthlyPartitions(start="2024-01-01", end="2024-03-01"),
    "letters": pt.StaticPartitions(["x", "y", "z"]),
    "none": None,
}
ROTATED = pt.StaticMapping({"x": "y", "y": ["z", "x"], "z": "x"})
POLICIES = st.sampled_from([None, pt.Backfill.runs_of(1), pt.Backfill.runs_of(2), pt.Backfill.single_run()])


def mappings(upstream: pt.Partitions | None, downstream: pt.Partitions | None) -> st.SearchStrategy[Any]:
    """Mappings that an edge may have; None for the default."""
    if upstream is None:
        return st.none()
    choices: list[Any] = [None, pt.AllMapping(), pt.LastMapping(), pt.IdentityMapping()]
    if downstream is None:
        return st.sampled_from(choices[:3])
    if isinstance(upstream, pt.StaticPartitions):
        choices.append(pt.SpecificMapping(["y"]))
    if isinstance(upstream, pt.StaticPartitions) and isinstance(downstream, pt.StaticPartitions):
        choices.append(ROTATED)
    if not isinstance(upstream, pt.StaticPartitions) and not isinstance(downstream, pt.StaticPartitions):
        choices += [pt.TimeWindowMapping(start, end, allow_missing=True) for start, end in ((-1, -1), (-2, 0), (0, 1), (1, 1))]
    return st.sampled_from(choices)


@st.composite
def scopes(draw: Any) -> BackfillScope:
    """Workspaces of up to seven assets with any edges between them."""
    specs: list[pt.AssetSpec] = []
    cuts: list[pt.Partitions | None] = []
    for number in range(draw(st.integers(1, 7))):
        cut = CUTS[draw(st.sampled_from(list(CUTS)))]
        before = draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True)) if number else []
        deps = [pt.Dep(f"a{each}", mapping=draw(mappings(cuts[each], cut))) for each in before]
        specs.append(pt.AssetSpec(f"a{number}", deps=deps, partitions=cut, backfill=draw(POLICIES)))
        cuts.append(cut)
    return scope_of(*specs)


def needs_of(place: Place, scope: BackfillScope) -> list[Place]:
    """What an item depends on, looked up edge by edge."""
    key, partition = place
    assert key is not None
    downstream = scope.partitions(key)
    found: list[Place] = []
    for above in scope.graph.upstream(key):
        upstream = scope.partitions(above)
        if upstream is None:
            found.append((above, None))
            continue
        declared = scope.graph.spec(key).mapping_from(above)
        mapping = mapping_of(declared) if declared is not None else default_mapping(upstream=upstream, downstream=downstream)
        if downstream is None:
            found += [(above, each) for each in upstream.keys(now=NOW)]
        else:
            assert partition is not None
            found += [(above, each) for each in mapping.upstream([partition], downstream=downstream, upstream=upstream, now=NOW).keys]
    return found


def check_launch(launch: Launch, played: Played, scope: BackfillScope, launched: set[Place]) -> None:
    """What is launched is launched once, and after what it depends on has succeeded."""
    together = set(launch.chunk.items)
    cut = scope.partitions(launch.request.assets[0])
    assert cut is None or list(launch.request.partition_keys) == list(cut.select(launch.request.partition_keys, now=NOW))
    assert not together & launched, "an item is launched again"
    launched |= together
    for place in together:
        for need in needs_of(place, scope):
            is_same_run = need in together and need[1] == place[1]
            assert need not in played.statuses or is_same_run or played.statuses[need] is SUCCEEDED, (place, need)


def play(played: Played, scope: BackfillScope, data: Any, *, ends: Sequence[BackfillItemStatus]) -> None:
    """Go on to the end; runs end in any order and as drawn."""
    launched = {place for place, status in played.statuses.items() if status is not BackfillItemStatus.WAITING}
    for _ in range(len(played.items) + 1):
        for launch in played.launch():
            check_launch(launch, played, scope, launched)
        assert len(played.under_way) <= played.room
        if not played.under_way:
            return
        launch = data.draw(st.sampled_from(list(played.under_way.values())))
        played.end(launch, ends={key: data.draw(st.sampled_from(ends)) for key in launch.request.assets})
    raise AssertionError("it never ends")


def drawn(scope: BackfillScope, data: Any) -> Played:
    """A backfill of some of the items there could be."""
    order = data.draw(st.sampled_from(Direction))
    every = items_of(scope, order=order)
    gaps = data.draw(st.sets(st.integers(0, len(every) - 1), max_size=len(every) - 1))
    items = [item for number, item in enumerate(every) if number not in gaps]
    return Played(scope, items, policy=data.draw(POLICIES), room=data.draw(st.integers(1, 5)), order=order)


def is_lost(item: BackfillItem, played: Played, scope: BackfillScope) -> bool:
    """Whether something that an item depends on was not written."""
    statuses = [played.statuses.get(need, SUCCEEDED) for need in needs_of((item.asset, item.partition), scope)]
    return any(status is not SUCCEEDED for status in statuses)


@settings(max_examples=200)
@given(scopes(), st.data())
def test_it_ends_and_launches_each_item_once_after_what_it_depends_on(scope: BackfillScope, data: Any) -> None:
    played = drawn(scope, data)

    play(played, scope, data, ends=[SUCCEEDED, SUCCEEDED, FAILED, CANCELED])

    assert all(status.is_finished for status in played.statuses.values())
    assert played.reasons == []
    for item in played.left():
        if item.status is BackfillItemStatus.SKIPPED:
            assert is_lost(item, played, scope)


@settings(max_examples=100)
@given(scopes(), st.data())
def test_where_nothing_fails_everything_is_written(scope: BackfillScope, data: Any) -> None:
    played = drawn(scope, data)

    play(played, scope, data, ends=[SUCCEEDED])

    assert set(played.statuses.values()) == {SUCCEEDED}


@settings(max_examples=100)
@given(scopes(), st.data())
def test_a_retry_writes_the_rest_and_nothing_again(scope: BackfillScope, data: Any) -> None:
    played = drawn(scope, data)
    play(played, scope, data, ends=[SUCCEEDED, FAILED])

    again = Played(scope, played.retried(), room=played.room, order=played.order)
    play(again, scope, data, ends=[SUCCEEDED])

    assert set(again.statuses.values()) == {SUCCEEDED}


@settings(max_examples=100)
@given(scopes(), st.data())
def test_taken_up_anew_at_any_moment_it_goes_on_where_it_was(scope: BackfillScope, data: Any) -> None:
    played = drawn(scope, data)
    launched: set[Place] = set()
    while any(status is BackfillItemStatus.WAITING for status in played.statuses.values()):
        for launch in played.launch():
            check_launch(launch, played, scope, launched)
        for launch in list(played.under_way.values()):
            played.end(launch, data.draw(st.sampled_from([SUCCEEDED, SUCCEEDED, FAILED])))
        if data.draw(st.booleans()):
            played = Played(scope, played.left(), room=played.room, order=played.order)

    assert all(status.is_finished for status in played.statuses.values())
