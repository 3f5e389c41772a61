"""What a step's function is told, what it can tell, and the partitions it reads and writes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.errors import DefinitionError, ExecutionError, OutputMissingError, RequestError, StepFailedError, UnknownPartitionError
from partita.execution.results import Result
from partita.records.events import AssetMaterialized, LogWritten, ProgressMade


@pt.asset
def raw() -> int:
    return 2


def facts(result: Result, kind: type[Any]) -> list[Any]:
    return [event for event in result.events if isinstance(event, kind)]


# ---- the context ----------------------------------------------------------------------------------------------------


def test_the_context_knows_where_it_stands() -> None:
    seen: dict[str, Any] = {}

    @pt.asset(key_prefix="marts", partitions=pt.DailyPartitions(start="2013-03-01", end="2013-04-01", timezone="America/New_York"))
    def delays(context: pt.AssetContext) -> int:
        seen.update(
            asset=context.asset_key,
            selected=context.selected_keys,
            step=context.step_key,
            partition=context.partition_key,
            partitions=context.partition_keys,
            hours=(context.partition_window.end - context.partition_window.start).total_seconds() / 3600,
            attempt=context.attempt,
            job=context.job_name,
            tags=dict(context.tags),
            run=context.run_id,
            cancelled=context.is_cancelled,
        )
        return 1

    # the clock changes on this day, so its window has 24 hours on the wall and 23 in fact
    result = pt.materialize([delays], partition="2013-03-10", tags={"team": "x"})

    assert seen == {
        "asset": pt.AssetKey("marts/delays"),
        "selected": frozenset({pt.AssetKey("marts/delays")}),
        "step": "marts/delays",
        "partition": "2013-03-10",
        "partitions": ("2013-03-10",),
        "hours": 24,
        "attempt": 1,
        "job": None,
        "tags": {"team": "x"},
        "run": result.run_id,
        "cancelled": False,
    }


def test_asking_for_a_partition_where_there_is_none_is_an_error_that_says_so() -> None:
    @pt.asset
    def unpartitioned(context: pt.AssetContext) -> str:
        return context.partition_key

    @pt.asset
    def windowless(context: pt.AssetContext) -> Any:
        return context.partition_window

    with pytest.raises(StepFailedError, match=r"step 'unpartitioned' has no partitions"):
        pt.materialize([unpartitioned])
    with pytest.raises(StepFailedError, match=r"step 'windowless' is not partitioned by time"):
        pt.materialize([windowless])


def test_log_records_and_progress_are_events() -> None:
    @pt.asset
    def talks(context: pt.AssetContext) -> int:
        context.log.warning("read %d rows", 3, extra={"table": "flights", "path": Path("/x"), "size": 2**70})
        try:
            raise KeyError("x")
        except KeyError:
            context.log.exception("odd \udcff")
        context.progress(1, 4, "reading")
        return 1

    result = pt.materialize([talks])

    first, second = facts(result, LogWritten)
    assert (first.level, first.message, first.step) == ("warning", "read 3 rows", "talks")
    assert first.fields == {"table": "flights", "path": "/x", "size": str(2**70)}
    assert second.message.startswith("odd ?\nTraceback")
    (progress,) = facts(result, ProgressMade)
    assert (progress.done, progress.total, progress.message) == (1, 4, "reading")


def test_log_records_reach_the_handlers_of_the_process_too(caplog: pytest.LogCaptureFixture) -> None:
    @pt.asset
    def talks(context: pt.AssetContext) -> int:
        context.log.info("hello")
        return 1

    with caplog.at_level(logging.INFO):
        pt.materialize([talks])

    assert "hello" in caplog.messages


def test_metadata_that_cannot_be_stored_fails_where_it_is_given() -> None:
    @pt.asset
    def odd(context: pt.AssetContext) -> int:
        context.add_metadata({"handle": object()})
        return 1

    with pytest.raises(StepFailedError, match=r"'handle': object is not a metadata value") as raised:
        pt.materialize([odd])
    assert isinstance(raised.value.__cause__, DefinitionError)


def test_a_step_can_load_any_asset_that_the_repository_knows() -> None:
    days = pt.DailyPartitions(start="2013-01-01", end="2013-02-01")

    @pt.asset(partitions=days)
    def daily(context: pt.AssetContext) -> str:
        return context.partition_key

    @pt.asset(partitions=days, deps=[daily, raw])
    def peeks(context: pt.AssetContext) -> Any:
        return [context.load(raw), context.load("daily", context.partition_key), context.load("daily", ["2013-01-05"])]

    result = pt.materialize([raw, daily, peeks], partition="2013-01-05")

    assert result.value("peeks") == [2, "2013-01-05", {"2013-01-05": "2013-01-05"}]


@pytest.mark.parametrize(
    ("key", "partition", "problem"),
    [
        ("rwa", None, r"There is no asset 'rwa'. Did you mean 'raw'\?"),
        ("raw", "2013-01-01", "Asset 'raw' has no partitions"),
        ("daily", None, "Asset 'daily' is partitioned daily .* Say which partition to load"),
        ("daily", "2013-01-02", "Asset 'daily' has no stored value for partition '2013-01-02'"),
    ],
)
def test_loading_what_is_not_there_says_what_to_do(key: str, partition: str | None, problem: str) -> None:
    @pt.asset(partitions=pt.DailyPartitions(start="2013-01-01", end="2013-02-01"))
    def daily() -> int:
        return 1

    @pt.asset
    def peeks(context: pt.AssetContext) -> Any:
        return context.load(key, partition)

    with pytest.raises(StepFailedError, match=problem):
        pt.materialize([raw, daily, peeks], selection="peeks")


# ---- partitions -----------------------------------------------------------------------------------------------------

DAYS = pt.DailyPartitions(start="2013-01-01", end="2013-03-01")
MONTHS = pt.MonthlyPartitions(start="2013-01-01", end="2013-03-01")


@pt.asset(partitions=DAYS)
def day_number(context: pt.AssetContext) -> Any:
    numbers = {key: int(key[-2:]) for key in context.partition_keys}
    return numbers if len(numbers) > 1 else numbers[context.partition_key]


@pt.asset(partitions=MONTHS)
def month_sum(context: pt.AssetContext, day_number: dict[str, int]) -> int:
    assert context.upstream_keys("day_number") == tuple(day_number)
    return sum(day_number.values())


def test_a_month_gets_its_days_as_a_dict() -> None:
    result = pt.materialize([day_number, month_sum], partition="2013-02-01")

    assert result.value("month_sum") == sum(range(1, 29))
    assert len(result.value("day_number")) == 28


def test_each_partition_that_a_step_writes_is_materialized_by_itself() -> None:
    result = pt.materialize([day_number], partition=["2013-01-03", "2013-01-02"])

    assert [event.partition for event in facts(result, AssetMaterialized)] == ["2013-01-02", "2013-01-03"]
    assert result.value("day_number") == {"2013-01-02": 2, "2013-01-03": 3}


def test_the_day_before_the_first_is_none_or_the_default() -> None:
    yesterday = pt.In(key="day_number", mapping=pt.TimeWindowMapping(start_offset=-1, end_offset=-1))

    @pt.asset(partitions=DAYS, ins={"before": yesterday})
    def change(day_number: int, before: int | None) -> Any:
        return (day_number, before)

    @pt.asset(partitions=DAYS, ins={"before": yesterday})
    def with_default(before: int = -1) -> int:
        return before

    first = pt.materialize([day_number, change, with_default], partition="2013-01-01")

    assert first.value("change") == (1, None)
    assert first.value("with_default") == -1


@pytest.mark.parametrize(
    ("returned", "error", "problem"),
    [
        (5, ExecutionError, "writes 2 partitions, so it returns a dict by partition key; it returned int"),
        ({"2013-01-02": 1}, OutputMissingError, "ended without partition '2013-01-03'"),
        ({"2013-01-02": 1, "2013-01-03": 2, "2013-01-33": 3}, ExecutionError, "returned partition '2013-01-33', which this run does not write"),
    ],
)
def test_several_partitions_must_be_returned_as_a_dict_of_exactly_these(returned: Any, error: type[Exception], problem: str) -> None:
    @pt.asset(partitions=DAYS)
    def several() -> Any:
        return returned

    with pytest.raises(error, match=problem):
        pt.materialize([several], partition=["2013-01-02", "2013-01-03"])


def test_a_run_of_partitioned_and_unpartitioned_assets_takes_one_key() -> None:
    result = pt.materialize([raw, day_number], partition="2013-01-02")

    assert [event.partition for event in facts(result, AssetMaterialized)] == [None, "2013-01-02"]


def test_partitions_are_checked_before_anything_runs() -> None:
    ran = []

    @pt.asset
    def first() -> int:
        ran.append("first")
        return 1

    for partition, error in ((None, RequestError), ("2014-01-01", UnknownPartitionError)):
        with pytest.raises(error, match=r"day_number"):
            pt.materialize([first, day_number], partition=partition)
    assert ran == []


# ---- the last write of an asset -------------------------------------------------------------------------------------


@pt.asset
def versioned(context: pt.AssetContext) -> pt.Materialization[int]:
    before = context.latest("versioned")
    return pt.Materialization(value=1, metadata={"before": before.data_version if before is not None else "none"}, data_version=context.run_id)


@pt.asset(deps=[versioned])
def behind(context: pt.AssetContext) -> list[Any]:
    seen = context.latest(versioned)
    assert seen is not None
    return [str(seen.asset_key), seen.run_id, seen.data_version, seen.metadata["before"]]


def test_the_last_write_of_an_asset_is_told_also_of_this_run() -> None:
    result = pt.materialize([versioned, behind])

    assert result.value("behind") == ["versioned", result.run_id, result.run_id, "none"]


def test_with_a_store_the_last_write_of_any_run_is_told(tmp_path: Path) -> None:
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        first = pt.materialize([versioned], store=store)
        second = pt.materialize([versioned, behind], store=store)
        alone = pt.materialize([versioned, behind], selection="behind", store=store)

    assert second.value("behind") == ["versioned", second.run_id, second.run_id, first.run_id]
    assert alone.value("behind")[1] == second.run_id


def test_an_asset_that_nobody_knows_is_not_taken_for_one_that_was_never_written() -> None:
    @pt.asset
    def curious(context: pt.AssetContext) -> str:
        assert context.latest("curious") is None
        return str(context.latest("curiuos"))

    with pytest.raises(StepFailedError, match=r"There is no asset 'curiuos'\. Did you mean 'curious'"):
        pt.materialize([curious])
