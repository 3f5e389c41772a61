"""`pt.checks`: what is found in tables of any make, and in what is known of the last write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import partita as pt
from partita.errors import DefinitionError
from partita.records.events import CheckEvaluated

ROWS = [{"id": 1, "name": "a"}, {"id": 2, "name": None}, {"id": 2, "name": "c"}]
MAKES: dict[str, Callable[[Any], Any]] = {"pandas": pd.DataFrame, "pyarrow": pa.Table.from_pylist, "rows": lambda rows: rows}
TYPES = {"pandas": "int64", "pyarrow": "int64", "rows": "int"}
if find_spec("polars") is not None:  # an extra that is not needed to work on Partita
    import polars as pl

    MAKES |= {"polars": pl.DataFrame, "polars-lazy": pl.LazyFrame}
    TYPES |= {"polars": "Int64", "polars-lazy": "Int64"}


@pytest.fixture(params=MAKES)
def make(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def verdict(check: pt.Check[..., pt.CheckResult], value: Any) -> CheckEvaluated:
    """What a run says that writes a value and checks it."""

    @pt.asset
    def orders(context: pt.AssetContext) -> Any:
        context.add_metadata({"rows": 3, "source": "x"})
        return value

    [found] = [event for event in pt.materialize([orders, check]).events if isinstance(event, CheckEvaluated)]
    return found


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (lambda _: pt.checks.row_count("orders", min=3, max=3), None),
        (lambda _: pt.checks.row_count("orders", min=4), "3 rows, expected at least 4."),
        (lambda _: pt.checks.row_count("orders", min=None, max=2), "3 rows, expected at most 2."),
        (lambda _: pt.checks.not_null("orders", "id"), None),
        (lambda _: pt.checks.not_null("orders", ["id", "name"]), "'name' has no value in 1 rows."),
        (lambda _: pt.checks.not_null("orders", "nmae"), "There is no column 'nmae'."),
        (lambda _: pt.checks.unique("orders", ["id", "name"]), None),
        (lambda _: pt.checks.unique("orders", "id"), "1 rows repeat another."),
        (lambda _: pt.checks.column_schema("orders", ["id", "name"], exact=True), None),
        (lambda make: pt.checks.column_schema("orders", {"id": TYPES[make].upper(), "name": None}), None),
        (lambda _: pt.checks.column_schema("orders", ["id", "day"], exact=True), "There is no column 'day'; column 'name' is not expected."),
        (lambda make: pt.checks.column_schema("orders", {"id": "date"}), "Column 'id' is {}, not date."),
    ],
)
def test_tables_of_every_make_are_looked_at(make: str, check: Callable[[str], Any], problem: str | None) -> None:
    found = verdict(check(make), MAKES[make](ROWS))

    assert (found.passed, found.description) == (problem is None, problem.format(TYPES[make]) if problem else None)


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (pt.checks.metadata_bounds("orders", "rows", min=3), None),
        (pt.checks.metadata_bounds("orders", "rows", max=2), "Rows 3, expected at most 2."),
        (pt.checks.metadata_bounds("orders", "rwos", max=2), "Metadata 'rwos' is not there; labels of the last write: rows, source."),
        (pt.checks.metadata_bounds("orders", "source", max=2), "Metadata 'source' is no number; labels of the last write: rows, source."),
        (pt.checks.freshness("orders", within=timedelta(minutes=5)), None),
    ],
)
def test_what_is_known_of_the_last_write_is_looked_at(check: Any, problem: str | None) -> None:
    found = verdict(check, "anything")

    assert (found.passed, found.description) == (problem is None, problem)


def test_each_partition_of_a_run_is_checked() -> None:
    days = pt.DailyPartitions("2024-01-01")

    @pt.asset(partitions=days)
    def orders(context: pt.AssetContext) -> dict[str, list[dict[str, int]]]:
        return {key: [{"id": 1}] * number for number, key in enumerate(context.partition_keys)}

    result = pt.materialize([orders, pt.checks.row_count(orders)], partition=["2024-01-01", "2024-01-02", "2024-01-03"])

    found = {(event.passed, event.description) for event in result.events if isinstance(event, CheckEvaluated)}
    assert found == {(False, "2024-01-01: 0 rows, expected at least 1.")}


def test_a_blocking_one_stops_what_is_downstream() -> None:
    @pt.asset
    def orders() -> list[dict[str, int]]:
        return []

    @pt.asset
    def behind(orders: list[dict[str, int]]) -> int:
        return len(orders)

    checks = [pt.checks.row_count(orders, blocking=True), pt.checks.not_null(orders, "id", severity=pt.Severity.WARN)]
    result = pt.materialize([orders, behind, *checks], raise_on_error=False)

    assert result.failed_steps == ("orders:row_count",)
    assert [event.passed for event in result.events if isinstance(event, CheckEvaluated)] == [False, True], "no rows have nothing wrong in them"


def test_they_are_declared_where_they_are_written() -> None:
    check = pt.checks.unique("raw/orders", ["id", "day of week"], blocking=True)

    assert check.step_key == "raw/orders:unique_id_day_of_week"
    assert (check.spec.is_blocking, check.spec.description) == (True, "No two rows have the same id, day of week.")
    assert check.spec.source is not None
    assert Path(check.spec.source.file) == Path(__file__)


@pytest.mark.parametrize(
    ("declare", "problem"),
    [
        (lambda: pt.checks.row_count("orders", min=3, max=2), "row_count: min=3 is more than max=2."),
        (lambda: pt.checks.row_count("orders", min=None), "row_count: give min=, max=, or both."),
        (lambda: pt.checks.not_null("orders", []), "give the name of a column"),
        (lambda: pt.checks.column_schema("orders", {}), "no column is given"),
        (lambda: pt.checks.freshness("orders", within=timedelta(0)), "is no positive timedelta"),
        (lambda: pt.checks.unique("or ders", "id"), "'or ders' is not an asset key"),
    ],
)
def test_what_cannot_be_is_refused_when_declared(declare: Callable[[], Any], problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        declare()


def test_what_is_no_table_is_told_in_words() -> None:
    with pytest.raises(pt.StepFailedError, match="A value of type int is no table: give a data frame"):
        verdict(pt.checks.row_count("orders"), 3)
