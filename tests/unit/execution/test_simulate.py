"""Schedules and conditions on a virtual clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

import partita as pt

BERLIN = pt.DailyPartitions("2026-03-01", timezone="Europe/Berlin")


@pt.asset(partitions=BERLIN)
def orders() -> int:
    return 1


@pt.asset(partitions=BERLIN, deps=["orders"], automation=pt.Condition.eager())
def revenue() -> int:
    return 1


daily = pt.asset_job("daily", selection="orders")


def moments(report: pt.SimulationReport, by: str) -> list[tuple[str, str | None]]:
    return [(run.due_at.isoformat()[:16], run.partition) for run in report.runs if run.launched_by == by]


def test_a_clock_change_moves_what_follows_the_wall_clock() -> None:
    flights = pt.Repository("flights", assets=[orders, revenue], jobs=[daily], schedules=[pt.partition_schedule(daily, hour=2, minute=30)])

    report = pt.simulate(flights, start="2026-03-28", end="2026-04-02", materialized={orders: True, "revenue": True})

    assert moments(report, "daily_schedule") == [
        ("2026-03-28T01:30", "2026-03-27"),
        ("2026-03-29T01:00", "2026-03-28"),  # 02:30 does not exist in Berlin that night: right after the gap
        ("2026-03-30T00:30", "2026-03-29"),
        ("2026-03-31T00:30", "2026-03-30"),
        ("2026-04-01T00:30", "2026-03-31"),
    ]
    assert moments(report, "conditions") == moments(report, "daily_schedule")
    assert report.runs[-1].why.startswith("revenue: eager: in latest window, (newly missing | any dependency updated) since handled")
    assert report.left_out == ()
    assert "2026-03-29T01:00:00+00:00 job 'daily' [2026-03-28]: schedule 'daily_schedule' was due" in str(report)


def test_a_condition_by_cron_asks_for_the_newest_window_of_every_region_only() -> None:
    cut = pt.MultiPartitions({"day": pt.DailyPartitions("2026-03-20"), "region": pt.StaticPartitions(["eu", "us"])})

    @pt.asset(partitions=cut, automation=pt.Condition.on_cron("@daily"))
    def sales() -> int:
        return 1

    report = pt.simulate(pt.Repository("main", assets=[sales]), start="2026-03-28", end="2026-03-30")

    assert moments(report, "conditions") == [("2026-03-29T00:00", "2026-03-28|eu"), ("2026-03-29T00:00", "2026-03-28|us")]


def test_a_window_that_ends_is_noticed_in_every_region() -> None:
    cut = pt.MultiPartitions({"day": pt.DailyPartitions("2026-03-20"), "region": pt.StaticPartitions(["eu", "us"])})

    @pt.asset(partitions=cut, automation=pt.Condition.eager())
    def sales() -> int:
        return 1

    report = pt.simulate(pt.Repository("main", assets=[sales]), start="2026-03-28T12:00", end="2026-03-29T12:00")

    assert moments(report, "conditions") == [("2026-03-29T00:00", "2026-03-28|eu"), ("2026-03-29T00:00", "2026-03-28|us")]


def test_a_condition_by_cron_follows_the_wall_clock_too() -> None:
    @pt.asset(automation=pt.Condition.on_cron("0 6 * * *", timezone="Europe/Berlin"))
    def report_() -> int:
        return 1

    report = pt.simulate(pt.Repository("main", assets=[report_]), start=date(2026, 3, 28), end=datetime(2026, 3, 31, tzinfo=UTC))

    assert moments(report, "conditions") == [("2026-03-28T05:00", None), ("2026-03-29T04:00", None), ("2026-03-30T04:00", None)]
    assert [(tick.kind, tick.name) for tick in report.ticks] == [("condition", "report_")] * 3
    reason = report.ticks[0].reason
    assert reason is not None
    assert "tick 2026-03-28T05:00:00+00:00" in str(reason)


def test_the_same_simulation_comes_to_the_same_and_leaves_nothing() -> None:
    flights = pt.Repository("flights", assets=[orders, revenue], jobs=[daily], schedules=[pt.partition_schedule(daily)])

    first, second = (pt.simulate(flights, start="2026-03-28", end="2026-04-02", materialized={"orders": ["2026-03-26"]}) for _ in range(2))

    assert first == second
    assert first.runs


def test_one_run_writes_all_that_asks_for_the_same_partition() -> None:
    specs = {"partitions": BERLIN, "automation": pt.Condition.on_missing()}

    @pt.asset(**specs)
    def a() -> int:
        return 1

    @pt.asset(**specs, deps=["a"])
    def b() -> int:
        return 1

    report = pt.simulate(pt.Repository("main", assets=[a, b]), start="2026-03-28", end="2026-03-30")

    assert moments(report, "conditions") == [("2026-03-28T23:00", "2026-03-28"), ("2026-03-29T22:00", "2026-03-29")]
    assert {run.assets for run in report.runs} == {("a", "b")}


@pytest.mark.parametrize(("can_subset", "written"), [(False, ("x", "y")), (True, ("x",))])
def test_a_step_of_several_assets_is_run_as_a_whole_where_it_must_be(can_subset: bool, written: tuple[str, ...]) -> None:
    @pt.multi_asset(specs=[pt.AssetSpec("x", automation=pt.Condition.on_cron("@daily")), pt.AssetSpec("y")], can_subset=can_subset)
    def both():  # type: ignore[no-untyped-def]
        yield pt.Output(1, output="x")

    @pt.asset(deps=["y"], automation=pt.Condition.newly_updated().any_dep())
    def below() -> int:
        return 1

    report = pt.simulate(pt.Repository("main", assets=[both, below]), start="2026-03-28T12:00", end="2026-03-29T12:00")

    assert [run.assets for run in report.runs] == [written, *([] if can_subset else [("below",)])]
    assert report.ticks[0].name == "x"


@pytest.mark.parametrize("outcomes", [{"daily": "failed"}, {"orders": "failed"}, lambda run: "failed" if run.job else "succeeded"])
def test_a_run_that_fails_writes_nothing(outcomes: Any) -> None:
    flights = pt.Repository("flights", assets=[orders, revenue], jobs=[daily], schedules=[pt.partition_schedule(daily, hour=2)])

    report = pt.simulate(flights, start="2026-03-28", end="2026-04-02", outcomes=outcomes)

    assert len(moments(report, "daily_schedule")) == 5
    assert moments(report, "conditions") == []


def hourly(*names: str) -> pt.Repository:
    """A schedule for each name, of a job for each name."""

    @pt.asset
    def table() -> int:
        return 1

    jobs = [pt.asset_job(f"{name}_job", selection="table") for name in names]
    schedules = [pt.Schedule(name, cron="@hourly", target=job) for name, job in zip(names, jobs, strict=True)]
    return pt.Repository("main", assets=[table], jobs=jobs, schedules=schedules)


def failed(report: pt.SimulationReport, by: str) -> list[str]:
    return [run.due_at.isoformat() for run in report.runs if run.launched_by == by and run.outcome == "failed"]


def test_outcomes_are_drawn_from_the_seed_in_their_share() -> None:
    drawn = {seed: pt.simulate(hourly("a"), start="2026-01-01", end="2026-03-01", outcomes=0.25, seed=seed) for seed in (1, 2)}

    assert drawn[1] == pt.simulate(hourly("a"), start="2026-01-01", end="2026-03-01", outcomes=0.25, seed=1)
    assert failed(drawn[1], "a") != failed(drawn[2], "a")
    assert all(0.2 < len(failed(report, "a")) / len(report.runs) < 0.3 for report in drawn.values())


def test_what_a_run_draws_does_not_depend_on_the_runs_beside_it() -> None:
    alone, beside = (pt.simulate(hourly(*names), start="2026-01-01", end="2026-02-01", outcomes=0.5, seed=7) for names in ("b", "ab"))

    assert failed(alone, "b") == failed(beside, "b")
    assert failed(alone, "b") != failed(beside, "a")


def test_a_name_counts_before_the_star_and_the_worst_of_several_names_counts() -> None:
    outcomes: dict[str, Any] = {"*": 1.0, "a": "succeeded", "b": "succeeded", "b_job": "failed"}

    report = pt.simulate(hourly("a", "b", "c"), start="2026-01-01", end="2026-01-02", outcomes=outcomes)

    assert [len(failed(report, name)) for name in "abc"] == [0, 24, 24]
    assert str(report).count("(failed)") == 48


def test_a_long_simulation_of_many_ticks_is_none_that_does_not_end() -> None:
    report = pt.simulate(hourly("a", "b"), start="2026-01-01", end="2027-01-01")

    assert len(report.runs) == 2 * 8760


def test_more_ticks_than_can_be_remembered_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.planning.simulate.MOST_TICKS", 100)

    with pytest.raises(pt.RequestError, match="more than 100 ticks by 2026-01-03T02:00:00"):
        pt.simulate(hourly("a", "b"), start="2026-01-01", end="2027-01-01")


def test_functions_of_schedules_are_called_and_their_run_keys_count() -> None:
    @pt.asset
    def table() -> int:
        return 1

    @pt.schedule(cron="0 12 * * *", target="table")
    def weekly(context: pt.ScheduleContext) -> pt.RunRequest | pt.Skip:
        if context.due_at.weekday() == 5:
            return pt.Skip("a Saturday")
        if context.due_at.weekday() == 4:
            raise ValueError("no Fridays")
        return pt.RunRequest(run_key=f"{context.due_at:%G-%V}", tags={"week": "1"})

    @pt.sensor(target="table")
    def files(context: pt.SensorContext) -> None: ...

    report = pt.simulate(pt.Repository("main", assets=[table], schedules=[weekly], sensors=[files]), start="2026-03-23", end="2026-03-31")

    assert moments(report, "weekly") == [("2026-03-23T12:00", None), ("2026-03-30T12:00", None)]
    assert report.runs[0].tags == {"week": "1"}
    assert [tick.skip_reason for tick in report.ticks][1:7] == ["Run key '2026-13' was launched already."] * 3 + [None, "a Saturday"] + [
        "Run key '2026-13' was launched already."
    ]
    assert report.ticks[4].error == "ValueError: no Fridays"
    assert report.left_out == ("Sensor 'files' is left out: nobody knows what it will see.",)


def test_requests_of_one_tick_with_one_run_key_launch_one_run() -> None:
    @pt.asset
    def table() -> int:
        return 1

    @pt.schedule(cron="0 12 * * *", target="table")
    def daily_files(context: pt.ScheduleContext) -> list[pt.RunRequest]:
        keys = ["a", "b", "a", None, None]
        return [pt.RunRequest(run_key=key, tags={"place": str(place)}) for place, key in enumerate(keys)]

    report = pt.simulate(pt.Repository("main", assets=[table], schedules=[daily_files]), start="2026-03-23", end="2026-03-25")

    assert [run.tags["place"] for run in report.runs] == ["0", "1", "3", "4", "3", "4"]


def test_freshness_asks_for_a_write_when_it_fails() -> None:
    @pt.asset(freshness=pt.Freshness(within=timedelta(hours=10)), automation=pt.Condition.freshness_failed())
    def table() -> int:
        return 1

    report = pt.simulate(pt.Repository("main", assets=[table]), start="2026-03-28", end="2026-03-29", materialized={"table": True})

    assert moments(report, "conditions") == [("2026-03-28T10:00", None), ("2026-03-28T20:00", None)]


def test_checks_pass_where_their_run_succeeds() -> None:
    @pt.asset(automation=pt.Condition.on_cron("@daily"))
    def a() -> int:
        return 1

    @pt.asset_check(asset=a)
    def rows() -> bool:
        return True

    @pt.asset(deps=[a], automation=pt.Condition.check_passed().any_dep().newly_true())
    def b() -> int:
        return 1

    report = pt.simulate(pt.Repository("main", assets=[a, b], checks=[rows]), start="2026-03-28", end="2026-03-30")

    assert [run.assets for run in report.runs] == [("a",), ("b",)]


def test_keys_of_dynamic_partitions_are_given() -> None:
    @pt.asset(partitions=pt.DynamicPartitions("shops"), automation=pt.Condition.missing().newly_true())
    def table() -> int:
        return 1

    report = pt.simulate(
        pt.Repository("main", assets=[table]),
        start="2026-03-28",
        end="2026-03-29",
        dynamic={"shops": ["x", "y", "z"]},
        materialized={"table": ["y"]},
    )

    assert [run.partition for run in report.runs] == ["x", "z"]


def test_what_cannot_be_launched_is_an_error_of_its_tick() -> None:
    @pt.asset(partitions=pt.DailyPartitions("2026-03-28"))
    def above() -> int:
        return 1

    @pt.asset(partitions=pt.DailyPartitions("2026-03-01"), automation=pt.Condition.in_latest_window().newly_true())
    def below(above: int) -> int:
        return 1

    report = pt.simulate(pt.Repository("main", assets=[above, below]), start="2026-03-28", end="2026-03-29")

    (tick,) = report.ticks
    assert tick.error is not None
    assert "2026-03-27" in tick.error
    assert report.runs == ()


@pt.asset(automation=pt.Condition.missing())
def restless() -> int:
    return 1


RESTLESS = pt.Repository("main", assets=[restless])


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"start": "tomorrow"}, "start='tomorrow'"),
        ({"end": 5}, "end=5"),
        ({"start": "0001-01-01"}, "between the years 1901 and 2998"),
        ({"end": "9999-12-31"}, "between the years 1901 and 2998"),
        ({"end": "2026-03-01"}, "the end is not after the start"),
        ({"outcomes": {"restless": "broken"}}, "Use 'succeeded' or 'failed'"),
        ({"outcomes": lambda run: None}, "Use 'succeeded' or 'failed'"),
        ({"outcomes": {"restless": "faild"}}, "Did you mean 'failed'?"),
        ({"outcomes": {"restles": "failed"}}, "restless"),
        ({"outcomes": 1.5}, "outcomes is 1.5. Give the share of runs that fail, from 0 to 1"),
        ({"outcomes": {"restless": -0.1}}, "outcomes['restless'] is -0.1"),
        ({"outcomes": {"*": True}}, "or the share of runs that fail, such as 0.1"),
        ({"seed": "luck"}, "seed='luck'"),
        ({"materialized": {"restles": True}}, "restless"),
        ({"materialized": {"restless": ["x"]}}, "Give True"),
        ({"outcomes": {"restless": "failed"}, "end": "2026-05-01"}, "by 2026-03-29T00:00:00+00:00 the condition 'restless'"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_words(given: dict[str, Any], told: str) -> None:
    with pytest.raises(pt.RequestError) as caught:
        pt.simulate(RESTLESS, **{"start": "2026-03-28", "end": "2026-03-29", **given})

    assert told in str(caught.value)
