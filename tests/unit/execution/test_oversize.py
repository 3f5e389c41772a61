"""Metadata that is too long for an event is kept in a file, and a run never fails of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.definitions.metadata import MetadataKind, from_entries, to_entries
from partita.execution.oversize import LONGEST, MOST, bounded
from partita.records.events import AssetMaterialized
from support.stores import NOON


def event(**metadata: Any) -> AssetMaterialized:
    return AssetMaterialized(at=NOON, step="a", asset=pt.AssetKey("a"), metadata=to_entries(metadata))


def test_what_is_short_stays_as_it_is(tmp_path: Path) -> None:
    for short in (event(), event(rows=3), event(rows=3, text="x" * (LONGEST - 10), table=pt.Table([{"a": 1}]), when=NOON)):
        assert bounded(short, str(tmp_path)) is short
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("value", "ending"), [("x" * (LONGEST + 1), "txt"), ("é" * LONGEST, "txt"), (pt.Json(["x" * LONGEST]), "json"), (pt.Image(bytes(LONGEST)), "txt")]
)
def test_a_long_value_goes_into_a_file_whose_path_stands_for_it(tmp_path: Path, value: Any, ending: str) -> None:
    given = event(rows=3, long=value, after="y")

    entries = {entry.label: entry for entry in bounded(given, str(tmp_path / "run")).metadata}

    assert (entries["rows"].value, entries["after"].value, entries["long"].kind) == (3, "y", MetadataKind.PATH)
    path = Path(entries["long"].value)
    assert path.parent == tmp_path / "run"
    text = path.read_text()
    assert (json.loads(text) if ending == "json" else text) == from_entries(given.metadata)["long"]


def test_too_many_values_go_into_one_file(tmp_path: Path) -> None:
    given = event(**{f"k{number}": "x" * 1000 for number in range(6000)})

    entries = bounded(given, str(tmp_path)).metadata

    assert sum(len(str(entry.value)) for entry in entries) <= MOST
    rest = json.loads(Path(entries[-1].value).read_text())
    assert entries[-1].label == f"and {len(rest):,} more"
    assert {**from_entries(entries[:-1]), **rest} == from_entries(given.metadata)


def test_without_a_folder_it_is_said_to_be_left_out(tmp_path: Path) -> None:
    [entry] = bounded(event(long="x" * (LONGEST + 1)), "").metadata
    assert entry.value == "1,048,577 bytes, more than the 1,048,576 that are kept with an event: left out."

    (tmp_path / "file").touch()
    [entry] = bounded(event(long="x" * (LONGEST + 1)), str(tmp_path / "file")).metadata
    assert "could not be kept" in entry.value


def test_a_run_in_process_says_so(tmp_path: Path) -> None:
    @pt.asset
    def wordy(context: pt.AssetContext) -> int:
        context.add_metadata({"text": "x" * 2_000_000})
        return 1

    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        assert pt.materialize([wordy], store=store).success
        latest = store.assets.latest(pt.AssetKey("wordy"))
        assert latest is not None
        assert "left out" in from_entries(latest.metadata)["text"]
