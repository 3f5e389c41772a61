"""Conditions and freshness of assets, as the API, the client and the command line tell of them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

import partita as pt
from partita.automation.conditions import ConditionRole
from partita.definitions.keys import AssetKey
from partita.records.assets import ReportedMaterialization
from partita_client import Client
from support.api import Api
from support.shell import Shell

DAYS = pt.DailyPartitions("2026-02-01")
EVALUATIONS = """
{ asset(key: "total") {
    condition
    conditionEvaluations(first: 5) {
      totalCount
      nodes { id at partitionCount partitionKeys error { message } asset { key } runs { id launchedBy { ... on User { name } } }
              reasons { depth label subject partitionCount changedAt } } } } }
"""


@pytest.fixture
def asked(api: Api) -> Api:
    """`total` was asked for because `raw` was written."""

    @pt.asset(deps=["raw"], automation=pt.Condition.eager())
    def total() -> int:
        return 1

    @pt.asset(freshness=pt.Freshness(within=timedelta(hours=2)))
    def prices() -> int:
        return 1

    api.publish("ingest", assets=[pt.AssetSpec("raw"), total, prices])
    role = ConditionRole(api.store)
    role()
    api.store.reports.add(ReportedMaterialization(asset=AssetKey("raw")))
    role()
    return api


def test_an_asset_tells_its_condition_and_what_that_came_to(asked: Api) -> None:
    found = asked.ask(EVALUATIONS)["asset"]

    [evaluation] = found["conditionEvaluations"]["nodes"]
    [run] = asked.store.runs.list().items
    assert found["condition"] == "eager"
    assert found["conditionEvaluations"]["totalCount"] == 1
    assert (evaluation["partitionCount"], evaluation["partitionKeys"], evaluation["error"]) == (1, [], None)
    assert (evaluation["asset"], evaluation["runs"]) == ({"key": "total"}, [{"id": run.id, "launchedBy": {"name": "condition"}}])
    reasons = evaluation["reasons"]
    assert [each["depth"] for each in reasons[:2]] == [0, 1]
    assert (reasons[0]["subject"], reasons[0]["partitionCount"]) == ("total", 1)
    assert any(each["label"] == "newly updated" and each["subject"] == "raw" and each["partitionCount"] for each in reasons)
    document = "query($id: ID!) { node(id: $id) { __typename ... on ConditionEvaluation { at } } }"
    again = asked.ask(document, id=evaluation["id"])["node"]
    assert again == {"__typename": "ConditionEvaluation", "at": evaluation["at"]}
    assert asked.ask("query($id: ID!) { node(id: $id) { id } }", id="evaluation_0")["node"] is None


def test_an_asset_without_a_condition_has_none(asked: Api) -> None:
    found = asked.ask('{ asset(key: "prices") { condition conditionEvaluations { nodes { id } totalCount } } }')["asset"]

    assert found == {"condition": None, "conditionEvaluations": {"nodes": [], "totalCount": 0}}


def test_partitions_that_were_asked_for_are_named(api: Api) -> None:
    @pt.asset(deps=["raw"], partitions=DAYS, automation=pt.Condition.any_dep_updated())
    def total() -> int:
        return 1

    api.publish("ingest", assets=[pt.AssetSpec("raw", partitions=DAYS), total])
    role = ConditionRole(api.store)
    role()
    for day in ("2026-02-03", "2026-02-05"):
        api.store.reports.add(ReportedMaterialization(asset=AssetKey("raw"), partition=day))
    role()

    [evaluation] = api.ask(EVALUATIONS)["asset"]["conditionEvaluations"]["nodes"]

    assert (evaluation["partitionCount"], evaluation["partitionKeys"]) == (2, ["2026-02-03", "2026-02-05"])
    assert len(evaluation["runs"]) == 2


def test_an_asset_tells_whether_it_is_fresh(asked: Api) -> None:
    document = '{ assets(filter: {selection: "prices or total"}) { nodes { freshness { policy isFresh changedAt failsAt } } } }'

    def stands() -> list[dict[str, object] | None]:
        return [each["freshness"] for each in asked.ask(document)["assets"]["nodes"]]

    assert stands() == [{"policy": "written within 2:00:00", "isFresh": False, "changedAt": None, "failsAt": None}, None]
    asked.store.reports.add(ReportedMaterialization(asset=AssetKey("prices")))
    told = stands()[0]
    assert told is not None
    assert told["isFresh"]
    since, fails_at = (datetime.fromisoformat(str(told[name])) for name in ("changedAt", "failsAt"))
    assert fails_at - since == timedelta(hours=2)


def test_the_client_and_the_command_line_tell_it_too(asked: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{asked.port}"
    [run] = asked.store.runs.list().items
    with Client(url) as client:
        asset = client.asset("total")
        [evaluation] = asset.condition_evaluations()
        freshness = client.asset("prices").freshness
        assert asset.freshness is None
    assert asset.condition is not None
    assert [(each.id, str(each.status)) for each in evaluation.runs] == [(run.id, "queued")]
    assert freshness is not None
    assert not freshness.is_fresh

    shell = Shell(capsys, monkeypatch)
    text = shell("asset", "show", "total", PARTITA_URL=url).out
    assert f"run {run.id[-8:]} queued" in text
    assert "never written (written within 2:00:00)" in shell("asset", "show", "prices", PARTITA_URL=url).out
    told = json.loads(shell("asset", "show", "total", "--json", PARTITA_URL=url).out)
    assert told["last_evaluation"]["runs"] == [{"id": run.id, "status": "queued"}]
