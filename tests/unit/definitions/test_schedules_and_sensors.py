"""Declaring schedules and sensors: what is accepted, what is refused in which words, and how their functions are tested."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import partita as pt
from partita.planning.due import due_ticks, first_due
from partita.planning.ticks import TickScope, requests_of
from partita.records.codec import decode, encode, hash_catalog
from partita.records.locations import LocationCatalog
from partita.records.verdicts import RequestedRun

DAYS = pt.DailyPartitions(start="2024-01-01")
NOW = datetime(2024, 2, 1, 12, tzinfo=UTC)


@pt.asset(partitions=DAYS)
def day() -> int:
    return 1


@pt.asset
def whole() -> int:
    return 1


daily = pt.asset_job("daily", selection="day", tags={"team": "etl"})


FEED = pt.AssetSpec("feed")


def repository(**given: object) -> pt.Repository:
    return pt.Repository("main", assets=[day, whole, FEED], jobs=[daily], **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: pt.Schedule("s", cron="0 0 30 2 *", target="whole"), "no month it names has a day 30, so it never happens"),
        (lambda: pt.Schedule("s", cron="* * * *", target="whole"), "it has 4 fields, not five"),
        (lambda: pt.Schedule("s", cron="0 25 * * *", target="whole"), "the hour 25 is not between 0 and 23"),
        (lambda: pt.Schedule("s", cron="0 0 * * MOM", target="whole"), "Did you mean 'MON'?"),
        (lambda: pt.Schedule("s", cron="@dayly", target="whole"), "Did you mean '@daily'?"),
        (lambda: pt.Schedule("s", cron="@daily", timezone="Europe/Berln", target="whole"), "Did you mean 'Europe/Berlin'?"),
        (lambda: pt.Schedule("s", cron=[], target="whole"), "holds no expression"),
        (lambda: pt.Schedule("s", cron="@daily", target=None), "give a job, its name, a selection"),
        (lambda: pt.Schedule("s", cron="@daily", target="whole", catch_up=-1), "give the number of missed ticks"),
        (lambda: pt.Schedule("a b", cron="@daily", target="whole"), "a b"),
        (lambda: pt.sensor(target="whole", name="s", interval=0.5)(lambda context: None), "give at least 1 second"),
        (lambda: pt.sensor(target="whole", name="s", targets="daily")(lambda context: None), "give a list, such as targets=['daily']"),
        (lambda: pt.sensor(target=5, name="s")(lambda context: None), "target=5: give a job, its name, a selection"),
        (lambda: pt.Schedule("s", cron="@daily", target=[daily]), "target=[Job('daily')]: a list means assets. Give the job itself"),
        (lambda: repository(schedules=[pt.Schedule("s", cron="@daily", target=[FEED])]), "its target 'feed' means no asset"),
        (lambda: pt.Schedule("s", cron=None, target="whole"), "cron=None is not a cron expression"),  # type: ignore[arg-type]
        (lambda: pt.Schedule("s", cron=5, target="whole"), "cron=5 is not a cron expression"),  # type: ignore[arg-type]
        (lambda: pt.run_status_sensor(status="faild"), "Did you mean 'failed'?"),
        (lambda: pt.run_status_sensor(status="failed", jobs="daily"), "give a list, such as jobs=['daily']"),
        (lambda: pt.run_status_sensor(status="failed", jobs=[5]), "neither a job nor a job's name"),  # type: ignore[list-item]
        (lambda: pt.asset_sensor(asset="raw orders"), "'raw orders' is not an asset key"),
        (lambda: pt.asset_sensor(asset=[]), "name at least one asset"),
        (lambda: pt.partition_schedule(None), "target=None: give a job, its name, a selection"),
        (lambda: pt.partition_schedule("group:x"), "'group:x' is a selection, which gives the schedule no name. Give name=."),
    ],
)
def test_what_cannot_be_is_refused_in_words_with_file_and_line(make: Callable[[], object], words: str) -> None:
    with pytest.raises(pt.DefinitionError, match=r"test_schedules_and_sensors\.py:\d+: ") as raised:
        make()
    assert words in str(raised.value)


@pytest.mark.parametrize("given", [None, 5, b"* * * * *", {"0 2 * * *": 1}, [None], []])
def test_what_is_no_cron_expression_is_refused_in_words(given: Any) -> None:
    with pytest.raises(pt.DefinitionError, match="expression"):
        pt.Cron(given)
    assert not pt.Cron.is_valid(given)


def test_a_repository_tells_all_problems_together_with_file_and_line() -> None:
    with pytest.raises(pt.DefinitionErrors) as raised:
        repository(
            schedules=[
                pt.Schedule("a", cron="@daily", target="whol"),
                pt.Schedule("b", cron="@daily", target=daily),
                pt.Schedule("c", cron="@daily", target="group:nothing"),
                pt.partition_schedule("whole", name="d"),
                pt.Schedule("a", cron="@daily", target="whole"),
                pt.partition_schedule(daily, name="e", day_of_week=3),
            ]
        )
    text = str(raised.value)
    for words in (
        "schedule 'a': There is no job or asset 'whol'. Did you mean 'whole'?",
        "schedule 'b': its target is cut into daily",
        "schedule 'c': its target 'group:nothing' means no asset",
        "schedule 'd': its target has no partitions",
        "schedule 'a': the name is taken by the schedule",
        "schedule 'e': day_of_week=3 means nothing for daily partitions",
    ):
        assert words in text
    assert text.count("test_schedules_and_sensors.py:") >= 6


def test_a_parameter_that_nothing_fills_is_refused() -> None:
    with pytest.raises(pt.SignatureError, match="parameter 'unknown' is neither its context nor a resource"):

        @pt.sensor(target="whole")
        def greedy(context: pt.SensorContext, unknown: int) -> None: ...


def test_what_nobody_provides_to_a_function_is_told_at_load() -> None:
    class Mail(pt.Resource):
        host: str = "localhost"

    @pt.schedule(cron="@daily", target=daily)
    def nightly(context: pt.ScheduleContext, mali: Mail) -> None: ...

    @pt.sensor(target="whole")
    def look(context: pt.SensorContext, mail: Mail, spool: pt.Provided[str]) -> None: ...

    with pytest.raises(pt.DefinitionErrors) as raised:
        repository(schedules=[nightly], sensors=[look], resources={"mail": "smtp"})

    text = str(raised.value)
    for words in (
        "schedule 'nightly': it needs a resource 'mali', which the repository does not have. Did you mean 'mail'?",
        "sensor 'look': it needs a resource 'spool', which the repository does not have.",
        "sensor 'look': parameter 'mail' takes a Mail, and the resource of that name is a str",
    ):
        assert words in text
    assert text.count("test_schedules_and_sensors.py:") == 3
    assert repository(schedules=[nightly], resources={"mali": Mail()}).schedule("nightly") is nightly


@pytest.mark.parametrize(
    ("declare", "annotated", "right"),
    [
        (pt.schedule(cron="@daily", target="whole"), pt.SensorContext, "pt.ScheduleContext"),
        (pt.sensor(target="whole"), pt.OpContext, "pt.SensorContext"),
        (pt.sensor(target="whole"), pt.AssetSensorContext, "pt.SensorContext"),
        (pt.asset_sensor(asset="whole"), pt.RunStatusContext, "pt.AssetSensorContext"),
        (pt.run_status_sensor(status="failed"), pt.ScheduleContext, "pt.RunStatusContext"),
    ],
)
def test_a_context_of_another_kind_is_refused(declare: Callable[..., object], annotated: type, right: str) -> None:
    def look(context: Any) -> None: ...

    look.__annotations__["context"] = annotated

    with pytest.raises(pt.SignatureError, match=f"'look': its context is annotated as a {annotated.__name__}.*Write {right}"):
        declare(look)


def test_a_context_may_be_annotated_with_what_it_derives_from() -> None:
    @pt.asset_sensor(asset="whole")
    def written(context: pt.SensorContext) -> None: ...

    @pt.schedule(cron="@daily", target="whole")
    def nightly(context: pt.Context | None) -> None: ...

    assert repository(schedules=[nightly], sensors=[written]).sensors == (written,)


def test_schedules_and_sensors_share_their_names() -> None:
    @pt.sensor(target="whole", name="same")
    def look(context: pt.SensorContext) -> None: ...

    with pytest.raises(pt.DuplicateNameError, match="the name is taken by the schedule"):
        repository(schedules=[pt.Schedule("same", cron="@daily", target="whole")], sensors=[look])


def test_a_function_may_choose_among_assets_that_are_cut_in_different_ways() -> None:
    regions = pt.asset(key="region", partitions=pt.StaticPartitions(["eu", "us"]))(lambda: 1)

    @pt.schedule(cron="@daily", target=[day, regions])
    def either(context: pt.ScheduleContext) -> list[pt.RunRequest]:
        return [pt.RunRequest(assets=[regions], partition="eu"), pt.RunRequest(assets=[day], partition="2024-01-05")]

    made = pt.Repository("main", assets=[day, regions], schedules=[either])
    (spec,) = made.spec.schedules
    runs = [RequestedRun(assets=each.assets, partition=each.partition) for each in either(pt.ScheduleContext(due_at=NOW))]

    asked = requests_of((spec.target,), runs, TickScope(location="main", repository=made.spec), tags={}, now=NOW)

    assert [(each.request.assets, each.request.partition_keys) for each in asked] == [(("region",), ("eu",)), (("day",), ("2024-01-05",))]
    with pytest.raises(pt.DefinitionError, match="its assets are cut in different ways"):
        pt.Repository("main", assets=[day, regions], schedules=[pt.Schedule("s", cron="@daily", target=[day, regions])])


def test_functions_are_tested_as_functions() -> None:
    @pt.schedule(cron="0 2 * * *", target=daily)
    def nightly(context: pt.ScheduleContext) -> pt.RunRequest:
        return pt.RunRequest(partition=context.partition(daily))

    @pt.sensor(target="whole")
    def look(context: pt.SensorContext) -> pt.Skip:
        return pt.Skip(f"after {context.cursor}")

    made = repository(schedules=[nightly], sensors=[look])

    assert nightly(pt.ScheduleContext(due_at=NOW, repository=made)).partition == "2024-01-31"
    assert look(pt.SensorContext(cursor="c")).reason == "after c"


def test_a_catalog_travels_and_its_hash_changes_with_a_cron() -> None:
    def catalog(cron: str) -> LocationCatalog:
        return LocationCatalog(location="main", repositories=(repository(schedules=[pt.Schedule("s", cron=cron, target="whole")]).spec,))

    one = catalog("0 2 * * *")

    assert decode(encode(one), LocationCatalog) == one
    assert hash_catalog(one) == hash_catalog(catalog("0 2 * * *"))
    assert hash_catalog(one) != hash_catalog(catalog("0 3 * * *"))


def test_missed_ticks_are_made_up_for_as_far_as_the_schedule_says() -> None:
    (spec,) = repository(schedules=[pt.Schedule("s", cron="0 * * * *", target="whole", catch_up=3)]).spec.schedules
    planned = first_due(spec, after=NOW)

    on_time = due_ticks(spec, planned=planned, now=planned)
    late = due_ticks(spec, planned=planned, now=NOW + timedelta(hours=9, minutes=30))

    assert on_time.ticks == (planned,)
    assert [tick.hour for tick in late.ticks] == [19, 20, 21]
    assert late.next.hour == 22
    assert due_ticks(spec, planned=planned, now=NOW).ticks == ()


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (RequestedRun(), "partition"),
        (RequestedRun(partition="2024-13-01"), "2024-13-01"),
        (RequestedRun(partition="2024-02-01"), "2024-02-01"),
        (RequestedRun(partition="2024-01-05", job="dayly"), "Did you mean 'daily'?"),
        (RequestedRun(partition="2024-01-05", assets=(whole.spec.key,)), "does not belong to job 'daily'"),
    ],
)
def test_a_request_that_cannot_be_run_is_refused_by_name(run: RequestedRun, words: str) -> None:
    made = repository()
    scope = TickScope(location="main", repository=made.spec)
    target = pt.Schedule("s", cron="@daily", target=daily).spec.target

    with pytest.raises(pt.RequestError) as raised:
        requests_of((target,), [run], scope, tags={}, now=NOW)
    assert words in str(raised.value)


def test_tags_of_job_schedule_and_request_go_on_the_run() -> None:
    scope = TickScope(location="main", repository=repository().spec)
    target = pt.Schedule("s", cron="@daily", target=daily).spec.target
    run = RequestedRun(partition="2024-01-05", tags={"by": "request"}, run_key="k")

    (asked,) = requests_of((target,), [run], scope, tags={"by": "schedule", "tier": "1"}, now=NOW)

    assert asked.run_key == "k"
    assert asked.request.tags == {"team": "etl", "tier": "1", "by": "request"}
    assert asked.request.partition_keys == ("2024-01-05",)
