"""Schedules, sensors, backfills, pools and dynamic partitions of a running `partita dev`, by command and by client."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from partita_client import BackfillFailedError, Client, RequestRefusedError
from support.dev import Dev, running_dev
from support.projects import make_project
from support.shell import Shell
from support.waiting import eventually

ORCHARD = """
import json
from pathlib import Path

import partita as pt

INBOX = Path(__file__).parent / "inbox"
DAYS = pt.DailyPartitions(start="2024-01-01", end="2024-02-01")
MONTHS = pt.MonthlyPartitions(start="2024-01-01", end="2024-02-01")
CRATES = pt.DynamicPartitions("crates")


@pt.asset(partitions=DAYS, group="apples")
def picked(context: pt.AssetContext) -> str:
    if (INBOX / "worm").exists() and context.partition_key == "2024-01-13":
        raise ValueError("a worm")
    return context.partition_key


@pt.asset(partitions=MONTHS, group="apples")
def pressed(picked: dict[str, str]) -> int:
    return len(picked)


@pt.asset(partitions=CRATES, pool="cellar")
def crate(context: pt.AssetContext) -> str:
    return context.partition_key


@pt.asset
def counted() -> int:
    return 1


@pt.schedule(cron="*/1 * * * *", target="counted")
def every_minute(context: pt.ScheduleContext) -> pt.RunRequest:
    return pt.RunRequest(run_key=context.due_at.isoformat())


@pt.sensor(target="crate", interval=1.0)
def crates_arrive(context: pt.SensorContext) -> pt.SensorResult | pt.Skip:
    names = sorted(path.stem for path in INBOX.glob("*.crate"))
    fresh = [name for name in names if name not in json.loads(context.cursor or "[]")]
    if not fresh:
        return pt.Skip("no new crate")
    context.log.info("%d crates", len(fresh))
    return pt.SensorResult(
        requests=[pt.RunRequest(run_key=name, partition=name) for name in fresh],
        partitions=[pt.AddPartitions(CRATES, fresh)],
        cursor=json.dumps(names),
    )


@pt.sensor(target="counted")
def nonsense(context: pt.SensorContext) -> int:
    return 42


@pt.run_status_sensor(status="succeeded", target="counted", interval=2.0)
def after_success(context: pt.RunStatusContext) -> pt.Skip:
    return pt.Skip(f"saw {context.run.id}")


