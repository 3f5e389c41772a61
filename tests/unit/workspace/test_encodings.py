"""What earlier versions wrote into stores is read by this one: encodings only grow."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize("line", EVENTS, ids=lambda line: json.loads(line)["kind"])
def test_an_earlier_event_is_read_with_all_it_said(line: bytes) -> None:
    said: dict[str, Any] = json.loads(line)
    now: dict[str, Any] = json.loads(encode(decode_event(line)))

    assert now | said == now
