"""In which order a backfill writes its items, as which runs, and what becomes of those that cannot be written."""

from __future__ import annotations

import pytest

import partita as pt
from partita.definitions.policies import BackfillPolicy
from partita.planning.backfill import BackfillScope, PartitionsChosen
from partita.records.backfills import BackfillItem, BackfillItemStatus
from partita.records.pages import Direction
from support.backfills import CANCELED, FAILED, SUCCEEDED, WEEK, Played, items_of, run_of, scope_of

DAYS = [f"2024-01-0{day}" for day in range(1, 8)]
LETTERS = pt.StaticPartitions(["x", "y"])
ONE = PartitionsChosen(keys=("2024-01-03",))


def test_assets_that_need_each_others_partition_of_the_same_key_are_written_by_one_run() -> None:
    played = Played(scope_of(pt.AssetSpec("raw", partitions=WEEK), pt.AssetSpec("clean", deps=["raw"], partitions=WEEK)))

    played.play()

    assert played.runs == [(["raw", "clean"], [day]) for day in DAYS]


def test_a_month_is_written_when_all_its_days_are() -> None:
    days = pt.DailyPartitions(start="2024-01-01", end="2024-03-01")
    months = pt.MonthlyPartitions(start="2024-01-01", end="2024-03-01")
    played = Played(scope_of(pt.AssetSpec("raw", partitions=days), pt.AssetSpec("monthly", deps=["raw"], partitions=months)))
    daily = played.launch()
    assert {run_of(launch)[0][0] for launch in daily} == {"raw"}

    for launch in daily[:30]:
        played.end(launch)
    assert played.launch() == []
    played.end(daily[30])

    assert [run_of(launch) for launch in played.launch()] == [(["monthly"], ["2024-01-01"])]


def test_days_wait_for_the_month_that_they_need() -> None:
    months = pt.MonthlyPartitions(start="2024-01-01", end="2024-02-01")
    played = Played(scope_of(pt.AssetSpec("rates", partitions=months), pt.AssetSpec("prices", deps=["rates"], partitions=WEEK)))

    played.play()

    assert played.runs == [(["rates"], ["2024-01-01"])] + [(["prices"], [day]) for day in DAYS]


@pytest.mark.parametrize("offset", [-1, 1])
@pytest.mark.parametrize("policy", [None, pt.Backfill.runs_of(3), pt.Backfill.single_run()])
def test_neighbours_that_need_each_other_are_written_one_after_another(offset: int, policy: BackfillPolicy | None) -> None:
    shifted = pt.Dep("raw", mapping=pt.TimeWindowMapping(start_offset=offset, end_offset=offset, allow_missing=True))
    scope = scope_of(pt.AssetSpec("raw", partitions=WEEK), pt.AssetSpec("change", deps=[shifted], partitions=WEEK))
    played = Played(scope, policy=policy, room=2)

    played.play()

    assert set(played.statuses.values()) == {SUCCEEDED}
    assert all(len(assets) == 1 for assets, _ in played.runs)


def test_partitions_that_are_mapped_crosswise_are_not_written_by_one_run() -> None:
    crossed = pt.Dep("up", mapping=pt.StaticMapping({"x": "y", "y": "x"}))
    played = Played(scope_of(pt.AssetSpec("up", partitions=LETTERS), pt.AssetSpec("down", deps=[crossed], partitions=LETTERS)))

    played.play()

    assert played.runs == [(["up"], ["x"]), (["up"], ["y"]), (["down"], ["y"]), (["down"], ["x"])]


def test_what_is_ready_is_launched_however_much_before_it_has_to_wait() -> None:
    first = pt.Dep("slow", mapping=pt.SpecificMapping(["x"]))
    scope = scope_of(
        pt.AssetSpec("slow", partitions=LETTERS),
        pt.AssetSpec("held", deps=[first], partitions=WEEK),
        pt.AssetSpec("free", partitions=pt.StaticPartitions(["one"])),
    )
    played = Played(scope, room=3)

    assert [run_of(launch) for launch in played.launch()] == [(["slow"], ["x"]), (["slow"], ["y"]), (["free"], ["one"])]


def test_no_more_runs_are_under_way_than_there_is_room_for() -> None:
    played = Played(scope_of(pt.AssetSpec("raw", partitions=WEEK)), room=3)

    first = played.launch()
    assert played.launch() == []
    played.end(first[1])

    assert [run_of(launch)[1] for launch in [*first, *played.launch()]] == [["2024-01-01"], ["2024-01-02"], ["2024-01-03"], ["2024-01-04"]]


def test_what_failed_holds_back_what_needs_it_and_nothing_else() -> None:
    scope = scope_of(
        pt.AssetSpec("raw", partitions=WEEK),
        pt.AssetSpec("clean", deps=["raw"], partitions=WEEK),
        pt.AssetSpec("total", deps=["clean"], partitions=pt.StaticPartitions(["all"])),
        pt.AssetSpec("report", deps=["total"]),
        pt.AssetSpec("aside", deps=["raw"], partitions=pt.WeeklyPartitions(start="2023-12-31", end="2024-01-14")),
    )
    played = Played(scope)

    played.play(failed=[("clean", "2024-01-02")])

    assert played.skipped == [("total", "all"), ("report", None)]
    assert [place for place, status in played.statuses.items() if status is FAILED] == [("clean", "2024-01-02")]
    assert sum(status is SUCCEEDED for status in played.statuses.values()) == 7 + 6 + 2
    assert played.reasons == []


