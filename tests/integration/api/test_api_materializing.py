"""Writing assets by selection: as many runs as it takes, or refused whole with the reason as data."""

from __future__ import annotations

from typing import Any

import pytest

from partita.records.runs import RunRequest
from support.api import Api

MATERIALIZE = (
    "mutation($i: MaterializeAssetsInput!) { materializeAssets(input: $i) { runs { id status } isReplay"
    " errors { __typename code message path ... on NotFound { suggestions } ... on RunConfigInvalid { suggestions } } } }"
)


def ask(api: Api, selection: str, **given: Any) -> dict[str, Any]:
    payload: dict[str, Any] = api.ask(MATERIALIZE, i={"selection": selection, **given})["materializeAssets"]
    return payload


def requests(api: Api, selection: str, **given: Any) -> list[RunRequest]:
    """What is launched, in order."""
    payload = ask(api, selection, **given)
    assert payload["errors"] == []
    return [api.store.runs.get(each["id"]).request for each in payload["runs"]]


def refused(api: Api, selection: str, **given: Any) -> dict[str, Any]:
    """The only problem of a request, which must have written nothing."""
    payload = ask(api, selection, **given)
    assert payload["runs"] == []
    assert api.store.runs.count() == 0
    [problem] = payload["errors"]
    found: dict[str, Any] = problem
    return found


def test_one_asset_becomes_one_run_with_its_checks(api: Api) -> None:
    [request] = requests(api, "raw/customers", tags=[{"key": "by", "value": "me"}], priority=2)

    assert (request.location, request.repository, request.job) == ("ingest", "main", None)
    assert request.assets == ("raw/customers",)
    assert request.checks is None, "None means all checks of the assets"
    assert (request.tags, request.priority) == ({"by": "me"}, 2)


def test_a_selection_across_locations_becomes_several_runs_upstream_first(api: Api) -> None:
    made = requests(api, "raw/customers+")

    assert [(each.location, each.assets) for each in made] == [("ingest", ("raw/customers",)), ("analytics", ("marts/people",))]


def test_several_partitions_become_a_run_each(api: Api) -> None:
    made = requests(api, "raw/orders", partitions={"keys": ["2026-01-03", "2026-01-01"]})

    assert [each.partition_keys for each in made] == [("2026-01-01",), ("2026-01-03",)]


def test_a_range_of_partitions_includes_both_ends(api: Api) -> None:
    made = requests(api, "raw/orders", partitions={"range": {"from": "2026-01-30", "to": "2026-02-02"}})

    assert [each.partition_keys[0] for each in made] == ["2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02"]


def test_all_partitions_there_are(api: Api) -> None:
    made = requests(api, "raw/orders", partitions={"all": True})

    assert len(made) == 40
    assert (made[0].partition_keys, made[-1].partition_keys) == (("2026-01-01",), ("2026-02-09",))


def test_one_run_may_write_all_of_it(api: Api) -> None:
    [request] = requests(api, "raw/orders", partitions={"range": {"from": "2026-01-01", "to": "2026-01-03"}}, isSingleRun=True)

    assert request.partition_keys == ("2026-01-01", "2026-01-02", "2026-01-03")


def test_one_run_cannot_write_what_several_locations_own(api: Api) -> None:
    problem = refused(api, "raw/customers+", isSingleRun=True)

    assert (problem["code"], problem["path"]) == ("TOO_MANY", ["isSingleRun"])


def test_external_assets_are_left_out_of_a_selection(api: Api) -> None:
    [request] = requests(api, 'key:"source/*" or raw/customers')

    assert request.assets == ("raw/customers",)


def test_external_assets_alone_cannot_be_written(api: Api) -> None:
    problem = refused(api, "source/orders")

    assert (problem["code"], problem["path"]) == ("INVALID_INPUT", ["selection"])
    assert "'source/orders'" in problem["message"]


