"""Alerts and the health of assets, as the API, the client and the command line tell of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.api.app import create_app
from partita.definitions.keys import AssetKey
from partita.records.alerts import Alert, AlertKind, AlertRule, AlertStatus
from partita.records.events import Severity, StepFailed
from partita.records.failures import PythonError
from partita.records.runs import RunStatus
from partita.storage.alerts import AlertTurn
from partita.storage.store import Store
from partita.workspace.alert_settings import AlertSettings
from partita_client import Client
from support.api import Api, listening, settings_of
from support.receiver import a_receiver
from support.shell import Shell
from support.stores import BOOM, NOON, checked, materialized, status

HEALTH = "{ assets { nodes { key health healthReasons } } }"
ALERTS = """query($filter: AlertFilter) { alerts(filter: $filter) { totalCount nodes {
    id rule kind subject title details count status sentAt waitingFor attempts error isOpen isEnd endedAt run { id } } } }"""


def an_alert(number: int, **facts: Any) -> Alert:
    at = NOON + timedelta(minutes=number)
    given = {"id": f"alert_{number}", "rule": "oncall", "kind": AlertKind.RUN_FAILED, "subject": "nightly", "title": f"Run {number} failed"}
    return Alert(**{**given, "at": at, "last_at": at, **facts})


def raise_alerts(api: Api, *alerts: Alert) -> None:
    store = api.store.alerts
    assert store.commit(store.turn(), AlertTurn(run=1, check=1), alerts) is not None


@pytest.fixture
def told(api: Api) -> Api:
    """A server on which one alert was sent, one goes on and one is refused."""
    run = api.run()
    raise_alerts(
        api,
        an_alert(1, status=AlertStatus.SENT, sent_at=NOON, message_id="message_1", run_id=run.id, details=("why",)),
        an_alert(2, kind=AlertKind.LOCATION_BROKEN, subject="ingest", title="Broken", status=AlertStatus.SENT, sent_at=NOON),
        an_alert(3, rule="chat", due_at=NOON, waiting_for=("slack-1",), attempts=2, error="slack-1: 503"),
    )
    return api


def test_alerts_are_listed_the_newest_first_and_found_by_what_they_are(told: Api) -> None:
    found = told.ask(ALERTS)["alerts"]

    assert found["totalCount"] == 3
    refused, going_on, sent = found["nodes"]
    assert (refused["status"], refused["waitingFor"], refused["attempts"], refused["error"]) == ("WAITING", ["slack-1"], 2, "slack-1: 503")
    assert (going_on["kind"], going_on["isOpen"], going_on["endedAt"]) == ("LOCATION_BROKEN", True, None)
    assert (sent["title"], sent["details"], sent["isOpen"], sent["run"]) == (
        "Run 1 failed",
        ["why"],
        False,
        {"id": told.store.runs.list().items[0].id},
    )
    for where, ids in (
        ({"rules": ["chat"]}, ["alert_3"]),
        ({"kinds": ["RUN_FAILED"]}, ["alert_3", "alert_1"]),
        ({"statuses": ["SENT"]}, ["alert_2", "alert_1"]),
        ({"rules": []}, []),
    ):
        assert [each["id"] for each in told.ask(ALERTS, filter=where)["alerts"]["nodes"]] == ids
    node = told.ask("query($id: ID!) { node(id: $id) { __typename ... on Alert { title } } }", id="alert_2")["node"]
    assert node == {"__typename": "Alert", "title": "Broken"}


def test_alerts_arrive_as_they_are_raised(told: Api) -> None:
    with told.socket() as socket:
        socket.subscribe("subscription($a: String) { alerts(after: $a) { cursor alert { id status } } }", a=told.store.changes.latest())
        raise_alerts(told, an_alert(4))
        assert socket.next()["alerts"]["alert"] == {"id": "alert_4", "status": "WAITING"}
        raise_alerts(told, an_alert(4, status=AlertStatus.SENT, sent_at=NOON))
        assert socket.next()["alerts"]["alert"] == {"id": "alert_4", "status": "SENT"}


def test_the_rules_of_the_settings_are_told_without_addresses(tmp_path: Path) -> None:
    rule = AlertRule(name="oncall", targets=("mailto-1",), quiet=timedelta(minutes=1), repeat=timedelta(hours=4))
    settings = replace(settings_of(tmp_path), alerts=(AlertSettings(rule=rule, targets=()),))
    with Store(settings.storage.url) as store, listening(create_app(store, settings=settings)) as port:
        api = Api(store, settings, port, tmp_path)
        found = api.ask("{ server { alertRules { name kinds only targets quiet repeat limit isEndTold } } }")["server"]["alertRules"]

    [one] = found
    assert (one["name"], one["targets"], one["quiet"], one["repeat"], one["limit"], one["isEndTold"]) == (
        "oncall",
        ["mailto-1"],
        60.0,
        14400.0,
        20,
        True,
    )
    assert len(one["kinds"]) == len(AlertKind)


def test_how_well_assets_are_comes_from_runs_checks_and_freshness(api: Api) -> None:
    @pt.asset
    def fails() -> int:
        return 1

    @pt.asset(freshness=pt.Freshness(within=timedelta(hours=1)))
    def old() -> int:
        return 1

    @pt.asset(partitions=pt.DailyPartitions("2026-01-01"))
    def daily() -> int:
        return 1

    @pt.asset
    def well() -> int:
        return 1

    @pt.asset
    def checked_one() -> int:
        return 1

    @pt.asset_check(asset="checked_one")
    def small(checked_one: int) -> bool:
        return False

    api.publish("ingest", assets=[fails, old, daily, well, checked_one], checks=[small])
    assert {each["key"]: each["health"] for each in api.ask(HEALTH)["assets"]["nodes"] if each["key"] in {"well", "old"}} == {
        "well": "UNKNOWN",
        "old": "UNKNOWN",
    }
    for asset, rest in (("fails", {}), ("daily", {"partition_keys": ("2026-01-02",)})):
        writer = api.begin(asset, job=None, assets=(AssetKey(asset),), **rest)
        writer.send(StepFailed(at=NOON, step=asset, error=BOOM, duration=1), status(RunStatus.FAILED))
    api.begin("well", job=None, assets=(AssetKey("well"),)).send(materialized("well"), status(RunStatus.SUCCEEDED))
    api.begin("old", job=None, assets=(AssetKey("old"),)).send(materialized("old", seconds=-40 * 86_400), status(RunStatus.SUCCEEDED))
    verdict = checked("checked_one", "small", passed=False, severity=Severity.WARN)
    api.begin("checked_one", job=None, assets=(AssetKey("checked_one"),)).send(materialized("checked_one"), verdict, status(RunStatus.SUCCEEDED))

    found = {each["key"]: (each["health"], each["healthReasons"]) for each in api.ask(HEALTH)["assets"]["nodes"]}

    assert found["fails"] == ("DEGRADED", ["The last run failed to write it"])
    assert found["daily"] == ("DEGRADED", ["1 partition could not be written"])
    assert found["well"] == ("HEALTHY", [])
    assert found["checked_one"] == ("WARNING", ["Check small failed"])
    health, [reason] = found["old"]
    assert health == "DEGRADED"
    assert reason.startswith("It is too old since ")
    where = "query($health: [AssetHealth!]) { assets(filter: {health: $health}) { totalCount nodes { key } } }"
    unwell = api.ask(where, health=["WARNING", "DEGRADED"])["assets"]
    assert [each["key"] for each in unwell["nodes"]] == ["checked_one", "daily", "fails", "old"]
    assert unwell["totalCount"] == 4
    with Client(f"http://127.0.0.1:{api.port}") as client:
        assert client.asset("checked_one").health == ("warning", ("Check small failed",))


def test_the_client_and_the_command_line_tell_alerts(told: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{told.port}"
    with Client(url) as client:
        assert [each.id for each in client.alerts()] == ["alert_3", "alert_2", "alert_1"]
        assert [each.id for each in client.alerts(status="sent", kind=["run_failed"], limit=1)] == ["alert_1"]

    shell = Shell(capsys, monkeypatch)
    text = shell("alert", "list", PARTITA_URL=url).out
    assert "Broken  (goes on)" in text
    assert "Run 3 failed  (not told: slack-1: 503)" in text
    assert [each["id"] for each in json.loads(shell("alert", "list", "--rule", "chat", "--json", PARTITA_URL=url).out)] == ["alert_3"]
    assert "partita.toml has no [[alert]]" in shell("alert", "rules", PARTITA_URL=url).out


def test_who_is_told_can_be_tried_without_a_server(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(capsys, monkeypatch)
    location = '[[location]]\nname = "main"\nfile = "main.py"\n'
    (tmp_path / "partita.toml").write_text(location)
    assert "has no [[alert]]" in shell.refusal("alert", "test", cwd=tmp_path)

    with a_receiver() as receiver:
        rules = f'[[alert]]\nname = "chat"\nto = "{receiver.url}"\n[[alert]]\nname = "page"\ncommand = "false"\n'
        (tmp_path / "partita.toml").write_text(location + rules)
        done = shell("alert", "test", cwd=tmp_path)
        assert (done.code, "chat: json-" in done.out) == (1, True)
        assert re.search("page: false-[0-9a-f]{8} refuses it: false ended with 1", done.out)
        assert receiver.posts[0]["message"] == "This is a test of rule chat."
        assert shell("alert", "test", "chat", cwd=tmp_path).code == 0
        assert "There is no alert rule 'chta'" in shell.refusal("alert", "test", "chta", cwd=tmp_path)


def test_a_role_of_the_daemon_tells_where_it_is_how_late_it_was_and_what_went_wrong(api: Api) -> None:
    error = PythonError(class_name="OSError", message="disk full")
    api.store.leases.heartbeat("schedules", owner="box1/boot/1.2", error=error)
    api.store.leases.heartbeat("schedules", owner="box1/boot/1.2", lateness=timedelta(milliseconds=1500))

    daemons = api.ask("{ server { daemons { kind isHealthy host lateness errors { message } pastErrors { at error { message } } } } }")["server"][
        "daemons"
    ]

    found = {each["kind"]: each for each in daemons}
    schedules = found["SCHEDULES"]
    assert (schedules["isHealthy"], schedules["host"], schedules["lateness"], schedules["errors"]) == (True, "box1", 1.5, [])
    assert [each["error"]["message"] for each in schedules["pastErrors"]] == ["disk full"]
    assert (found["ALERTS"]["host"], found["ALERTS"]["lateness"]) == (None, None)