orchard = pt.Repository(
    "orchard",
    assets=[picked, pressed, crate, counted],
    schedules=[every_minute, pt.Schedule("yearly", cron="@yearly", target="counted", timezone="Europe/Berlin")],
    sensors=[crates_arrive, nonsense, after_success],
)
"""


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = make_project(tmp_path_factory.mktemp("orchard"), orchard=ORCHARD)
    (folder / "inbox").mkdir()
    with (folder / "partita.toml").open("a") as settings:
        settings.write("\n[pools]\ncellar = 1\n")
    with running_dev(folder) as running, running.client() as client:
        eventually(lambda: client.locations()[0].status == "loaded", seconds=30, what="the orchard to load")
        yield running


@pytest.fixture
def client(dev: Dev) -> Iterator[Client]:
    with dev.client() as made:
        yield made


@pytest.fixture
def partita(dev: Dev, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setattr("partita.cli.remote.DEFAULT_URL", dev.url)
    return Shell(capsys, monkeypatch)


def answer(partita: Shell, dev: Dev, *arguments: str, code: int = 0) -> object:
    """The one JSON document that a command prints."""
    done = partita(*arguments, "--json", "--url", dev.url)
    assert done.code == code, done.out + done.err
    return json.loads(done.out)


def test_schedules_are_listed_and_switched(partita: Shell, dev: Dev, client: Client) -> None:
    listed = partita("schedule", "list", "--url", dev.url)
    assert "every_minute" in listed.out
    assert "Europe/Berlin" in listed.out

    partita("schedule", "on", "yearly", "every_minute", "--url", dev.url)
    assert {each.name: each.status for each in client.schedules()} == {"every_minute": "on", "yearly": "on"}
    due = eventually(lambda: client.schedule("yearly").next_tick_at, seconds=10, what="the next tick")
    assert (due.month, due.day, due.hour) == (12, 31, 23)  # midnight in Berlin

    answer(partita, dev, "schedule", "reset", "yearly", "every_minute")
    assert client.schedule("yearly").status == "off"


def test_a_sensor_launches_a_run_for_a_partition_that_it_adds(partita: Shell, dev: Dev, client: Client) -> None:
    (dev.folder / "inbox" / "oak.crate").touch()
    tried = answer(partita, dev, "sensor", "evaluate", "crates_arrive")
    assert tried["requests"][0]["partition_key"] == "oak"  # type: ignore[index]
    assert client.dynamic_partitions("crates") == []

    client.set_automation("crates_arrive", on=True)
    tick = eventually(lambda: next(iter(client.ticks("crates_arrive", status="succeeded")), None), seconds=20, what="a tick")
    client.set_automation("crates_arrive", on=False)

    assert tick.requests[0].run is not None
    assert client.run(tick.requests[0].run.id).wait(timeout=30).status == "succeeded"
    assert client.dynamic_partitions("crates") == ["oak"]
    assert client.asset("crate").partitions.counts["materialized"] == 1
    assert client.sensor("crates_arrive").cursor == '["oak"]'
    assert "1 crates" in tick.logs
    assert "oak" not in partita("sensor", "cursor", "crates_arrive", "--reset", "--url", dev.url).out


def test_a_run_status_sensor_sees_what_succeeds(client: Client) -> None:
    client.set_automation("after_success", on=True)
    run = client.materialize("counted").wait(raise_on_failure=True)

    tick = eventually(lambda: next(iter(client.ticks("after_success", status="skipped")), None), seconds=20, what="a tick")
    assert client.sensor("after_success").next_tick_at is not None, "not before its interval has passed"
    eventually(lambda: client.sensor("after_success").next_tick_at is None, seconds=20, what="it to wait for something to happen")
    client.set_automation("after_success", on=False)

    assert tick.skip_reason == f"saw {run.id}"


def test_nonsense_is_answered_in_words(partita: Shell, dev: Dev, client: Client) -> None:
    done = partita("sensor", "evaluate", "nonsense", "--url", dev.url)

    assert done.code == 1
    assert "Sensor 'nonsense' returned 42" in done.out

    for call, words in (
        (lambda: client.set_automation("crate_arrives", on=True), "Did you mean 'crates_arrive'?"),
        (lambda: client.schedule("every_minut"), "Did you mean 'every_minute'?"),
        (lambda: client.backfill("picked", partitions=("2024-01-01", "2024-01-32")), "2024-01-32"),
        (lambda: client.backfill("group:aples"), "group:aples"),
        (lambda: client.backfill("picked and or"), "column"),
        (lambda: client.backfill("picked", partitions="2024-01-01", config={"steps": {"picked": {"x": 1}}}), "picked"),
        (lambda: client.add_partitions("crate", ["x"]), "'crates'"),
        (lambda: client.add_partitions("crates", ["a|b"]), "a|b"),
    ):
        with pytest.raises(RequestRefusedError) as refused:
            call()  # type: ignore[no-untyped-call]
        assert words in str(refused.value)


def test_a_backfill_goes_from_days_to_months_and_a_retry_does_the_rest(partita: Shell, dev: Dev, client: Client) -> None:
    worm = dev.folder / "inbox" / "worm"
    worm.touch()
    failed = client.backfill("group:apples", partitions=("2024-01-01", "2024-01-31"), title="one wormy day")

    with pytest.raises(BackfillFailedError, match="1 failed and 1 skipped"):
        failed.wait(timeout=60, raise_on_failure=True)
    assert {(each.asset_key, each.partition_key) for each in failed.partitions(status=["failed", "skipped"])} == {
        ("picked", "2024-01-13"),
        ("pressed", "2024-01-01"),
    }
    worm.unlink()

    retried = answer(partita, dev, "backfill", "retry", failed.id)
    assert retried["status"] == "succeeded"  # type: ignore[index]
    shown = partita("backfill", "show", failed.id, "--url", dev.url)
    assert "32/32" in shown.out
    assert "one wormy day" in partita("backfill", "list", "--url", dev.url).out
    with pytest.raises(RequestRefusedError, match="There is nothing to write"):
        client.backfill("picked", status="missing")


def test_a_backfill_by_command_says_what_is_wrong(partita: Shell) -> None:
    assert "Say which partitions" in partita.refusal("backfill", "start", "picked")
    assert "Give a SELECTION of assets, or --job" in partita.refusal("backfill", "start", "--all")


def test_the_same_key_starts_a_backfill_once(client: Client) -> None:
    one = client.backfill("picked", partitions="2024-01-01", idempotency_key="k")
    two = client.backfill("picked", partitions="2024-01-01", idempotency_key="k")

    assert (two.id, two.is_replay) == (one.id, True)
    one.wait(timeout=30)


def test_runs_that_share_a_pool_wait_and_say_so(partita: Shell, dev: Dev, client: Client) -> None:
    client.add_partitions("crates", ["elm", "fir", "yew"])
    backfill = client.backfill("crate", partitions=["elm", "fir", "yew"])

    state = answer(partita, dev, "run", "queue")
    assert [pool["name"] for pool in state["queue"]["pools"]] == ["cellar"]  # type: ignore[index]
    assert backfill.wait(timeout=60).status == "succeeded"