@pytest.mark.parametrize(
    ("selection", "given", "code", "path", "said"),
    [
        ("raw/ordrs", {}, "NOT_FOUND", ["selection"], "raw/orders"),
        ("raw/orders and (", {}, "INVALID_INPUT", ["selection"], "column"),
        ("group:raw and kind:excel", {}, "INVALID_INPUT", ["selection"], "no asset"),
        ("raw/orders", {}, "INVALID_INPUT", ["partitions"], "partition"),
        ("raw/orders", {"partitions": {"keys": []}}, "INVALID_INPUT", ["partitions", "keys"], "empty"),
        ("raw/orders", {"partitions": {"keys": ["2026-13-01"]}}, "PARTITION_UNKNOWN", ["partitions"], "2026-13-01"),
        ("raw/orders", {"partitions": {"keys": ["2026-02-10"]}}, "PARTITION_UNKNOWN", ["partitions"], "2026-02-10"),
        ("raw/orders", {"partitions": {"keys": ["x"] * 1001}}, "TOO_MANY", ["partitions.keys"], "1001"),
        ("raw/orders", {"partitions": {"range": {"from": "2026-01-02", "to": "2026-01-01"}}}, "INVALID_INPUT", ["partitions", "range"], "wrong way"),
        (
            "raw/orders",
            {"partitions": {"range": {"from": "2025-01-02", "to": "2026-01-01"}}},
            "PARTITION_UNKNOWN",
            ["partitions", "range"],
            "2025-01-02",
        ),
        ("raw/orders", {"partitions": {"all": False}}, "INVALID_INPUT", ["partitions", "all"], "true"),
        ("raw/customers", {"partitions": {"keys": ["2026-01-01"]}}, "INVALID_INPUT", ["partitions"], "partition"),
        ("raw/customers", {"partitions": {"all": True}}, "INVALID_INPUT", ["partitions"], "partitioned"),
        ("raw/orders or marts/revenue", {"partitions": {"all": True}}, "INVALID_INPUT", ["partitions"], "different ways"),
    ],
)
def test_a_request_that_cannot_be_is_refused_before_anything_is_written(
    api: Api, selection: str, given: dict[str, Any], code: str, path: list[str], said: str
) -> None:
    problem = refused(api, selection, **given)

    assert (problem["code"], problem["path"]) == (code, path)
    assert said in problem["message"]


def test_an_unknown_key_of_a_selection_is_suggested_as_data(api: Api) -> None:
    problem = refused(api, "raw/custmers")

    assert (problem["__typename"], problem["suggestions"]) == ("NotFound", ["raw/customers"])


def test_partitions_are_one_of_three_things(api: Api) -> None:
    [error] = api.refuse(MATERIALIZE, i={"selection": "raw/orders", "partitions": {"all": True, "keys": ["2026-01-01"]}})
    [none] = api.refuse(MATERIALIZE, i={"selection": "raw/orders", "partitions": {}})

    assert error["extensions"]["code"] == none["extensions"]["code"] == "BAD_USER_INPUT"


def test_config_goes_to_the_run_whose_step_it_is_for(api: Api) -> None:
    config = {"steps": {"raw/orders": {"limit": 3}}, "resources": {"place": {"path": "there"}}}

    made = requests(api, "raw/orders or raw/customers or marts/people", partitions={"keys": ["2026-01-01"]}, config=config)

    configs = {" ".join(each.assets): each.config for each in made}
    assert configs["raw/orders"] == {"steps": {"raw/orders": {"limit": 3}}, "resources": {"place": {"path": "there"}}}
    assert configs["raw/customers"] == {"resources": {"place": {"path": "there"}}}
    assert configs["marts/people"] == {}


def test_config_for_no_step_of_any_run_is_refused(api: Api) -> None:
    payload = ask(api, "raw/customers or marts/people", config={"steps": {"raw/custmers": {}}})

    [problem] = payload["errors"]
    assert (problem["code"], problem["path"], problem["suggestions"]) == ("RUN_CONFIG_INVALID", ["steps", "raw/custmers"], ["raw/customers"])
    assert api.store.runs.count() == 0


def test_a_wrong_config_value_launches_none_of_the_runs(api: Api) -> None:
    payload = ask(api, "raw/orders", partitions={"keys": ["2026-01-01", "2026-01-02"]}, config={"steps": {"raw/orders": {"limit": -1}}})

    assert [each["path"] for each in payload["errors"]] == [["steps", "raw/orders", "limit"]]
    assert api.store.runs.count() == 0


def test_the_same_key_writes_once(api: Api) -> None:
    given: dict[str, Any] = {"partitions": {"keys": ["2026-01-01", "2026-01-02"]}, "idempotencyKey": "m1"}

    first = ask(api, "raw/orders", **given)
    again = ask(api, "raw/orders", **given)
    other = ask(api, "raw/customers", idempotencyKey="m1")

    assert again["isReplay"]
    assert [each["id"] for each in again["runs"]] == [each["id"] for each in first["runs"]]
    assert other["errors"][0]["code"] == "CONFLICT"
    assert api.store.runs.count() == 2
