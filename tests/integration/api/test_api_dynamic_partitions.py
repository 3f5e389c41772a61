"""Dynamic partitions through the API: what was added is shown, counted, launched; what was not is refused."""

from __future__ import annotations

from typing import Any

import pytest

import partita as pt
from partita.definitions.keys import AssetKey
from partita.records.runs import RunStatus
from partita.workspace.loader import describe
from support.api import Api
from support.stores import materialized, status

CUSTOMERS = pt.DynamicPartitions("customers")


@pt.asset(partitions=CUSTOMERS)
def profile(context: pt.AssetContext) -> str:
    return context.partition_key


@pt.asset(partitions=CUSTOMERS)
def score(profile: str) -> str:
    return profile


@pt.op
def greet(context: pt.OpContext) -> str:
    return context.partition_key


@pt.job(partitions=CUSTOMERS)
def welcome() -> None:
    greet()


@pytest.fixture
def shop(api: Api) -> Api:
    """The API of a workspace with things that are cut by customer."""
    jobs = [welcome, pt.asset_job("scores", selection="score")]
    found = describe("ingest", [pt.Repository("main", assets=[profile, score], jobs=jobs)])
    api.store.locations.publish("ingest", found, python_version="3.11", library_version="0.1", start="fork")
    return api


def add(api: Api, set_name: str, *keys: str) -> tuple[list[str], list[dict[str, Any]]]:
    """The keys that were new, and what was said against it."""
    document = (
        "mutation($input: AddDynamicPartitionsInput!) { addDynamicPartitions(input: $input) { addedKeys"
        " errors { code message path ... on NotFound { suggestions } } } }"
    )
    made = api.ask(document, input={"setName": set_name, "keys": list(keys)})["addDynamicPartitions"]
    return made["addedKeys"], made["errors"]


def listed(api: Api, set_name: str, **page: Any) -> list[str]:
    """A part of the keys of a set."""
    document = "query($set: String!, $first: Int! = 50, $after: String) { dynamicPartitions(setName: $set, first: $first, after: $after) }"
    keys: list[str] = api.ask(document, set=set_name, **page)["dynamicPartitions"]
    return keys


def materialize(api: Api, selection: str, **partitions: Any) -> tuple[list[list[str]], list[str]]:
    """The partitions of the runs that were launched, and what was said against it."""
    document = "mutation($input: MaterializeAssetsInput!) { materializeAssets(input: $input) { runs { partitions { keys } } errors { message } } }"
    made = api.ask(document, input={"selection": selection, "partitions": partitions})["materializeAssets"]
    return [run["partitions"]["keys"] for run in made["runs"]], [error["message"] for error in made["errors"]]


def launch(api: Api, job: str, partition: str) -> list[str]:
    """What was said against a run of a job."""
    document = "mutation($input: LaunchRunInput!) { launchRun(input: $input) { run { partitions { keys range } } errors { message } } }"
    made = api.ask(document, input={"jobName": job, "partitionKey": partition})["launchRun"]
    assert made["errors"] or made["run"]["partitions"] == {"keys": [partition], "range": [partition, partition]}
    return [error["message"] for error in made["errors"]]


def test_keys_are_shown_in_the_order_in_which_they_were_added(shop: Api) -> None:
    shop.store.partitions.add("customers", ["zeta", "acme", "globex"])
    done = shop.begin("profile", assets=(AssetKey("profile"),), partition_keys=("acme",))
    done.send(materialized("profile", "acme"), status(RunStatus.SUCCEEDED))

    fields = (
        "partitions { description totalCount dimensions { name kind cron } statusCounts { status count }"
        " keys(first: 2) { totalCount nodes { key status startAt } pageInfo { endCursor hasNextPage } }"
        " missing: keys(statuses: [MISSING]) { nodes { key } } }"
    )
    shown = shop.ask(f'{{ asset(key: "profile") {{ {fields} }} job(name: "welcome") {{ {fields} }} }}')
    asset, job = shown["asset"]["partitions"], shown["job"]["partitions"]

    assert (asset["description"], asset["totalCount"]) == ("dynamic (customers)", 3)
    assert asset["dimensions"] == job["dimensions"] == [{"name": "customers", "kind": "DYNAMIC", "cron": None}]
    assert {each["status"]: each["count"] for each in asset["statusCounts"]} == {"MATERIALIZED": 1, "MISSING": 2}
    assert asset["keys"]["nodes"] == [
        {"key": "zeta", "status": "MISSING", "startAt": None},
        {"key": "acme", "status": "MATERIALIZED", "startAt": None},
    ]
    assert [each["key"] for each in asset["missing"]["nodes"]] == ["zeta", "globex"]
    after = f'{{ asset(key: "profile") {{ partitions {{ keys(after: "{asset["keys"]["pageInfo"]["endCursor"]}") {{ nodes {{ key }} }} }} }} }}'
    assert shop.ask(after)["asset"]["partitions"]["keys"]["nodes"] == [{"key": "globex"}]
    assert job["totalCount"] == 3


