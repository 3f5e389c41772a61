"""What evaluating the function of a schedule or sensor comes to: every answer is read, and every mistake told in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import partita as pt
from partita.execution.evaluating import evaluate
from partita.execution.evaluation import Evaluation, Verdict
from partita.records.codec import decode, encode

DAYS = pt.DailyPartitions("2024-01-01")
NOON = datetime(2024, 2, 1, 12, tzinfo=UTC)
ODD = "caf\udce9.csv"
"""A file's name that is no text, as Python reads it."""


@pt.asset
def table() -> int:
    return 1


@pt.asset(partitions=DAYS)
def day() -> int:
    return 1


@pt.asset(partitions=pt.StaticPartitions(["eu", "us"]))
def region() -> int:
    return 1


whole = pt.asset_job("whole", selection="table")
daily = pt.asset_job("daily", selection="day")
regional = pt.asset_job("regional", selection="region")


def answer(function: Callable[..., Any]) -> Verdict:
    """What a sensor with this function comes to, as the worker hears it."""
    return _evaluated("sensor", sensors=[pt.sensor(target=whole, name="look")(function)])


def tick(function: Callable[..., Any]) -> Verdict:
    """What a tick of a schedule with this function comes to."""
    return _evaluated("schedule", schedules=[pt.schedule(cron="@daily", target=whole, name="look")(function)])


def _evaluated(kind: Any, **given: Any) -> Verdict:
    repository = pt.Repository("main", assets=[table, day, region], jobs=[whole, daily, regional], **given)
    asked = Evaluation(location="main", repository="main", kind=kind, name="look", tick_id="t", due_at=NOON)
    return decode(encode(evaluate(asked, [repository])), Verdict)


def message(verdict: Verdict) -> str:
    assert verdict.error is not None, verdict
    return verdict.error.message


def test_what_a_generator_returns_in_the_end_counts_too() -> None:
    def look(context: pt.SensorContext) -> Iterator[Any]:
        yield pt.RunRequest(run_key="a")
        yield None
        return pt.SensorResult(requests=[pt.RunRequest(run_key="b")], cursor="b")

    verdict = answer(look)

    assert [request.run_key for request in verdict.requests] == ["a", "b"]
    assert (verdict.cursor, verdict.skip, verdict.error) == ("b", None, None)


def test_a_generator_may_return_its_whole_answer() -> None:
    def look(context: pt.SensorContext) -> Iterator[Any]:
        yield from ()
        return pt.SensorResult(skip="nothing", cursor="c")

    assert (answer(look).skip, answer(look).cursor) == ("nothing", "c")


def test_a_generator_may_return_a_list() -> None:
    def look(context: pt.SensorContext) -> Iterator[Any]:
        yield pt.RunRequest(run_key="a")
        return [pt.RunRequest(run_key="b")]

    assert [request.run_key for request in answer(look).requests] == ["a", "b"]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((pt.RunRequest(), pt.SensorResult(skip="why")), "either launches runs or skips"),
        ((pt.SensorResult(cursor="a"), pt.SensorResult(cursor="b")), "gave 2 pt.SensorResult. Put all of its answer into one."),
        ((pt.RunRequest(), "text"), "gave 'text' among its answers"),
    ],
)
def test_answers_that_contradict_are_refused(parts: tuple[Any, ...], words: str) -> None:
    def look(context: pt.SensorContext) -> Iterator[Any]:
        yield from parts

    assert words in message(answer(look))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: pt.RunRequest(assets=[]), "RunRequest(assets=[]) names no asset. Leave it out for all"),
        (lambda: pt.RunRequest(assets=5), "give a list"),  # type: ignore[arg-type]
        (lambda: pt.RunRequest(job=5), "RunRequest(job=5): give a job or its name."),
        (lambda: pt.RunRequest(tags=["a"]), "give a mapping"),  # type: ignore[arg-type]
        (lambda: pt.RunRequest(run_key=ODD), "RunRequest(run_key='caf\\udce9.csv') holds '\\udce9', which cannot be stored"),
        (lambda: pt.RunRequest(run_key="k" * 1001), "RunRequest(run_key=...) has 1001 characters; at most 1000 are taken. Give a hash of it."),
        (lambda: pt.SensorResult(cursor="c" * 1_000_001), "SensorResult(cursor=...) has 1,000,001 characters; at most 1,000,000 are taken."),
        (lambda: pt.RunRequest(run_key="a\0b"), "holds '\\x00', which cannot be stored"),
        (lambda: pt.RunRequest(partition=ODD), "RunRequest(partition="),
        (lambda: pt.RunRequest(config={"steps": {"load": {"paths": ["ok", ODD]}}}), "Config at steps.load.paths.1: 'caf\\udce9.csv' holds"),
        (lambda: pt.RunRequest(config={"steps": {"load": {"limit": 2**70}}}), "Config at steps.load.limit: a whole number of more than 64 bits"),
        (lambda: pt.RunRequest(config={"steps": {"load": {"share": float("inf")}}}), "Config at steps.load.share: inf cannot be written"),
        (lambda: pt.SensorResult(cursor=ODD), "SensorResult(cursor='caf\\udce9.csv') holds"),
        (lambda: pt.SensorResult(skip=5), "say why, as text"),  # type: ignore[arg-type]
        (lambda: pt.SensorResult(requests=5), "give a list of pt.RunRequest"),  # type: ignore[arg-type]
        (lambda: pt.AssetEvent("table", partition=5), "AssetEvent(partition=5): give text"),  # type: ignore[arg-type]
        (lambda: pt.AddPartitions("a b", ["x"]), "'a b' is not a name for a set of dynamic partitions"),
        (lambda: pt.AddPartitions("customers", ""), "give a list of keys"),
        (lambda: pt.AddPartitions("customers", None), "give a list of keys"),  # type: ignore[arg-type]
        (lambda: pt.AddPartitions("customers", [""]), "AddPartitions('customers', ...) has an empty key"),
        (lambda: pt.AddPartitions("customers", ["a|b"]), "which holds '|'"),
        (lambda: pt.AddPartitions("customers", ["a\nb"]), "which holds '\\n'"),
        (lambda: pt.AddPartitions("customers", [ODD]), "which holds '\\udce9'"),
        (lambda: pt.AddPartitions("customers", [5]), "which is not text"),  # type: ignore[list-item]
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_words(make: Callable[[], object], words: str) -> None:
    def look(context: pt.SensorContext) -> object:
        return make()

    assert words in message(answer(look))


