"""Values as objects, in a store that fsspec reaches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pandas as pd
import pytest

import partita as pt
from partita.errors import DefinitionError, StepFailedError
from partita.records.events import AssetMaterialized
from support.objects import a_bucket

DAYS = pt.DailyPartitions("2024-01-01")


@pt.asset(key="raw/orders", partitions=DAYS)
def orders(context: pt.AssetContext) -> pd.DataFrame:
    return pd.DataFrame({"day": [context.partition_key], "n": [1]})


@pt.asset(partitions=DAYS)
def counted(orders: pd.DataFrame) -> dict[str, int]:
    return {"rows": len(orders)}


@pytest.fixture(params=["memory", "file", pytest.param("s3", marks=pytest.mark.faults)])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "s3":
        with a_bucket() as url:
            yield f"{url}/lake"
        return
    yield f"memory://{tmp_path.name}" if request.param == "memory" else f"file://{tmp_path}/lake"
    fsspec.filesystem("memory").store.clear()


def test_values_are_stored_under_the_names_and_formats_of_files(root: str) -> None:
    result = pt.materialize([orders, counted], partition="2024-01-02", resources={"io_manager": pt.ObjectIO(root)})

    assert result.value("counted") == {"rows": 1}
    files, place = fsspec.core.url_to_fs(root)
    found = {name.removeprefix(place).lstrip("/") for name in files.find(place)}
    assert found == {"assets/raw/orders/2024-01-02.parquet", "assets/counted/2024-01-02.json"}
    [saved] = [event for event in result.events_for("counted") if isinstance(event, AssetMaterialized)]
    assert [entry.value for entry in saved.metadata if entry.label == "url"] == [f"{root}/assets/counted/2024-01-02.json"]


def test_a_later_process_loads_what_an_earlier_one_stored(root: str) -> None:
    pt.materialize([orders], partition="2024-01-02", resources={"io_manager": pt.ObjectIO(root)})

    result = pt.materialize([orders, counted], partition="2024-01-02", selection="counted", resources={"io_manager": pt.ObjectIO(root)})

    assert result.value("counted") == {"rows": 1}


def test_a_value_of_another_format_takes_the_place_of_the_old_one(root: str) -> None:
    for value in ([1, 2], {1, 2}, [3]):

        @pt.asset
        def numbers(value: object = value) -> object:
            return value

        result = pt.materialize([numbers], resources={"io_manager": pt.ObjectIO(root)})
        assert result.value("numbers") == value
    files, place = fsspec.core.url_to_fs(root)
    assert [name.rpartition("/")[2] for name in files.find(place)] == ["value.json"]


def test_what_was_never_stored_is_named_with_where_it_was_looked_for(root: str) -> None:
    with pytest.raises(pt.InputMissingError, match=r"Asset 'raw/orders' has no stored value for partition '2024-01-03'.*assets/raw/orders"):
        pt.materialize([orders, counted], partition="2024-01-03", selection="counted", resources={"io_manager": pt.ObjectIO(root)})


@pytest.mark.parametrize("url", ["bucket/prefix", "s3://", "://x"])
def test_a_place_without_a_scheme_is_refused(url: str) -> None:
    with pytest.raises(DefinitionError, match="give a URL with a scheme and a place"):
        pt.ObjectIO(url)


def test_a_store_that_refuses_is_named_with_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("no folder")

    @pt.asset
    def one() -> int:
        return 1

    with pytest.raises(pt.ExecutionError, match=r"cannot store file://.*/lake/assets/one/value.json: \w+Error"):
        pt.materialize([one], resources={"io_manager": pt.ObjectIO(f"file://{tmp_path}/lake")})


@pytest.mark.parametrize(("url", "problem"), [("gs://bucket/x", r"pip install 'partita\[gcs\]'"), ("nonsense://x", "nonsense")])
def test_what_a_scheme_needs_is_said(url: str, problem: str) -> None:
    @pt.asset
    def one() -> int:
        return 1

    with pytest.raises((StepFailedError, pt.ExecutionError, DefinitionError), match=problem):
        pt.materialize([one], resources={"io_manager": pt.ObjectIO(url)})
