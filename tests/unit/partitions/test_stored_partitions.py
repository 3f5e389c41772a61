"""What a store holds stays readable: specs and sets as they were once written decode to equal values.

These texts are in databases. A change that fails here loses them; a new way of writing is added beside the old one.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

import partita as pt
from partita.definitions.mappings import Mapping, MappingSpec, mapping_of
from partita.definitions.partitions import Partitions, PartitionSet, PartitionsSpec, partitions_of

NOW = datetime(2024, 3, 1, tzinfo=UTC)

STORED: list[tuple[str, Partitions, str, list[str]]] = [
    (
        '{"kind":"time","cadence":"hourly","start":"2024-01-01T05:30","timezone":"Europe/Berlin","minute_offset":30}',
        pt.HourlyPartitions("2024-01-01-05:00", timezone="Europe/Berlin", minute_offset=30),
        "h:a58s,2+1",
        ["2024-01-01-05:30", "2024-01-01-07:30", "2024-01-01-08:30"],
    ),
    (
        '{"kind":"time","cadence":"daily","start":"2024-01-01T02:00","end":"2025-01-01T00:00","hour_offset":2,"end_offset":1,'
        '"fmt":"%Y/%m/%d","exclude":["2024/01/06"]}',
        pt.DailyPartitions("2024-01-01", end="2025-01-01", fmt="%Y/%m/%d", exclude=["2024-01-06"], hour_offset=2, end_offset=1),
        "d:f7y+1,2+1",
        ["2024/01/04", "2024/01/05", "2024/01/07", "2024/01/08"],
    ),
    (
        '{"kind":"time","cadence":"weekly","start":"2024-01-01T00:00","day_offset":1}',
        pt.WeeklyPartitions("2024-01-01", day_offset=1),
        "w1:269,2,2",
        ["2024-01-01", "2024-01-15", "2024-01-29"],
    ),
    (
        '{"kind":"time","cadence":"monthly","start":"2024-01-01T00:00","day_offset":1}',
        pt.MonthlyPartitions("2024-01-01"),
        "m:i0+1",
        ["2024-01-01", "2024-02-01"],
    ),
    (
        '{"kind":"time","cadence":"cron","start":"2024-01-01T00:00","cron":["0 0 * * 1-5"]}',
        pt.CronPartitions("0 0 * * 1-5", "2024-01-01"),
        "c0ea40d95:avb+4,2",
        ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-09"],
    ),
    (
        '{"kind":"multi","dimensions":[["day",{"kind":"time","cadence":"daily","start":"2024-01-01T00:00"}],["region",{"kind":"static","keys":["eu","us"]}]]}',
        pt.MultiPartitions({"region": pt.StaticPartitions(["eu", "us"]), "day": pt.DailyPartitions("2024-01-01")}),
        "m8941639d:f7v(0);f7w(0+1)",
        ["2024-01-01|eu", "2024-01-02|eu", "2024-01-02|us"],
    ),
    ('{"kind":"static","keys":["eu","us","asia"]}', pt.StaticPartitions(["eu", "us", "asia"]), "sc1ecef65:0,2", ["eu", "asia"]),
]


@pytest.mark.parametrize(("spec", "partitions", "text", "keys"), STORED, ids=[partitions.describe() for _, partitions, _, _ in STORED])
def test_stored_partitions_and_sets_decode_to_equal_values(spec: str, partitions: Partitions, text: str, keys: list[str]) -> None:
    read = partitions_of(msgspec.json.decode(spec, type=PartitionsSpec))

    assert read == partitions
    assert PartitionSet.decode(text, read) == partitions.select(keys, now=NOW)
    assert list(PartitionSet.decode(text, read)) == keys


def test_a_stored_dynamic_spec_decodes_to_an_equal_value() -> None:
    read = partitions_of(msgspec.json.decode('{"kind":"dynamic","name":"customers"}', type=PartitionsSpec))

    assert read == pt.DynamicPartitions("customers")


@pytest.mark.parametrize(
    ("spec", "mapping"),
    [
        ('{"kind":"identity"}', pt.IdentityMapping()),
        ('{"kind":"time_window","start_offset":-1}', pt.TimeWindowMapping(start_offset=-1)),
        ('{"kind":"all"}', pt.AllMapping()),
        ('{"kind":"last"}', pt.LastMapping()),
        ('{"kind":"static","keys":[["eu",["de","fr"]]]}', pt.StaticMapping({"eu": ["de", "fr"]})),
        ('{"kind":"specific","keys":["eu"]}', pt.SpecificMapping(["eu"])),
        ('{"kind":"dimension","dimension":"day","mapping":{"kind":"time_window"}}', pt.DimensionMapping("day", pt.TimeWindowMapping())),
        (
            '{"kind":"multi","dimensions":[["a","b",null],["c","d",{"kind":"identity"}]]}',
            pt.MultiMapping({"a": "b", "c": ("d", pt.IdentityMapping())}),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_stored_mappings_decode_to_equal_values(spec: str, mapping: Mapping) -> None:
    assert mapping_of(msgspec.json.decode(spec, type=MappingSpec)) == mapping
