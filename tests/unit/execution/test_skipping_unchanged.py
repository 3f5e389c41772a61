"""Steps that would write what is there already are not executed, where that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.records.events import AssetMaterialized, LogWritten

DAYS = pt.DailyPartitions("2024-01-01")
ran: list[str] = []


@pytest.fixture
def store(tmp_path: Path) -> Iterator[pt.Store]:
    ran.clear()
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as opened:
        yield opened


class Limit(pt.Config):
    limit: int = 1


def assets(source: str = "1", middle: str | None = "1") -> list[Any]:
    @pt.asset(code_version=source)
    def raw() -> int:
        ran.append("raw")
        return 2

    @pt.asset(code_version=middle)
    def doubled(raw: int, config: Limit) -> int:
        ran.append("doubled")
        return raw * 2

    @pt.asset(code_version="1", deps=[doubled])
    def report() -> str:
        ran.append("report")
        return "done"

    return [raw, doubled, report]


def run(store: pt.Store, *made: Any, **more: Any) -> tuple[Any, list[str]]:
    ran.clear()
    result = pt.materialize(list(made), store=store, skip_unchanged=True, **more)
    return result, list(ran)


def test_what_is_unchanged_is_left_and_still_there_for_others(store: pt.Store) -> None:
    first, executed = run(store, *assets())
    assert executed == ["raw", "doubled", "report"]

    again, executed = run(store, *assets())

    assert executed == []
    assert again.success
    assert again.value("doubled") == 4
    assert not [event for event in again.events if isinstance(event, AssetMaterialized)]
    told = [event.message for event in again.events if isinstance(event, LogWritten)]
    assert told == [f"Not executed: code and inputs are those of the last write, by run {first.run_id}."] * 3
    assert run(store, *assets())[1] == []


def test_new_code_is_executed_and_what_is_behind_it_where_its_data_changes(store: pt.Store) -> None:
    run(store, *assets())

    assert run(store, *assets(middle="2"))[1] == ["doubled", "report"]
    assert run(store, *assets(middle="2"))[1] == []


def test_the_same_data_from_new_code_stops_there(store: pt.Store) -> None:
    def versioned(code: str) -> list[Any]:
        @pt.asset(code_version=code)
        def source() -> pt.Materialization[int]:
            ran.append("source")
            return pt.Materialization(value=1, data_version="same")

        @pt.asset(code_version="1")
        def reader(source: int) -> int:
            ran.append("reader")
            return source

        return [source, reader]

    run(store, *versioned("1"))

    assert run(store, *versioned("2"))[1] == ["source"]


def test_without_a_code_version_or_with_config_nothing_is_known(store: pt.Store) -> None:
    run(store, *assets(middle=None))

    assert run(store, *assets(middle=None))[1] == ["doubled", "report"]
    run(store, *assets())
    assert run(store, *assets(), config={"steps": {"doubled": {"limit": 3}}})[1] == ["doubled"]


def test_partitions_are_judged_one_by_one(store: pt.Store) -> None:
    @pt.asset(partitions=DAYS, code_version="1")
    def day(context: pt.AssetContext) -> str:
        ran.append(context.partition_key)
        return context.partition_key

    run(store, day, partition="2024-01-01")

    assert run(store, day, partition="2024-01-01")[1] == []
    assert run(store, day, partition="2024-01-02")[1] == ["2024-01-02"]


def test_nothing_is_left_out_unless_that_is_asked_for(store: pt.Store) -> None:
    run(store, *assets())
    ran.clear()

    pt.materialize(assets(), store=store)

    assert ran == ["raw", "doubled", "report"]


def test_without_a_store_everything_is_executed() -> None:
    ran.clear()
    pt.materialize(assets(), skip_unchanged=True)

    assert ran == ["raw", "doubled", "report"]
