"""Writes that no run did, reported through the API: recorded once, seen like any other, refused when they cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from partita.definitions.keys import AssetKey
from partita.records.assets import PartitionStatus
from support.api import Api

DOCUMENT = """
mutation($i: ReportAssetEventInput!) { reportAssetEvent(input: $i) {
  isReplay
  materialization { id partitionKey dataVersion stepKey run { id } asset { key latestMaterialization { id } } metadata { label kind value } }
  errors { code message path ... on NotFound { suggestions } }
} }
"""


def report(api: Api, **given: Any) -> dict[str, Any]:
    answer: dict[str, Any] = api.ask(DOCUMENT, i=given)["reportAssetEvent"]
    return answer


def test_a_write_of_an_external_asset_is_recorded_and_shown(api: Api) -> None:
    answer = report(api, assetKey="source/orders", dataVersion="v2", metadata={"rows": 3, "by": "ftp", "parts": [1, 2]})

    write = answer["materialization"]
    assert answer["errors"] == []
    assert (write["dataVersion"], write["stepKey"], write["run"], write["partitionKey"]) == ("v2", None, None, None)
    assert write["asset"] == {"key": "source/orders", "latestMaterialization": {"id": write["id"]}}
    assert [(each["label"], each["kind"], each["value"]) for each in write["metadata"]] == [
        ("rows", "INT", 3),
        ("by", "TEXT", "ftp"),
        ("parts", "JSON", [1, 2]),
    ]


def test_a_partition_that_was_written_elsewhere_is_materialised(api: Api) -> None:
    report(api, assetKey="raw/orders", partitionKey="2026-01-05")

    [state] = api.store.assets.partition_states([AssetKey("raw/orders")])["raw/orders"]
    assert (state.partition, state.status, state.run_id) == ("2026-01-05", PartitionStatus.MATERIALIZED, None)


def test_the_same_key_records_once(api: Api) -> None:
    first = report(api, assetKey="source/orders", idempotencyKey="k")
    again = report(api, assetKey="source/orders", idempotencyKey="k")
    other = report(api, assetKey="source/orders", dataVersion="2", idempotencyKey="k")

    assert (first["isReplay"], again["isReplay"]) == (False, True)
    assert again["materialization"] == first["materialization"]
    assert [(each["code"], each["path"]) for each in other["errors"]] == [("CONFLICT", ["idempotencyKey"])]
    assert api.store.assets.states([AssetKey("source/orders")])["source/orders"].materialization_count == 1


@pytest.mark.parametrize(
    ("given", "code", "path", "said"),
    [
        ({"assetKey": "source/order"}, "NOT_FOUND", ["assetKey"], "Declare what others write"),
        ({"assetKey": "not a key"}, "NOT_FOUND", ["assetKey"], "There is no asset"),
        ({"assetKey": "source/orders", "partitionKey": "x"}, "INVALID_INPUT", ["partitionKey"], "has no partitions"),
        ({"assetKey": "raw/orders"}, "INVALID_INPUT", ["partitionKey"], "Name the partition"),
        ({"assetKey": "raw/orders", "partitionKey": "2026-13-01"}, "PARTITION_UNKNOWN", ["partitionKey"], "2026-13-01"),
        ({"assetKey": "raw/orders", "partitionKey": "2031-01-01"}, "PARTITION_UNKNOWN", ["partitionKey"], "2031-01-01"),
        ({"assetKey": "source/orders", "metadata": [1]}, "INVALID_INPUT", ["metadata"], "mapping from labels"),
        ({"assetKey": "source/orders", "idempotencyKey": ""}, "INVALID_INPUT", ["idempotencyKey"], "1 to"),
    ],
)
def test_what_cannot_be_recorded_is_refused(api: Api, given: dict[str, Any], code: str, path: list[str], said: str) -> None:
    answer = report(api, **given)

    assert answer["materialization"] is None
    [error] = answer["errors"]
    assert (error["code"], error["path"]) == (code, path)
    assert said in error["message"]


def test_the_nearest_key_is_suggested(api: Api) -> None:
    assert report(api, assetKey="source/order")["errors"][0]["suggestions"] == ["source/orders"]