def test_a_set_without_keys_is_shown_empty(shop: Api) -> None:
    partitions = shop.ask('{ asset(key: "profile") { partitions { totalCount statusCounts { count } keys { nodes { key } } } } }')["asset"][
        "partitions"
    ]

    assert partitions == {"totalCount": 0, "statusCounts": [], "keys": {"nodes": []}}


def test_what_was_added_can_be_written_and_nothing_else(shop: Api) -> None:
    unknown = "Asset 'profile' has no partition 'acme'. Add it to 'customers' first, with addDynamicPartitions or a sensor."
    assert materialize(shop, "profile", keys=["acme"]) == ([], [unknown])
    assert launch(shop, "welcome", "acme") == [unknown.replace("Asset 'profile'", "Job 'welcome'")]

    shop.store.partitions.add("customers", ["acme", "zeta"])

    assert materialize(shop, "profile+", keys=["acme"]) == ([["acme"]], [])
    assert materialize(shop, "profile", all=True) == ([["acme"], ["zeta"]], [])
    assert materialize(shop, "profile", range={"from": "acme", "to": "zeta"}) == ([["acme"], ["zeta"]], [])
    assert launch(shop, "welcome", "zeta") == []
    assert launch(shop, "scores", "acme") == []


def test_all_of_a_set_without_keys_is_refused(shop: Api) -> None:
    assert materialize(shop, "profile", all=True) == ([], ["There are no partitions yet."])


def test_keys_are_added_once_and_listed_in_order_page_by_page(shop: Api) -> None:
    assert listed(shop, "customers") == []
    assert add(shop, "customers", "zeta", "acme", "zeta") == (["zeta", "acme"], [])
    assert add(shop, "customers", "acme", "globex") == (["globex"], [])
    assert add(shop, "customers") == ([], [])

    assert listed(shop, "customers") == ["zeta", "acme", "globex"]
    assert listed(shop, "customers", first=2) == ["zeta", "acme"]
    assert listed(shop, "customers", first=2, after="acme") == ["globex"]
    assert listed(shop, "customers", first=0) == []


def test_a_set_whose_name_is_misspelt_is_refused_with_the_nearest(shop: Api) -> None:
    added, (problem,) = add(shop, "custmers", "acme")

    assert added == []
    assert (problem["code"], problem["path"], problem["suggestions"]) == ("NOT_FOUND", ["setName"], ["customers"])
    assert problem["message"] == "There is no set of dynamic partitions 'custmers'. Did you mean 'customers'?"
    [error] = shop.refuse('{ dynamicPartitions(setName: "custmers") }')
    assert (error["message"], error["extensions"]["code"]) == (problem["message"], "BAD_USER_INPUT")
    assert shop.store.partitions.all() == {}


@pytest.mark.parametrize("key", ["", "a|b", "two\nlines", "a\0b", "x" * 1001])
def test_what_cannot_be_a_key_is_refused_and_nothing_is_added(shop: Api, key: str) -> None:
    added, (problem,) = add(shop, "customers", "fine", key)

    assert (added, problem["code"], problem["path"]) == ([], "INVALID_INPUT", ["keys"])
    assert listed(shop, "customers") == []


@pytest.mark.parametrize("page", [{"first": -1}, {"first": 501}, {"first": 1, "after": "nobody"}])
def test_a_page_that_cannot_be_is_refused(shop: Api, page: dict[str, Any]) -> None:
    document = 'query($first: Int!, $after: String) { dynamicPartitions(setName: "customers", first: $first, after: $after) }'

    assert [error["extensions"]["code"] for error in shop.refuse(document, **page)] == ["BAD_USER_INPUT"]
