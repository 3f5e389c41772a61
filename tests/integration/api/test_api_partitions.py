"""How assets and jobs are cut, and how their partitions stand."""

from __future__ import annotations

import partita as pt
from partita.definitions.keys import AssetKey
from partita.records.assets import PartitionStatus
from partita.records.events import StepFailed
from partita.records.failures import PythonError
from partita.records.runs import RunStatus
from support.api import Api
from support.stores import at, materialized, status


def test_partitions_and_how_they_stand(api: Api) -> None:
    key = AssetKey("raw/orders")
    done = api.begin("raw/orders", assets=(key,), partition_keys=("2026-01-01", "2026-01-02"))
    done.send(materialized("raw/orders", "2026-01-01"), materialized("raw/orders", "2026-01-02"), status(RunStatus.SUCCEEDED, 5))
    running = api.begin("raw/orders", assets=(key,), partition_keys=("2026-01-03",))
    failed = api.begin("raw/orders", assets=(key,), partition_keys=("2026-01-05",))
    failed.send(StepFailed(at=at(4), step="raw/orders", error=PythonError(class_name="E", message="e"), duration=1), status(RunStatus.FAILED, 5))

    partitions = api.ask(
        '{ asset(key: "raw/orders") { partitions { description totalCount statusCounts { status count }'
        " dimensions { name kind cron timezone startAt }"
        " first: keys(first: 3) { totalCount nodes { key status startAt endAt latestRun { id } } pageInfo { endCursor hasNextPage } }"
        " missing: keys(first: 2, statuses: [MISSING]) { totalCount nodes { key status } pageInfo { endCursor } }"
        " bad: keys(statuses: [FAILED, RUNNING]) { nodes { key status } } } } }"
    )["asset"]["partitions"]

    assert partitions["totalCount"] == 40
    assert partitions["dimensions"] == [
        {"name": "time", "kind": "TIME_WINDOW", "cron": "0 0 * * *", "timezone": "UTC", "startAt": "2026-01-01T00:00:00Z"}
    ]
    assert {each["status"]: each["count"] for each in partitions["statusCounts"]} == {
        PartitionStatus.MISSING.name: 36,
        PartitionStatus.RUNNING.name: 1,
        PartitionStatus.MATERIALIZED.name: 2,
        PartitionStatus.FAILED.name: 1,
    }
    assert [(each["key"], each["status"]) for each in partitions["first"]["nodes"]] == [
        ("2026-01-01", "MATERIALIZED"),
        ("2026-01-02", "MATERIALIZED"),
        ("2026-01-03", "RUNNING"),
    ]
    assert partitions["first"]["nodes"][2]["latestRun"] == {"id": running.run_id}
    assert partitions["first"]["nodes"][0]["endAt"] == "2026-01-02T00:00:00Z"
    assert partitions["missing"]["totalCount"] == 36
    assert [each["key"] for each in partitions["missing"]["nodes"]] == ["2026-01-04", "2026-01-06"]
    assert partitions["bad"]["nodes"] == [{"key": "2026-01-03", "status": "RUNNING"}, {"key": "2026-01-05", "status": "FAILED"}]
    document = (
        'query($a: String) { asset(key: "raw/orders") { partitions { keys(first: 2, after: $a) { nodes { key } pageInfo { hasPreviousPage } } } } }'
    )
    after = api.ask(document, a=partitions["first"]["pageInfo"]["endCursor"])["asset"]["partitions"]["keys"]
    assert [each["key"] for each in after["nodes"]] == ["2026-01-04", "2026-01-05"]
    assert after["pageInfo"]["hasPreviousPage"]


def test_an_asset_that_is_not_cut_has_no_partitions(api: Api) -> None:
    assert api.ask('{ asset(key: "raw/customers") { partitions { totalCount } } }') == {"asset": {"partitions": None}}


def test_partitions_of_a_job_of_ops_stand_as_their_newest_run_ended(api: Api) -> None:
    first = api.begin(job="daily", partition_keys=("2026-01-01",))
    first.send(status(RunStatus.FAILED, 2))
    again = api.begin(job="daily", partition_keys=("2026-01-01",))
    again.send(status(RunStatus.SUCCEEDED, 2))
    api.run(job="daily", partition_keys=("2026-01-02",))

    partitions = api.ask(
        '{ job(name: "daily") { partitions { statusCounts { status count } keys(first: 2) { nodes { key status latestRun { id } } }'
        " missing: keys(statuses: [MISSING]) { totalCount } } } }"
    )["job"]["partitions"]

    assert partitions["keys"]["nodes"][0] == {"key": "2026-01-01", "status": "MATERIALIZED", "latestRun": {"id": again.run_id}}
    assert partitions["keys"]["nodes"][1]["status"] == "RUNNING"
    assert {each["status"]: each["count"] for each in partitions["statusCounts"]} == {"MISSING": 38, "RUNNING": 1, "MATERIALIZED": 1}
    assert partitions["missing"]["totalCount"] == 38


DAYS = pt.DailyPartitions("2026-01-01", end="2026-01-04")


@pt.asset(partitions=pt.MultiPartitions({"day": DAYS, "region": pt.StaticPartitions(["eu", "us"])}))
def sales() -> int:
    """Of a day in a region."""
    return 1


def test_partitions_in_several_dimensions(api: Api) -> None:
    api.publish("ingest", assets=[sales])
    done = api.begin("sales", assets=(AssetKey("sales"),), partition_keys=("2026-01-02|us",))
    done.send(materialized("sales", "2026-01-02|us"), status(RunStatus.SUCCEEDED, 5))

    fields = (
        "totalCount dimensions { name kind cron } statusCounts { status count }"
        " keys(first: 4, after: $a) { nodes { key status startAt } pageInfo { endCursor } }"
    )
    document = f'query($a: String) {{ asset(key: "sales") {{ partitions {{ {fields} }} }} }}'
    first = api.ask(document)["asset"]["partitions"]
    rest = api.ask(document, a=first["keys"]["pageInfo"]["endCursor"])["asset"]["partitions"]
    launch = "mutation($input: MaterializeAssetsInput!) { materializeAssets(input: $input) { runs { partitions { keys } } errors { message } } }"
    range_ = {"selection": "sales", "partitions": {"range": {"from": "2026-01-01|eu", "to": "2026-01-03|eu"}}}
    made = api.ask(launch, input=range_)["materializeAssets"]

    assert first["totalCount"] == 6
    assert first["dimensions"] == [
        {"name": "day", "kind": "TIME_WINDOW", "cron": "0 0 * * *"},
        {"name": "region", "kind": "STATIC", "cron": None},
    ]
    assert first["statusCounts"] == [{"status": "MISSING", "count": 5}, {"status": "MATERIALIZED", "count": 1}]
    assert [each["key"] for each in first["keys"]["nodes"]] == ["2026-01-01|eu", "2026-01-01|us", "2026-01-02|eu", "2026-01-02|us"]
    assert first["keys"]["nodes"][3] == {"key": "2026-01-02|us", "status": "MATERIALIZED", "startAt": "2026-01-02T00:00:00Z"}
    assert [each["key"] for each in rest["keys"]["nodes"]] == ["2026-01-03|eu", "2026-01-03|us"]
    keys = [run["partitions"]["keys"] for run in made["runs"]]
    assert keys == [["2026-01-01|eu"], ["2026-01-02|eu"], ["2026-01-03|eu"]], "a range of each dimension"