def test_config_holds_every_text_that_json_can_write() -> None:
    given = {"steps": {"load": {"separator": "\0", "name": "caf\u00e9 \U0001f600"}}}

    [request] = answer(lambda context: pt.RunRequest(config=given)).requests

    assert request.config == given


def test_text_that_cannot_be_stored_is_made_storable_where_it_is_only_shown() -> None:
    def look(context: pt.SensorContext) -> object:
        context.log.info("found %s\0", ODD)
        return pt.SensorResult(requests=[pt.RunRequest(tags={"file": ODD})])

    verdict = answer(look)

    assert [request.tags for request in verdict.requests] == [{"file": "caf?.csv"}]
    assert [record.message for record in verdict.logs] == ["found caf?.csv?"]
    assert answer(lambda context: pt.Skip(f"no {ODD}")).skip == "no caf?.csv"
    assert answer(lambda context: pt.SensorResult(skip=f"no {ODD}\0")).skip == "no caf?.csv?"


class Stop(BaseException):
    pass


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt(), Stop()])
def test_an_exception_that_cannot_be_shown_still_fails_the_tick(raised: BaseException) -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise raised

    class Answer:
        def __repr__(self) -> str:
            raise raised

    def look(context: pt.SensorContext) -> object:
        raise OddError

    assert message(answer(look)) == f"<its message could not be read: {type(raised).__name__}>"
    assert f"returned <Answer that cannot be shown: {type(raised).__name__}>" in message(answer(lambda context: Answer()))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (whole, "job 'whole' has no partitions, so no tick has one. Leave partition= out"),
        (regional, "job 'regional' is cut into eu, us, which do not follow a clock"),
        ("dayly", "There is no job 'dayly'. Did you mean 'daily'?"),
        (table, "asset 'table' has no partitions"),
        (DAYS, "give a job or its name, or an asset."),
    ],
)
def test_a_partition_that_a_tick_does_not_have_is_told_in_words(asked: Any, words: str) -> None:
    def look(context: pt.ScheduleContext) -> object:
        return pt.RunRequest(partition=context.partition(asked))

    assert words in message(tick(look))


@pytest.mark.parametrize("asked", [daily, "daily", day])
def test_a_tick_knows_the_newest_partition_of_jobs_and_assets(asked: Any) -> None:
    verdict = tick(lambda context: pt.RunRequest(partition=context.partition(asked)))

    assert [request.partition for request in verdict.requests] == ["2024-01-31"]


def test_a_partition_that_was_not_asked_for_is_told_in_words() -> None:
    def look(context: pt.ScheduleContext) -> object:
        return pt.RunRequest(partition=context.partition)  # type: ignore[arg-type]

    assert "is given the function 'partition', not what it returns. Call it, as in context.partition(job)" in message(tick(look))


def test_a_job_whose_partitions_only_a_repository_knows_is_told_in_words() -> None:
    with pytest.raises(pt.RequestError, match=r"Make pt\.ScheduleContext\(repository=\.\.\.\)"):
        pt.ScheduleContext(due_at=NOON).partition(daily)