def test_an_item_that_is_lost_leaves_the_rest_of_its_run_to_be_written() -> None:
    scope = scope_of(
        pt.AssetSpec("source", partitions=LETTERS),
        pt.AssetSpec("alone", partitions=WEEK),
        pt.AssetSpec("needy", deps=["alone", pt.Dep("source", mapping=pt.SpecificMapping(["x"]))], partitions=WEEK),
        pt.AssetSpec("last", deps=["needy"], partitions=WEEK),
    )
    played = Played(scope, policy=pt.Backfill.single_run())

    played.play(failed=[("source", "x")])

    assert played.runs[1:] == [(["alone"], DAYS)]
    assert {asset for asset, _ in played.skipped} == {"needy", "last"}


def test_a_policy_says_how_many_partitions_a_run_writes() -> None:
    scope = scope_of(
        pt.AssetSpec("single", partitions=WEEK, backfill=pt.Backfill.runs_of(3)),
        pt.AssetSpec("whole", partitions=WEEK, backfill=pt.Backfill.single_run()),
    )

    as_assets_say, as_asked = Played(scope), Played(scope, policy=pt.Backfill.runs_of(6))
    as_assets_say.play()
    as_asked.play()

    assert as_assets_say.runs == [(["single"], DAYS[:3]), (["single"], DAYS[3:6]), (["single"], DAYS[6:]), (["whole"], DAYS)]
    assert [keys for assets, keys in as_asked.runs if assets == ["whole"]] == [DAYS[:6], DAYS[6:]]


def test_an_asset_that_wants_one_run_does_not_decide_for_one_that_says_nothing() -> None:
    scope = scope_of(
        pt.AssetSpec("whole", partitions=WEEK, backfill=pt.Backfill.single_run()),
        pt.AssetSpec("each", deps=["whole"], partitions=WEEK),
    )
    played = Played(scope)

    played.play()

    assert played.runs == [(["whole"], DAYS)] + [(["each"], [day]) for day in DAYS]


def test_a_retry_writes_what_failed_and_what_was_skipped_because_of_it() -> None:
    months = pt.MonthlyPartitions(start="2024-01-01", end="2024-02-01")
    scope = scope_of(pt.AssetSpec("raw", partitions=WEEK), pt.AssetSpec("monthly", deps=["raw"], partitions=months))
    played = Played(scope)
    played.play(failed=[("raw", "2024-01-05")])

    again = Played(scope, played.retried())
    again.play()

    assert again.runs == [(["raw"], ["2024-01-05"]), (["monthly"], ["2024-01-01"])]


def test_after_it_is_given_up_nothing_more_is_launched() -> None:
    played = Played(scope_of(pt.AssetSpec("raw", partitions=WEEK)), room=2)
    launched = played.launch()

    given_up = played.progress.give_up(CANCELED)
    for launch in launched:
        played.end(launch, CANCELED)

    assert given_up == [("raw", day) for day in DAYS[2:]]
    assert played.launch() == []
    assert {status: count for status, count in played.progress.counts.items() if count} == {CANCELED: 7}


def test_what_is_running_when_it_is_taken_up_again_is_not_launched_again() -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=WEEK))
    items = items_of(scope)
    running = [BackfillItem(asset=each.asset, partition=each.partition, status=BackfillItemStatus.RUNNING, run_id="r") for each in items[:4]]
    played = Played(scope, [*running, *items[4:]])

    assert played.progress.running == {"r": {"raw": DAYS[:4]}}
    assert [run_of(launch)[1] for launch in played.launch()] == [[day] for day in DAYS[4:]]


def test_what_is_not_in_the_backfill_is_not_waited_for() -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=WEEK), pt.AssetSpec("clean", deps=["raw"], partitions=WEEK))

    played = Played(scope, items_of(scope, "clean", chosen=ONE))

    assert [run_of(launch) for launch in played.launch()] == [(["clean"], ["2024-01-03"])]


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (scope_of(pt.AssetSpec("other", partitions=LETTERS)), "Asset 'raw' is not in the workspace any more."),
        (
            scope_of(pt.AssetSpec("raw", partitions=WEEK), pt.AssetSpec("other", partitions=LETTERS), external=["raw"]),
            "Asset 'raw' is external now, so no code writes it.",
        ),
        (
            scope_of(pt.AssetSpec("raw", partitions=LETTERS), pt.AssetSpec("other", partitions=LETTERS)),
            "Asset 'raw' has no partition '2024-01-03' any more.",
        ),
        (scope_of(pt.AssetSpec("raw"), pt.AssetSpec("other", partitions=LETTERS)), "Asset 'raw' has no partition '2024-01-03' any more."),
    ],
    ids=["removed", "external", "cut otherwise", "not cut"],
)
def test_an_asset_that_cannot_be_written_any_more_is_given_up_with_the_reason(after: BackfillScope, reason: str) -> None:
    before = scope_of(pt.AssetSpec("raw", partitions=WEEK), pt.AssetSpec("other", partitions=LETTERS))
    played = Played(after, [*items_of(before, "raw", chosen=ONE), *items_of(before, "other")])

    played.play()

    assert played.skipped == [("raw", "2024-01-03")]
    assert played.reasons == [reason]
    assert played.runs == [(["other"], ["x"]), (["other"], ["y"])]


