"""What earlier versions wrote into stores is read by this one: encodings only grow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from partita.records.codec import decode, decode_event, encode, hash_catalog
from partita.records.locations import LocationCatalog
from support import everything

FOLDER = Path(everything.__file__).parent / "encodings"
EVENTS = (FOLDER / "events-1.jsonl").read_bytes().splitlines()


def test_an_earlier_catalog_is_read_as_what_was_declared() -> None:
    earlier = decode((FOLDER / "catalog-1.json").read_bytes(), LocationCatalog)

    assert hash_catalog(earlier) == hash_catalog(everything.catalog())
    assert earlier.repositories[0].jobs[0].source is not None, "it does say where"


def test_a_catalog_comes_back_equal() -> None:
    catalog = everything.catalog()

    assert decode(encode(catalog), LocationCatalog) == catalog


SETS = """
import partita as pt
from partita.records.codec import hash_catalog
from partita.records.locations import LocationCatalog

class Columns(pt.Config):
    names: set[str] = {"carrier", "tail", "origin"}
    groups: dict[str, list[frozenset[int | str]]] = {"x": [frozenset({1, "two", "three"})]}

class Flights(pt.Config):
    columns: Columns = Columns()

class Warehouse(pt.Resource):
    schemas: frozenset[str] = frozenset({"raw", "marts", "tests"})

regions = pt.StaticPartitions({"eu", "us", "asia"})
metadata = {"reads": pt.Json({"from": {"a", "b", "c"}})}

@pt.asset(kinds={"sql", "duckdb", "csv"}, owners={"ann@example.org", "team:data"}, deps={"x", "y", "z"}, partitions=regions, metadata=metadata)
def flights(config: Flights) -> None: ...

resources = {"one": Warehouse(), "other": Warehouse(schemas=frozenset({"p", "q", "r"}))}
config = {"steps": {"flights": {"columns": {"names": {"d", "e", "f"}}}}}
spec = pt.Repository("main", assets=[flights, *map(pt.AssetSpec, "xyz")], jobs=[pt.asset_job("all", config=config)], resources=resources).spec
print(hash_catalog(LocationCatalog(location="here", repositories=(spec,))))
"""


def test_sets_in_definitions_give_the_same_catalog_in_every_process() -> None:
    def hashed(seed: str) -> str:
        given = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run([sys.executable, "-c", SETS], env=given, capture_output=True, text=True, check=True).stdout

    assert len({hashed(seed) for seed in ("1", "2", "3")}) == 1


@pytest.mark.parametrize("line", EVENTS, ids=lambda line: json.loads(line)["kind"])
def test_an_earlier_event_is_read_with_all_it_said(line: bytes) -> None:
    said: dict[str, Any] = json.loads(line)
    now: dict[str, Any] = json.loads(encode(decode_event(line)))

    assert now | said == now
