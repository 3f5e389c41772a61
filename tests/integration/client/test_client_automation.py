"""The client's words for schedules, sensors, dynamic partitions and backfills against the real API; the test plays daemon and worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.api.limits import LIMITS
from partita.records.backfills import BackfillStatus
from partita.storage.backfills import BackfillStep
from partita.storage.tick_rows import Outcome
from partita_client import BackfillFailedError, Client, RequestRefusedError, TimedOutError
from partita_client.models import NotEnded
from support.api import LEASE, Api, serving
from support.waiting import eventually

CUSTOMERS = pt.DynamicPartitions("customers")
DAYS = pt.DailyPartitions(start="2026-01-01")
FILES = "ingest/main/files"


@pt.op
def greet() -> None:
    return None


@pt.job
def hello() -> None:
    greet()


@pt.asset(partitions=CUSTOMERS)
def profile(context: pt.AssetContext) -> str:
    return context.partition_key


@pt.asset(partitions=DAYS)
def flights(context: pt.AssetContext) -> str:
    return context.partition_key


@pt.sensor(target="hello")
def files(context: pt.SensorContext) -> pt.Skip:
    return pt.Skip("nothing there")


NIGHTLY = pt.Schedule("nightly", cron="0 2 * * *", target="hello")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as served:
        served.publish("ingest", assets=[profile, flights], jobs=[hello], schedules=[NIGHTLY], sensors=[files])
        served.publish("analytics")
        yield served


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{api.port}", patience=20) as made:
        yield made


def refused(act: Callable[[], Any]) -> tuple[str, tuple[str, ...], str]:
    """Code, place and words of a refusal."""
    with pytest.raises(RequestRefusedError) as caught:
        act()
    return caught.value.code, caught.value.path, caught.value.message


def end(api: Api, backfill_id: str, status: BackfillStatus) -> None:
    """What the daemon does when all of a backfill is decided."""
    assert api.store.backfills.advance(api.store.backfills.get(backfill_id), BackfillStep(cancels_waiting=True, status=status))


def test_a_backfill_is_waited_for_cancelled_and_retried(api: Api, client: Client) -> None:
    backfill = client.backfill("flights", partitions=("2026-01-01", "2026-01-03"), title="new year", idempotency_key="k")
    assert (backfill.status, backfill.counts["waiting"], backfill.is_replay) == ("requested", 3, False)
    assert client.backfill("flights", partitions=("2026-01-01", "2026-01-03"), title="new year", idempotency_key="k").is_replay
    with pytest.raises(TimedOutError):
        backfill.wait(timeout=0.05)

    assert backfill.cancel().status == "canceling"
    threading.Timer(0.1, lambda: end(api, backfill.id, BackfillStatus.CANCELED)).start()
    assert backfill.wait(timeout=20).status == "canceled"
    with pytest.raises(BackfillFailedError):
        backfill.wait(raise_on_failure=True)
    assert refused(backfill.cancel)[0] == "ALREADY_FINISHED"

    assert backfill.retry().status == "requested"
    assert [each.partition_key for each in backfill.partitions(status="waiting")] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert [each.id for each in client.backfills(status=["requested", "failed"])] == [backfill.id]
    assert client.find_backfill(backfill.id).status == "requested"


def test_a_backfill_is_paused_resumed_and_preferred(api: Api, client: Client) -> None:
    backfill = client.backfill("flights", partitions=("2026-01-01", "2026-01-03"))

    assert backfill.pause().status == backfill.pause().status == "paused"
    assert not backfill.is_finished
    assert [each.id for each in client.backfills(status="paused")] == [backfill.id]
    with pytest.raises(TimedOutError):
        backfill.wait(timeout=0.05)
    assert backfill.resume().status == backfill.resume().status == "requested"
    assert backfill.set_priority(-3).record.priority == -3

    backfill.cancel()
    assert [refused(act)[0] for act in (backfill.pause, backfill.resume)] == ["CONFLICT", "CONFLICT"]
    end(api, backfill.id, BackfillStatus.CANCELED)
    acts = (backfill.pause, backfill.resume, lambda: backfill.set_priority(1))
    assert [refused(act)[0] for act in acts] == ["ALREADY_FINISHED"] * 3
    assert refused(lambda: backfill.retry(status="failed"))[0] == "CONFLICT"
    assert backfill.retry(status=["failed", "canceled"]).counts["waiting"] == 3


def test_a_backfill_is_previewed_and_begins_with_the_last(api: Api, client: Client) -> None:
    wanted: dict[str, Any] = {"partitions": ("2026-01-01", "2026-01-03"), "runs_of": 2, "order": "desc"}

    seen = client.preview_backfill("flights", **wanted)

    assert (seen.partition_count, seen.run_count, api.store.backfills.count()) == (3, 2, 0)
    assert [(each.asset.key, each.first_partition_key, each.last_partition_key) for each in seen.assets] == [("flights", "2026-01-03", "2026-01-01")]
    assert [each.partition_key for each in client.backfill("flights", **wanted).partitions()] == ["2026-01-03", "2026-01-02", "2026-01-01"]
    assert refused(lambda: client.preview_backfill("fligths"))[0] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("given", "code", "path", "said"),
    [
        ({}, "INVALID_INPUT", ("selection",), "Say what to write"),
        ({"selection": "fligths"}, "NOT_FOUND", ("selection",), "Did you mean 'flights'?"),
        ({"selection": "flights", "partitions": "2026-13-01"}, "PARTITION_UNKNOWN", ("partitions",), "2026-13-01"),
        ({"selection": "flights", "partitions": ("2026-01-02", "2026-01-01")}, "INVALID_INPUT", ("partitions",), "wrong way round"),
        ({"selection": "flights", "partitions": "2026-01-01", "status": "missing"}, "BAD_USER_INPUT", (), "exactly one"),
        ({"selection": "flights", "status": "nice"}, "BAD_USER_INPUT", (), "NICE"),
        ({"selection": "flights", "runs_of": 2, "is_single_run": True}, "BAD_USER_INPUT", (), "exactly one"),
        ({"selection": "flights", "runs_of": 0}, "INVALID_INPUT", ("policy", "runsOf"), "at least 1"),
        ({"selection": "flights", "location": "ingest"}, "INVALID_INPUT", ("codeLocation",), "location:"),
        ({"job": "hello"}, "INVALID_INPUT", ("jobName",), "no partitions"),
        ({"selection": "flights", "config": {"stps": {}}}, "RUN_CONFIG_INVALID", ("stps",), "stps"),
    ],
)
def test_a_backfill_that_cannot_be_says_why(api: Api, client: Client, given: dict[str, Any], code: str, path: tuple[str, ...], said: str) -> None:
    found = refused(lambda: client.backfill(**given))

    assert found[:2] == (code, path)
    assert said in found[2]
    assert api.store.backfills.count() == 0


def test_partitions_that_are_missing_are_chosen_by_status(api: Api, client: Client) -> None:
    api.store.partitions.add("customers", ["acme", "globex"])

    assert client.backfill("profile", status="missing").counts["waiting"] == 2
    assert client.backfill("profile").counts["waiting"] == 2


def test_schedules_and_sensors_are_found_and_switched(client: Client) -> None:
    assert [(each.name, each.status) for each in client.schedules()] == [("nightly", "off")]
    assert [(each.name, each.status) for each in client.sensors()] == [("files", "off")]

    client.set_automation("nightly", FILES, on=True)

    assert (client.schedule("nightly").status, client.sensor(FILES).status) == ("on", "on")
    assert "Did you mean 'nightly'?" in refused(lambda: client.set_automation("files", "nigthly", on=False))[2]
    assert client.sensor("files").status == "on"
    assert refused(lambda: client.schedule("nigthly"))[2] == "There is no schedule 'nigthly'. Did you mean 'nightly'?"
    assert refused(lambda: client.sensor("fiels"))[2] == "There is no sensor 'fiels'. Did you mean 'files'?"


def test_ticks_are_listed_newest_first_of_one_or_of_all(api: Api, client: Client) -> None:
    [sensor] = api.store.automations.set_on([FILES], True)
    for number in range(3):
        [sensor] = api.store.automations.find([FILES]).values()
        due = api.store.now() + timedelta(seconds=number)
        assert api.store.ticks.commit_plain(sensor, due_at=due, next_due_at=due + timedelta(seconds=1), skip_reason=str(number)) is not None

    assert [tick.skip_reason for tick in client.ticks()] == ["2", "1", "0"]
    assert [tick.skip_reason for tick in client.ticks("files", status="skipped", limit=2)] == ["2", "1"]
    assert list(client.ticks("nightly")) == list(client.ticks(status="failed")) == []
    assert "Did you mean 'files'?" in refused(lambda: list(client.ticks("fiels")))[2]


def test_a_sensor_is_tried_out(api: Api, client: Client) -> None:
    def evaluate() -> None:
        [claim] = eventually(lambda: api.store.ticks.claim(owner="worker", location="ingest", limit=1, lease=LEASE))
        api.store.ticks.finish(claim, Outcome(skip_reason="nothing there"))

    worker = threading.Thread(target=evaluate)
    worker.start()
    tick = client.evaluate_sensor("files")
    worker.join()

    assert (tick.status, tick.skip_reason, tick.is_dry_run) == ("skipped", "nothing there", True)
    assert client.set_sensor_cursor("files", "7").cursor == "7"
    assert refused(lambda: client.evaluate_sensor("nightly"))[:2] == ("INVALID_INPUT", ("sensorId",))
    assert refused(lambda: client.set_sensor_cursor("files", "a\0b"))[:2] == ("INVALID_INPUT", ("cursor",))


def test_a_sensor_that_takes_too_long_leads_to_its_tick(api: Api, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.api.operations.LIMITS", replace(LIMITS, max_seconds=1.0))
    monkeypatch.setattr("partita.api.mutations.automation.ROOM", 0.8)

    with pytest.raises(RequestRefusedError) as caught:
        client.evaluate_sensor("files")

    assert caught.value.code == "NOT_ENDED"
    [error] = caught.value.errors
    assert isinstance(error, NotEnded)
    assert error.tick is not None
    assert api.store.ticks.get(error.tick.id).is_dry_run


def test_keys_of_dynamic_partitions_are_added_and_listed(client: Client) -> None:
    assert client.add_partitions("customers", ["zeta", "acme", "zeta"]) == ("zeta", "acme")
    assert client.add_partitions("customers", "globex") == ("globex",), "one text is one key"
    assert client.dynamic_partitions("customers") == ["zeta", "acme", "globex"]

    many = [f"customer {number:04}" for number in range(600)]
    client.add_partitions("customers", many)
    assert client.dynamic_partitions("customers")[3:] == many, "page by page"

    assert refused(lambda: client.add_partitions("custmers", ["a"]))[:2] == ("NOT_FOUND", ("setName",))
    assert "Did you mean 'customers'?" in refused(lambda: client.dynamic_partitions("custmers"))[2]
