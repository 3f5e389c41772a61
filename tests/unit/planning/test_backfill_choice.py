"""Which partitions of which assets a backfill is asked to write."""

from __future__ import annotations

import pytest

import partita as pt
from partita.errors import RequestError, UnknownPartitionError
from partita.planning.backfill import BackfillScope, PartitionsChosen, plan_assets, plan_job
from partita.records.assets import PartitionStatus
from support.backfills import NOW, WEEK, items_of, scope_of

MONTHS = pt.MonthlyPartitions(start="2024-01-01", end="2024-03-01")
DAYS = pt.DailyPartitions(start="2024-01-01", end="2024-03-01")
LETTERS = pt.StaticPartitions(["x", "y"])
FIRST = PartitionsChosen(keys=("2024-01-01",))


def chosen(scope: BackfillScope, partitions: PartitionsChosen) -> dict[str, list[str | None]]:
    """The partitions of each asset."""
    found: dict[str, list[str | None]] = {}
    for item in items_of(scope, chosen=partitions):
        found.setdefault(str(item.asset), []).append(item.partition)
    return found


def test_items_stand_upstream_first_and_then_by_partition() -> None:
    scope = scope_of(
        pt.AssetSpec("clean", deps=["raw"], partitions=LETTERS), pt.AssetSpec("raw", partitions=LETTERS), pt.AssetSpec("total", deps=["clean"])
    )

    assert [(item.asset, item.partition) for item in items_of(scope)] == [
        ("raw", "x"),
        ("clean", "x"),
        ("raw", "y"),
        ("clean", "y"),
        ("total", None),
    ]


def test_the_keys_are_those_of_the_assets_that_come_first_and_the_others_follow_by_their_mappings() -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=DAYS), pt.AssetSpec("monthly", deps=["raw"], partitions=MONTHS))

    assert chosen(scope, FIRST) == {"raw": ["2024-01-01"], "monthly": ["2024-01-01"]}
    assert chosen(scope, PartitionsChosen(range=("2024-01-30", "2024-02-01"))) == {
        "raw": ["2024-01-30", "2024-01-31", "2024-02-01"],
        "monthly": ["2024-01-01", "2024-02-01"],
    }


def test_what_is_needed_first_takes_part_with_what_overlaps() -> None:
    scope = scope_of(
        pt.AssetSpec("rates", partitions=MONTHS),
        pt.AssetSpec("letters", partitions=LETTERS),
        pt.AssetSpec("raw", deps=["rates", "letters"], partitions=DAYS),
    )

    assert chosen(scope, PartitionsChosen(keys=("2024-02-10",))) == {"rates": ["2024-02-01"], "letters": ["x", "y"], "raw": ["2024-02-10"]}


def test_windows_of_time_that_do_not_depend_on_each_other_take_part_where_they_overlap() -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=DAYS), pt.AssetSpec("rates", partitions=MONTHS))

    assert chosen(scope, PartitionsChosen(keys=("2024-02-10",))) == {"raw": ["2024-02-10"], "rates": ["2024-02-01"]}


@pytest.mark.parametrize("partitions", [FIRST, PartitionsChosen(range=("2024-01-01", "2024-02-01"))])
def test_a_key_that_means_a_day_here_and_a_month_there_is_refused(partitions: PartitionsChosen) -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=DAYS), pt.AssetSpec("rates", partitions=MONTHS))

    with pytest.raises(RequestError) as refused:
        items_of(scope, chosen=partitions)

    assert "'2024-01-01'" in str(refused.value)
    assert "asset 'raw'" in str(refused.value)
    assert "asset 'rates'" in str(refused.value)
    assert str(refused.value).endswith("Backfill them one after the other.")


def test_a_key_that_is_a_day_here_and_a_name_there_is_refused() -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=DAYS), pt.AssetSpec("snapshot", partitions=pt.StaticPartitions(["2024-01-01"])))

    with pytest.raises(RequestError, match="stands for different things"):
        items_of(scope, chosen=FIRST)


