"""Runs of assets that are cut in several dimensions."""

from __future__ import annotations

from pathlib import Path

import pytest

import partita as pt

DAYS, REGIONS = pt.DailyPartitions("2024-01-01"), pt.StaticPartitions(["eu", "us"])
BOTH = pt.MultiPartitions({"date": DAYS, "region": REGIONS})


@pt.asset(partitions=BOTH)
def sales(context: pt.AssetContext) -> list[str]:
    return [*context.partition_dimensions.values(), context.partition_window.start.isoformat()]


@pt.asset(partitions=BOTH)
def clean(sales: list[str]) -> str:
    return "/".join(sales)


@pt.asset(partitions=DAYS)
def daily(clean: dict[str, str]) -> list[str]:
    return list(clean)


@pt.asset(partitions=REGIONS)
def rates() -> int:
    return 3


@pt.asset(partitions=BOTH)
def priced(context: pt.AssetContext, sales: list[str], rates: int) -> int:
    assert context.upstream_keys("rates") == (context.partition_dimensions["region"],)
    return rates * len(sales)


def test_a_step_knows_its_key_by_dimension_and_its_window() -> None:
    result = pt.materialize([sales, clean], partition="2024-01-02|eu")

    assert result.value("clean") == "2024-01-02/eu/2024-01-02T00:00:00+00:00"


def test_a_downstream_day_takes_all_that_its_dimension_has(tmp_path: Path) -> None:
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        for region in ("eu", "us"):
            pt.materialize([sales, clean], partition=f"2024-01-02|{region}", store=store)
        result = pt.materialize([sales, clean, daily], partition="2024-01-02", selection="daily", store=store)

    assert result.value("daily") == ["2024-01-02|eu", "2024-01-02|us"]


def test_a_dimension_is_read_by_its_own_key(tmp_path: Path) -> None:
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        pt.materialize([rates], partition="eu", store=store)
        result = pt.materialize([sales, rates, priced], partition="2024-01-02|eu", selection="sales or priced", store=store)

    assert result.value("priced") == 9


@pytest.mark.parametrize(
    ("key", "problem"),
    [("2024-01-02", r"Its keys join date\|region, such as '2024-01-01\|eu'"), ("2024-01-02|xx", "There is no 'xx' in dimension 'region'")],
)
def test_a_key_that_does_not_exist_is_refused(key: str, problem: str) -> None:
    with pytest.raises(pt.UnknownPartitionError, match=problem):
        pt.materialize([sales], partition=key)


def test_dimensions_are_selected_by_how_they_are_cut() -> None:
    repository = pt.Repository("r", assets=[sales, clean, daily, rates, priced])

    assert pt.select("partitions:multi", repository) == {"sales", "clean", "priced"}
    assert pt.select("partitions:daily and not partitions:multi", repository) == {"daily"}
