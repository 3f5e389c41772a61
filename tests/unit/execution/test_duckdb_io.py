"""Values as tables of a DuckDB file."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

import partita as pt
from partita.errors import ExecutionError
from partita.records.events import AssetMaterialized

DAYS = pt.DailyPartitions("2024-01-01")


@pt.asset(key="raw/orders", partitions=DAYS)
def orders(context: pt.AssetContext) -> pd.DataFrame:
    return pd.DataFrame({"n": range(int(context.partition_key[-1]))})


@pt.asset(partitions=DAYS)
def doubled(orders: pa.Table) -> list[dict[str, int]]:
    return [{"n": 2 * row["n"]} for row in orders.to_pylist()] or [{"n": -1}]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "made" / "flights.duckdb"


def run(file: Path, *assets: Any, **options: Any) -> Any:
    return pt.materialize(list(assets), resources={"io_manager": pt.DuckDBIO(file)}, **options)


def rows(file: Path, query: str) -> list[Any]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_an_asset_is_a_table_and_its_partitions_are_rows(file: Path) -> None:
    result = run(file, orders, doubled, partition="2024-01-02")
    run(file, orders, partition="2024-01-03")

    assert rows(file, "SELECT _partition, n FROM raw.orders ORDER BY ALL") == [
        *(("2024-01-02", number) for number in range(2)),
        *(("2024-01-03", number) for number in range(3)),
    ]
    assert rows(file, "SELECT n FROM doubled ORDER BY n") == [(0,), (2,)]
    assert result.value("doubled").to_dict("records") == [{"n": 0}, {"n": 2}]
    [saved] = [event for event in result.events_for("raw/orders") if isinstance(event, AssetMaterialized)]
    assert {entry.label: entry.value for entry in saved.metadata} == {"table": "raw.orders", "rows": 2}


def test_writing_a_partition_again_replaces_its_rows(file: Path) -> None:
    run(file, orders, partition="2024-01-02")
    run(file, orders, partition="2024-01-02")

    assert rows(file, "SELECT count(*) FROM raw.orders") == [(2,)]


def test_several_partitions_arrive_by_key_and_one_without_rows_is_not_missing(file: Path) -> None:
    for key in ("2024-01-09", "2024-01-10", "2024-01-11"):
        run(file, orders, partition=key)

    @pt.asset(ins={"orders": pt.In(mapping=pt.SpecificMapping(["2024-01-09", "2024-01-10"]))})
    def total(orders: dict[str, pd.DataFrame]) -> list[dict[str, int]]:
        return [{key: len(frame) for key, frame in orders.items()}]

    result = run(file, orders, total, selection="total")

    assert result.value("total").to_dict("records") == [{"2024-01-09": 9, "2024-01-10": 0}]


def test_a_table_without_partitions_takes_whatever_shape(file: Path) -> None:
    for value in ([{"a": 1}], [{"b": "x", "c": None}]):

        @pt.asset
        def shape(value: Any = value) -> Any:
            return value

        assert run(file, shape).value("shape").to_dict("records") == value


def test_other_columns_than_those_of_the_table_are_told_in_words(file: Path) -> None:
    @pt.asset(partitions=DAYS)
    def shape(context: pt.AssetContext) -> Any:
        return [{context.partition_key[-1:]: 1}] if context.partition_key.endswith("2") else [{"other": 1}]

    run(file, shape, partition="2024-01-02")
    with pytest.raises(ExecutionError, match="Partition '2024-01-03' of 'shape' does not fit into table"):
        run(file, shape, partition="2024-01-03")
    assert rows(file, "SELECT count(*) FROM shape") == [(1,)]


def test_what_is_no_table_is_refused(file: Path) -> None:
    @pt.asset
    def number() -> int:
        return 1

    with pytest.raises(ExecutionError, match=r"is a int, which DuckDBIO cannot store. Return a data frame"):
        run(file, number)


def test_what_was_never_stored_is_named(file: Path) -> None:
    with pytest.raises(pt.InputMissingError, match=r"Asset 'raw/orders' has no stored value for partition '2024-01-03'.*table raw.orders of"):
        run(file, orders, doubled, partition="2024-01-03", selection="doubled")


def test_processes_take_turns(file: Path) -> None:
    source = """
        import sys
        import partita as pt

        @pt.asset(key=sys.argv[2])
        def one():
            return [{"n": 1}]

        for _ in range(5):
            pt.materialize([one], resources={"io_manager": pt.DuckDBIO(sys.argv[1])})
    """
    code = textwrap.dedent(source)
    processes = [subprocess.Popen([sys.executable, "-c", code, str(file), f"t{number}"], stderr=subprocess.PIPE, text=True) for number in range(4)]
    said = [process.communicate(timeout=100)[1] for process in processes]

    assert [process.returncode for process in processes] == [0] * 4, said
    assert len(rows(file, "SHOW TABLES")) == 4
