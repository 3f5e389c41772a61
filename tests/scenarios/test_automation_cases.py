"""Cron, schedules and sensors behave as the committed cases say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import partita as pt
from partita.execution.evaluating import evaluate
from partita.execution.evaluation import Evaluation, Verdict
from partita.planning.backfill import PartitionsChosen
from partita.planning.ticks import TickScope, requests_of_schedule
from support.backfills import Played, items_of, scope_of
from support.cases import Case, each_case
from support.conditions import ONCE, Watch
from support.conditions import spec as asset_spec

CADENCES: dict[str, Callable[..., pt.Partitions]] = {
    "daily": pt.DailyPartitions,
    "weekly": pt.WeeklyPartitions,
    "monthly": pt.MonthlyPartitions,
}
OPTIONS = {"hour_of_day": "hour", "minute_of_hour": "minute"}


def local(ticks: Any, case: Case) -> list[str]:
    zone = ZoneInfo(case.input["timezone"])
    return [tick.astimezone(zone).isoformat() for tick in ticks]


@each_case("cron_ticks", "incumbent_defect", where=lambda case: "cron" in case.input)
def test_ticks(case: Case) -> None:
    cron = pt.Cron(case.input["cron"], timezone=case.input["timezone"])

    ticks = islice(cron.ticks(datetime.fromisoformat(case.input["start_inclusive"])), case.input["count"])

    assert local(ticks, case) == case.expected


@each_case("cron_ticks_reverse")
def test_ticks_backwards(case: Case) -> None:
    cron = pt.Cron(case.input["cron"], timezone=case.input["timezone"])
    instant = datetime.fromisoformat(case.input["end_inclusive"]) + timedelta(seconds=1)
    found = []
    for _ in range(case.input["count"]):
        instant = cron.previous(instant)
        found.append(instant)

    assert local(found, case) == case.expected


@each_case("cron_validity")
def test_which_expressions_there_are(case: Case) -> None:
    assert pt.Cron.is_valid(case.input["cron"]) is case.expected


@each_case("cron_smallest_interval_seconds")
def test_how_close_ticks_come(case: Case) -> None:
    ticks = list(islice(pt.Cron(case.input["cron"]).ticks(datetime(2023, 1, 1, tzinfo=UTC)), 50))

    assert min((later - earlier).total_seconds() for earlier, later in pairwise(ticks)) == case.expected


@each_case("partitioned_schedule_tick")
def test_which_partition_a_tick_launches(case: Case) -> None:
    given = dict(case.input["partitions_def"])
    partitions = CADENCES[given.pop("type")](start=given.pop("start_date"), **given)

    @pt.asset(partitions=partitions)
    def table() -> int:
        return 1

    job = pt.asset_job("job", selection="table")
    options = {OPTIONS.get(name, name): value for name, value in case.input["schedule_options"].items()}
    repository = pt.Repository("main", assets=[table], jobs=[job], schedules=[pt.partition_schedule(job, **options)])
    (spec,) = repository.spec.schedules
    scope = TickScope(location="main", repository=repository.spec)

    asked, skip = requests_of_schedule(spec, scope, due_at=datetime.fromisoformat(case.input["tick"]))

    assert (spec.cron, spec.timezone) == ((case.input["cron"],), case.input["timezone"])
    assert [key for each in asked for key in each.request.partition_keys] == case.expected["partition_keys"]
    assert [each.run_key for each in asked] == case.expected["run_keys"]
    assert skip == case.expected["skip"]


@pt.asset
def thing() -> int:
    return 1


def verdict_of(function: Callable[..., Any], *, kind: str, cursor: str | None = None) -> Verdict:
    made: dict[str, Any] = {"schedules": [], "sensors": []}
    if kind == "schedule":
        made["schedules"] = [pt.schedule(cron="@daily", target="thing", name="sc")(function)]
    else:
        made["sensors"] = [pt.sensor(target="thing", name="sc")(function)]
    repository = pt.Repository("main", assets=[thing], **made)
    now = datetime(2024, 1, 1, tzinfo=UTC)
    asked = Evaluation(location="main", repository="main", kind=kind, name="sc", tick_id="t", due_at=now, cursor=cursor)  # type: ignore[arg-type]
    return evaluate(asked, [repository])


def yields(*answers: Any) -> Callable[..., Any]:
    def function(context: pt.Context) -> Any:
        yield from answers

    return function


def returns(answer: Any) -> Callable[..., Any]:
    def function(context: pt.Context) -> Any:
        return answer

    return function


SCHEDULES: dict[str, Callable[[], Callable[..., Any]]] = {
    "None": lambda: returns(None),
    "yield RunRequest(1), RunRequest(2)": lambda: yields(pt.RunRequest(run_key="1"), pt.RunRequest(run_key="2")),
    "yield SkipReason, RunRequest": lambda: yields(pt.Skip("why"), pt.RunRequest(run_key="1")),
    "'bad' string": lambda: returns("bad"),
}


@each_case("schedule_evaluation_result", where=lambda case: case.input["function_returns"] in SCHEDULES)
def test_what_the_answer_of_a_schedule_means(case: Case) -> None:
    verdict = verdict_of(SCHEDULES[case.input["function_returns"]](), kind="schedule")

    if "error" in case.expected:
        assert verdict.error is not None
        assert "Schedule 'sc'" in verdict.error.message
        assert verdict.requests == ()
    else:
        assert [request.run_key for request in verdict.requests] == [each["run_key"] for each in case.expected["requests"]]
        assert (verdict.skip is None) == (case.expected["skip"] is None)


SENSORS: dict[str, Callable[[], Callable[..., Any]]] = {
    "SensorResult(run_requests=[a], cursor='c1')": lambda: returns(pt.SensorResult(requests=[pt.RunRequest(run_key="a")], cursor="c1")),
    "SkipReason('idle')": lambda: returns(pt.Skip("idle")),
    "two requests with the same run_key": lambda: yields(pt.RunRequest(run_key="a"), pt.RunRequest(run_key="a")),
    "skip_reason plus cursor": lambda: returns(pt.SensorResult(skip="s", cursor="c9")),
}


@each_case("sensor_evaluation_result", where=lambda case: case.input["function"] in SENSORS)
def test_what_the_answer_of_a_sensor_means(case: Case) -> None:
    before = case.input["cursor_before"]

    verdict = verdict_of(SENSORS[case.input["function"]](), kind="sensor", cursor=before)

    assert verdict.error is None
    assert [request.run_key for request in verdict.requests] == case.expected["run_keys"]
    assert verdict.skip == case.expected["skip"]
    assert (verdict.cursor if verdict.sets_cursor else before) == case.expected["cursor"]


@each_case("backfill_run_chunking")
def test_how_a_backfill_is_cut_into_runs(case: Case) -> None:
    name, _, size = case.input["policy"].rstrip(")").partition("(")
    policy = pt.Backfill.single_run() if name == "single_run" else pt.Backfill.runs_of(int(size))
    cadence, _, start = case.input["partitions"].partition(" from ")
    days = CADENCES[cadence](start=start)
    scope = scope_of(pt.AssetSpec("x", partitions=days, backfill=policy), pt.AssetSpec("y", deps=["x"], partitions=days, backfill=policy))
    played = Played(scope, items_of(scope, chosen=PartitionsChosen(keys=tuple(case.input["keys"]))))

    played.play()

    found = [{"assets": assets, "partition_key": None, "range": [keys[0], keys[-1]]} for assets, keys in played.runs]
    assert found == case.expected
    assert [key for _, keys in played.runs for key in keys] == case.input["keys"]


CONDITIONED: dict[str, Callable[[], list[pt.AssetSpec]]] = {
    "A eager -> B eager, both missing": lambda: [
        asset_spec("A", pt.Condition.eager()),
        asset_spec("B", pt.Condition.eager(), deps=["A"]),
    ],
    "daily partitions: A eager -> B eager": lambda: [
        asset_spec("A", pt.Condition.eager(), partitions=pt.DailyPartitions("2024-01-01")),
        asset_spec("B", pt.Condition.eager(), deps=["A"], partitions=pt.DailyPartitions("2024-01-01")),
    ],
    "A -> B on_cron(@hourly)": lambda: [asset_spec("A"), asset_spec("B", pt.Condition.on_cron("@hourly"), deps=["A"])],
    "root asset on_cron(@daily)": lambda: [asset_spec("R", pt.Condition.on_cron("@daily"))],
    "static partitions a,b: root missing()": lambda: [asset_spec("R", pt.Condition.missing(), partitions=pt.StaticPartitions(["a", "b"]))],
    "in_latest_time_window() & missing(), hourly": lambda: [
        asset_spec("R", pt.Condition.in_latest_window() & pt.Condition.missing(), partitions=pt.HourlyPartitions("2024-01-01-00:00"))
    ],
}


@each_case("automation_sequence")
def test_what_conditions_ask_for_one_look_after_another(case: Case) -> None:
    (specs,) = [make for scenario, make in CONDITIONED.items() if case.input["scenario"].startswith(scenario)]
    watch = Watch(*specs())
    found = []
    for verb, what, *keys in case.input["steps"]:
        if verb == "eval":
            asked = watch.look(what)
            found.append({key: ["(unpartitioned)"] if keys == ONCE else keys for key, keys in asked.items()})
        else:
            watch.wrote(*what, *keys)

    assert found == case.expected
