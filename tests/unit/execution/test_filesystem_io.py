"""Values as files: which format, where, what is found again, and what is said when nothing is."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import textwrap
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import partita as pt
from partita.errors import ExecutionError, InputMissingError
from partita.execution.io_managers.formats import MAX_DEPTH


def written(key: str | None = "marts/orders", *, partition: str | None = None, step: str = "step", output: str = "result") -> pt.OutputContext:
    return pt.OutputContext(
        asset_key=pt.AssetKey(key) if key is not None else None,
        step_key=key or step,
        output=output,
        partition_keys=(partition,) if partition is not None else (),
        run_id="run_1",
    )


def load(manager: pt.FilesystemIO, context: pt.OutputContext, *, hint: Any = None) -> Any:
    return manager.load(
        pt.InputContext(
            name="orders",
            asset_key=context.asset_key,
            step_key="reader",
            output=context.output,
            partition_keys=context.partition_keys,
            type_hint=hint,
            upstream=context,
        )
    )


def files(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


@pytest.fixture
def manager(tmp_path: Path) -> pt.FilesystemIO:
    return pt.FilesystemIO(tmp_path)


class Custom:
    def __init__(self, value: int) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Custom) and other.value == self.value

    __hash__ = None  # type: ignore[assignment]


# ---- formats --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, True, 5, 2**80, 1.5, "text", "odd \udcff", [], [1, ["a", None]], {}, {"a": {"b": [1]}}])
def test_plain_data_is_json_and_comes_back_the_same(manager: pt.FilesystemIO, tmp_path: Path, value: Any) -> None:
    context = written()
    manager.save(context, value)

    found = load(manager, context)

    assert files(tmp_path) == ["assets/marts/orders/value.json"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "value",
    [(1, 2), {1: "a"}, {"a", "b"}, b"bytes", datetime(2013, 1, 1, tzinfo=UTC), float("inf"), Custom(3), pt.AssetKey("a"), [(1,)], {"a": Decimal(1)}],
)
def test_what_json_would_change_is_pickled(manager: pt.FilesystemIO, tmp_path: Path, value: Any) -> None:
    context = written()
    manager.save(context, value)

    found = load(manager, context)

    assert files(tmp_path) == ["assets/marts/orders/value.pickle"]
    assert found == value
    assert type(found) is type(value)


def test_deeply_nested_data_is_stored_too(manager: pt.FilesystemIO) -> None:
    value: list[Any] = []
    for _ in range(MAX_DEPTH + 10):
        value = [value]
    manager.save(written(), value)

    assert load(manager, written()) == value


def test_a_list_that_holds_itself_is_stored_too(manager: pt.FilesystemIO) -> None:
    value: list[Any] = [1]
    value.append(value)
    manager.save(written(), value)

    found = load(manager, written())

    assert found[0] == 1
    assert found[1] is found


FRAMES = {
    "columns of many types": pd.DataFrame(
        {
            "n": [1, 2],
            "x": [1.5, None],
            "t": ["a", None],
            "at": pd.to_datetime(["2013-01-01", None]).tz_localize("America/New_York"),
            "b": [True, False],
        }
    ),
    "an index": pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="key")),
    "a multi index": pd.DataFrame({"n": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"])),
    "categories": pd.DataFrame({"c": pd.Categorical(["a", "b", "a"])}),
    "nothing": pd.DataFrame(),
    "no rows": pd.DataFrame({"n": pd.Series([], dtype="int64")}),
    "dates": pd.DataFrame({"d": [date(2013, 1, 1), None]}, dtype="object"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_pandas_frame_is_parquet_and_comes_back_the_same(manager: pt.FilesystemIO, tmp_path: Path, name: str) -> None:
    context = written(partition="2013-01-05")
    manager.save(context, FRAMES[name])

    assert files(tmp_path) == ["assets/marts/orders/2013-01-05.parquet"]
    pd.testing.assert_frame_equal(load(manager, context), FRAMES[name])


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"mixed": [1, "a"]}, dtype="object"),
        pd.DataFrame({"tuples": [(1, 2), (3, 4)]}),
        pd.DataFrame({"sets": [{1}, {2}]}),
        pd.DataFrame({"whole": [1, None]}, dtype="object"),
        pd.DataFrame([[1, 2]], columns=["same", "same"]),
    ],
    ids=["mixed", "tuples", "sets", "whole", "same"],
)
def test_a_frame_that_parquet_would_change_is_pickled(manager: pt.FilesystemIO, tmp_path: Path, frame: pd.DataFrame) -> None:
    manager.save(written(), frame)

    assert files(tmp_path) == ["assets/marts/orders/value.pickle"]
    pd.testing.assert_frame_equal(load(manager, written()), frame)


def test_an_arrow_table_is_parquet_and_comes_back_as_a_table(manager: pt.FilesystemIO, tmp_path: Path) -> None:
    table = pa.table({"n": [1, 2], "t": ["a", "b"]})
    manager.save(written(), table)

    assert files(tmp_path) == ["assets/marts/orders/value.parquet"]
    assert load(manager, written()).equals(table)


def test_a_polars_frame_is_parquet_and_comes_back_as_one(manager: pt.FilesystemIO, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"n": [1, 2], "t": ["a", None]})
    manager.save(written(), frame)

    assert files(tmp_path) == ["assets/marts/orders/value.parquet"]
    assert load(manager, written()).equals(frame)
    assert isinstance(load(manager, written(), hint=pd.DataFrame), pd.DataFrame)


def test_without_pyarrow_a_frame_is_pickled(manager: pt.FilesystemIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    manager.save(written(), pd.DataFrame([[1], [2]]))

    assert files(tmp_path) == ["assets/marts/orders/value.pickle"]


def test_parquet_that_cannot_be_read_for_want_of_a_library_says_what_to_install(manager: pt.FilesystemIO, monkeypatch: pytest.MonkeyPatch) -> None:
    manager.save(written(), pd.DataFrame({"n": [1, 2]}))
    for name in ("pyarrow", "pyarrow.parquet", "polars"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(ExecutionError, match=r"value.parquet is Parquet, and reading it needs polars, which is not installed: pip install polars"):
        load(manager, written())


@pytest.mark.parametrize("hint", [pa.Table, pa.Table | None, dict[str, pa.Table]], ids=str)
def test_the_annotation_of_the_reader_decides_how_parquet_is_read(manager: pt.FilesystemIO, hint: Any) -> None:
    manager.save(written(), pd.DataFrame({"n": [1, 2]}))

    assert isinstance(load(manager, written()), pd.DataFrame)
    assert isinstance(load(manager, written(), hint=hint), pa.Table)


def test_what_cannot_be_stored_is_told_with_its_type(manager: pt.FilesystemIO, tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match=r"Output 'result' of step 'marts/orders' is a builtins.generator, which FilesystemIO cannot store"):
        manager.save(written(), (number for number in [1]))

    assert files(tmp_path) == []


# ---- places ---------------------------------------------------------------------------------------------------------


def test_assets_and_outputs_have_places_of_their_own(manager: pt.FilesystemIO, tmp_path: Path) -> None:
    manager.save(written(), 1)
    manager.save(written(partition="2013-01-05"), 2)
    manager.save(written(None, step="load_one.store", output="even"), 3)

    assert files(tmp_path) == [
        "assets/marts/orders/2013-01-05.json",
        "assets/marts/orders/value.json",
        "runs/run_1/load_one.store/even.json",
    ]


@pytest.mark.parametrize("partition", ["a/b", "..", ".", "2013-01-31-07:00", "ünï cödé", "x" * 300, "a%2Fb", "", "a\\b", "*"])
def test_any_partition_key_makes_one_file_inside_the_directory(manager: pt.FilesystemIO, tmp_path: Path, partition: str) -> None:
    context = written(partition=partition)
    manager.save(context, partition)

    (file,) = files(tmp_path)
    assert file.startswith("assets/marts/orders/")
    assert file.count("/") == 3
    assert load(manager, context) == partition


def test_keys_that_look_alike_do_not_share_a_file(manager: pt.FilesystemIO) -> None:
    partitions = ["a/b", "a%2Fb", "A/b", "x" * 299, "x" * 300, "value", ".", "..", "%2E"]
    for partition in partitions:
        manager.save(written(partition=partition), partition)

    assert [load(manager, written(partition=partition)) for partition in partitions] == partitions


@pytest.mark.parametrize("key", [".hidden", "a/.b", "a/..b"])
def test_no_asset_key_hides_its_file(tmp_path: Path, key: str) -> None:
    manager = pt.FilesystemIO(tmp_path / "values")
    manager.save(written(key), 1)

    (file,) = files(tmp_path)
    assert "/." not in file
    assert load(manager, written(key)) == 1


def test_an_asset_named_like_the_file_of_another_gets_along_with_it(manager: pt.FilesystemIO) -> None:
    manager.save(written("a"), 1)
    manager.save(written("a/value.json"), 2)

    assert (load(manager, written("a")), load(manager, written("a/value.json"))) == (1, 2)


def test_the_place_of_a_value_is_told_as_metadata(manager: pt.FilesystemIO, tmp_path: Path) -> None:
    context = written()
    manager.save(context, 1)

    assert context.added_metadata == {"path": tmp_path / "assets/marts/orders/value.json"}


# ---- replacing ------------------------------------------------------------------------------------------------------


def test_a_new_value_replaces_the_old_one_also_in_another_format(manager: pt.FilesystemIO, tmp_path: Path) -> None:
    for value, file in [(1, "value.json"), ((1,), "value.pickle"), (2, "value.json")]:
        manager.save(written(), value)

        assert files(tmp_path) == [f"assets/marts/orders/{file}"]
        assert load(manager, written()) == value


def test_of_two_formats_left_by_a_process_that_died_the_newer_counts(manager: pt.FilesystemIO, tmp_path: Path) -> None:
    manager.save(written(), 1)
    json = tmp_path / "assets/marts/orders/value.json"
    os.utime(json, (1, 1))
    json.with_suffix(".pickle").write_bytes(pickle.dumps("newer"))

    assert load(manager, written()) == "newer"


def test_a_failed_write_leaves_the_old_value_and_nothing_else(manager: pt.FilesystemIO, tmp_path: Path) -> None:
    manager.save(written(), 1)

    with pytest.raises(ExecutionError):
        manager.save(written(), [lambda: 1])

    assert files(tmp_path) == ["assets/marts/orders/value.json"]
    assert load(manager, written()) == 1


# ---- missing --------------------------------------------------------------------------------------------------------


def test_a_missing_value_names_asset_partition_place_and_remedy(manager: pt.FilesystemIO, tmp_path: Path) -> None:
    with pytest.raises(InputMissingError) as raised:
        load(manager, written(partition="2013-01-05"))

    assert str(raised.value) == (
        "Asset 'marts/orders' has no stored value for partition '2013-01-05', and input 'orders' of 'reader' needs it; "
        f"looked in {tmp_path}/assets/marts/orders. Materialize 'marts/orders' for partition '2013-01-05' first, or in the same run."
    )


def test_a_missing_output_names_the_step(manager: pt.FilesystemIO) -> None:
    with pytest.raises(InputMissingError, match=r"Output 'even' of step 'split' was never stored.*re-execute a run that did"):
        load(manager, written(None, step="split", output="even"))


def test_without_a_directory_it_says_what_to_give() -> None:
    with pytest.raises(ExecutionError, match=r"has no directory"):
        pt.FilesystemIO().save(written(), 1)


# ---- libraries ------------------------------------------------------------------------------------------------------


def test_no_library_is_imported_for_values_that_are_not_its_own(tmp_path: Path) -> None:
    code = f"""
        import sys
        import partita as pt

        @pt.asset
        def a(): return {{"x": 1}}

        @pt.asset
        def b(a): return (a,)

        pt.materialize([a, b], resources={{"io_manager": pt.FilesystemIO({str(tmp_path)!r})}})
        heavy = {{"pandas", "pyarrow", "numpy", "polars", "sqlalchemy", "starlette", "strawberry", "textual", "asyncio", "jsonschema", "pydantic"}}
        print(sorted(heavy & set(sys.modules)))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
