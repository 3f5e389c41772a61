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
      nodes { id at partitionCount partitionKeys error { message } asset { key }
              runs { id launchedBy { __typename ... on ConditionEvaluation { id } } }
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
    launched_by = {"__typename": "ConditionEvaluation", "id": evaluation["id"]}
    assert (evaluation["asset"], evaluation["runs"]) == ({"key": "total"}, [{"id": run.id, "launchedBy": launched_by}])
    reasons = evaluation["reasons"]
    assert [each["depth"] for each in reasons[:2]] == [0, 1]
    assert (reasons[0]["subject"], reasons[0]["partitionCount"]) == ("total", 1)
    assert any(each["label"] == "newly updated" and each["subject"] == "raw" and each["partitionCount"] for each in reasons)
    document = "query($id: ID!) { node(id: $id) { __typename ... on ConditionEvaluation { at } } }"
    again = asked.ask(document, id=evaluation["id"])["node"]
    assert again == {"__typename": "ConditionEvaluation", "at": evaluation["at"]}
    assert asked.ask("query($id: ID!) { node(id: $id) { id } }", id="evaluation_0")["node"] is None


SWITCH = """mutation($keys: [String!]!, $status: AutomationStatus!) { setConditionStatus(input: {assetKeys: $keys, status: $status}) {
    assets { key conditionStatus } errors { __typename message } } }"""


def test_a_condition_that_is_off_asks_for_nothing_and_makes_up_for_nothing(asked: Api) -> None:
    role = ConditionRole(asked.store)

    def write_raw() -> int:
        asked.store.reports.add(ReportedMaterialization(asset=AssetKey("raw")))
        role()
        return len(asked.store.runs.list().items)

    for run in asked.store.runs.list().items:
        asked.store.runs.request_cancel(run.id)
    role()
    assert asked.ask(SWITCH, keys=["total"], status="OFF")["setConditionStatus"] == {
        "assets": [{"key": "total", "conditionStatus": "OFF"}],
        "errors": [],
    }
    assert write_raw() == 1
    asked.ask(SWITCH, keys=["total"], status="OFF")  # twice is once
    assert asked.ask(SWITCH, keys=["total"], status="ON")["setConditionStatus"]["assets"] == [{"key": "total", "conditionStatus": "ON"}]
    role()
    assert len(asked.store.runs.list().items) == 1, "what was written meanwhile is not made up for"
    assert write_raw() == 2


def test_a_turn_that_is_made_while_a_condition_is_switched_off_is_refused(asked: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    role = ConditionRole(asked.store)
    role()
    asked.store.reports.add(ReportedMaterialization(asset=AssetKey("raw")))
    commit = asked.store.conditions.commit

    def meanwhile(*args: object, **rest: object) -> object:
        monkeypatch.setattr(asked.store.conditions, "commit", commit)
        asked.store.conditions.pause([AssetKey("total")], True)
        return commit(*args, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(asked.store.conditions, "commit", meanwhile)
    before = len(asked.store.runs.list().items)
    while role() == 0.0:
        pass

    assert len(asked.store.runs.list().items) == before


def test_a_first_turn_that_is_made_while_a_condition_is_switched_off_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    @pt.asset(automation=pt.Condition.missing())
    def total() -> int:
        return 1

    api.publish("ingest", assets=[total])
    before = len(api.store.runs.list().items)
    commit = api.store.conditions.commit

    def meanwhile(*args: object, **rest: object) -> object:
        monkeypatch.setattr(api.store.conditions, "commit", commit)
        api.store.conditions.pause([AssetKey("total")], True)
        return commit(*args, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(api.store.conditions, "commit", meanwhile)
    role = ConditionRole(api.store)
    while role() == 0.0:
        pass
    assert len(api.store.runs.list().items) == before

    api.store.conditions.pause([AssetKey("total")], False)
    role()
    assert len(api.store.runs.list().items) == before + 1


def test_what_has_no_condition_cannot_be_switched(asked: Api) -> None:
    for key, said in (("prices", "has no condition"), ("ttal", "There is no asset 'ttal'")):
        answer = asked.ask(SWITCH, keys=["total", key], status="OFF")["setConditionStatus"]
        [problem] = answer["errors"]
        assert answer["assets"] == []
        assert said in problem["message"]
    assert asked.store.conditions.paused() == frozenset()


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
    with Client(url) as client:
        [listed] = client.conditions()
        assert (listed.key, listed.condition_evaluations.nodes[0].id) == ("total", evaluation.id)
        client.set_conditions("total", on=False)
        assert client.asset("total").condition_status == "off"
        assert client.asset("prices").condition_status is None
    assert [(each.id, str(each.status)) for each in evaluation.runs] == [(run.id, "queued")]
    assert freshness is not None
    assert not freshness.is_fresh

    shell = Shell(capsys, monkeypatch)
    assert "off" in shell("condition", "list", PARTITA_URL=url).out
    assert "(off)" in shell("asset", "show", "total", PARTITA_URL=url).out
    assert shell("condition", "on", "total", PARTITA_URL=url).out == "total: on\n"
    assert shell("condition", "off", "prices", PARTITA_URL=url).code == 2
    text = shell("asset", "show", "total", PARTITA_URL=url).out
    assert f"run {run.id[-8:]} queued" in text
    assert "never written (written within 2:00:00)" in shell("asset", "show", "prices", PARTITA_URL=url).out
    told = json.loads(shell("asset", "show", "total", "--json", PARTITA_URL=url).out)
    assert told["last_evaluation"]["runs"] == [{"id": run.id, "status": "queued"}]