@pytest.mark.parametrize(
    "other",
    [pt.DailyPartitions(start="2023-12-01", end="2024-02-01"), pt.DailyPartitions(start="2024-01-01", timezone="Asia/Tokyo")],
    ids=["another start", "another zone"],
)
def test_a_key_that_means_the_same_in_two_partitionings_is_taken_for_both(other: pt.Partitions) -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=DAYS), pt.AssetSpec("other", partitions=other))

    assert chosen(scope, FIRST) == {"raw": ["2024-01-01"], "other": ["2024-01-01"]}


def test_a_name_that_two_sets_of_names_have_is_taken_for_both() -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=LETTERS), pt.AssetSpec("other", partitions=pt.StaticPartitions(["a", "x"])))

    assert chosen(scope, PartitionsChosen(keys=("x",))) == {"raw": ["x"], "other": ["x"]}


def test_an_asset_of_which_the_keys_say_nothing_is_refused() -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=DAYS), pt.AssetSpec("letters", partitions=LETTERS))

    with pytest.raises(RequestError, match=r"do not say which partitions of asset 'letters' .* are meant.*by itself"):
        items_of(scope, chosen=FIRST)


def test_a_key_that_nobody_knows_is_refused_with_the_nearest() -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=LETTERS))

    with pytest.raises(UnknownPartitionError, match="'raw' has no partition 'z'"):
        items_of(scope, chosen=PartitionsChosen(keys=("z",)))


def test_missing_and_failed_partitions_are_chosen_by_how_they_stand() -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=WEEK), pt.AssetSpec("plain"))
    states = {"2024-01-01": PartitionStatus.MATERIALIZED, "2024-01-02": PartitionStatus.FAILED}

    def keys(*statuses: PartitionStatus) -> list[str | None]:
        wanted = PartitionsChosen(statuses=frozenset(statuses))
        return [item.partition for item in plan_assets(scope.graph.keys, wanted, scope, states_of=lambda _: states)]

    assert keys(PartitionStatus.FAILED) == ["2024-01-02"]
    assert keys(PartitionStatus.MISSING) == [f"2024-01-0{day}" for day in range(3, 8)]


def test_nothing_to_write_is_refused() -> None:
    scope = scope_of(pt.AssetSpec("raw", partitions=WEEK))

    with pytest.raises(RequestError, match="There is nothing to write"):
        items_of(scope, chosen=PartitionsChosen(statuses=frozenset([PartitionStatus.FAILED])))
    with pytest.raises(RequestError, match="say which ones, or all of them"):
        items_of(scope, chosen=PartitionsChosen())


def test_partitions_of_a_job() -> None:
    scope = scope_of()

    items = plan_job(WEEK.spec, PartitionsChosen(range=("2024-01-02", "2024-01-03")), scope, name="daily")

    assert [(item.asset, item.partition) for item in items] == [(None, "2024-01-02"), (None, "2024-01-03")]
    with pytest.raises(RequestError, match="Partitions of a job have no status"):
        plan_job(WEEK.spec, PartitionsChosen(statuses=frozenset([PartitionStatus.FAILED])), scope, name="daily")
    with pytest.raises(UnknownPartitionError, match="Job 'daily' has no partition '2024-02-01'"):
        plan_job(WEEK.spec, PartitionsChosen(keys=("2024-02-01",)), scope, name="daily")
    assert scope.now == NOW


def test_a_part_of_what_one_step_computes_together_is_refused() -> None:
    scope = scope_of(pt.AssetSpec("a", partitions=LETTERS, step="both"), pt.AssetSpec("b", partitions=LETTERS, step="both"))

    with pytest.raises(RequestError, match="'both' computes asset 'a' only together with 'b'"):
        items_of(scope, "a")


def test_what_one_asset_of_a_step_lacks_is_written_of_all() -> None:
    scope = scope_of(pt.AssetSpec("a", partitions=LETTERS, step="both"), pt.AssetSpec("b", partitions=LETTERS, step="both"))
    states = {"a": {"x": PartitionStatus.MATERIALIZED}, "b": {"x": PartitionStatus.MATERIALIZED, "y": PartitionStatus.MATERIALIZED}}
    missing = PartitionsChosen(statuses=frozenset({PartitionStatus.MISSING}))

    items = plan_assets(scope.graph.keys, missing, scope, states_of=lambda key: states[str(key)])

    assert [(item.asset, item.partition) for item in items] == [("a", "y"), ("b", "y")]