def test_what_needs_an_asset_that_is_gone_is_given_up_too() -> None:
    before = scope_of(pt.AssetSpec("raw", partitions=WEEK), pt.AssetSpec("total", deps=["raw"]))
    after = scope_of(pt.AssetSpec("total", deps=["raw"]))
    played = Played(after, items_of(before))

    played.play()

    assert played.runs == []
    assert {asset for asset, _ in played.skipped} == {"raw", "total"}


def test_an_asset_that_is_gone_but_was_written_before_holds_nothing_back() -> None:
    before = scope_of(pt.AssetSpec("raw"), pt.AssetSpec("total", deps=["raw"]))
    written = BackfillItem(asset=items_of(before, "raw")[0].asset, status=SUCCEEDED)
    played = Played(scope_of(pt.AssetSpec("total", deps=["raw"])), [written, *items_of(before, "total")])

    played.play()

    assert played.runs == [(["total"], [])]


def test_a_partition_that_cannot_be_mapped_any_more_is_given_up_with_the_reason() -> None:
    before = scope_of(pt.AssetSpec("raw", partitions=LETTERS), pt.AssetSpec("out", deps=["raw"], partitions=WEEK))
    shifted = pt.Dep("raw", mapping=pt.TimeWindowMapping())
    after = scope_of(pt.AssetSpec("raw", partitions=LETTERS), pt.AssetSpec("out", deps=[shifted], partitions=WEEK))
    played = Played(after, items_of(before))

    played.play()

    assert {asset for asset, _ in played.skipped} == {"out"}
    assert played.reasons[0].startswith("Asset 'out': TimeWindowMapping")


def test_what_nothing_can_ever_make_ready_is_given_up_instead_of_waiting_for_ever() -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=WEEK))
    played = Played(scope, [BackfillItem(partition="stray"), *items_of(scope, chosen=ONE)])

    played.play()

    assert played.runs == [(["raw"], ["2024-01-03"])]
    assert played.skipped == [(None, "stray")]
    assert played.reasons == ["Partition 'stray' waits, and nothing is under way that it could wait for."]


def test_what_a_step_computes_together_is_given_up_together() -> None:
    months = pt.MonthlyPartitions(start="2024-01-01", end="2024-02-01")
    scope = scope_of(
        pt.AssetSpec("rates", partitions=months),
        pt.AssetSpec("a", partitions=WEEK, step="both"),
        pt.AssetSpec("b", partitions=WEEK, step="both", deps=["rates"]),
        pt.AssetSpec("alone", partitions=WEEK),
    )
    played = Played(scope)

    played.play(failed={("rates", "2024-01-01")})

    assert played.runs == [(["rates"], ["2024-01-01"])] + [(["alone"], [day]) for day in DAYS]


def test_the_last_partitions_come_first_where_that_is_asked_for_but_after_what_they_need() -> None:
    before = pt.TimeWindowMapping(-1, -1, allow_missing=True)
    raw, clean = pt.AssetSpec("raw", partitions=WEEK), pt.AssetSpec("clean", deps=[pt.Dep("raw", mapping=before)], partitions=WEEK)
    played = Played(scope_of(raw, clean), order=Direction.DESC, room=1)

    played.play()

    assert played.runs == [(["raw"], [day]) for day in reversed(DAYS)] + [(["clean"], [day]) for day in reversed(DAYS)]


def test_a_run_that_comes_first_because_it_writes_the_last_partitions_has_them_in_their_order() -> None:
    played = Played(scope_of(pt.AssetSpec("raw", partitions=WEEK)), policy=BackfillPolicy(max_partitions_per_run=3), order=Direction.DESC)

    played.play()

    assert played.runs == [(["raw"], DAYS[4:]), (["raw"], DAYS[1:4]), (["raw"], DAYS[:1])]


@pytest.mark.parametrize(("policy", "count"), [(None, 8), (BackfillPolicy(max_partitions_per_run=3), 4), (BackfillPolicy(), 2)])
def test_how_many_runs_there_will_be_is_known_beforehand(policy: BackfillPolicy | None, count: int) -> None:
    specs = (pt.AssetSpec("raw", partitions=WEEK), pt.AssetSpec("clean", deps=["raw"], partitions=WEEK), pt.AssetSpec("total", deps=["clean"]))
    played = Played(scope_of(*specs), policy=policy)

    assert played.progress.count_runs() == count
    played.play()
    assert len(played.runs) == count
