"""Everything together: `partita dev` as a real process, driven by the real client."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita_client import Client, PartitaClientError
from support.dev import COMMAND, Dev, descendants, is_alive, is_answering, running_dev
from support.projects import BROKEN, ORDINARY, make_project
from support.waiting import eventually


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = make_project(tmp_path_factory.mktemp("whole"), ordinary=ORDINARY, broken=BROKEN)
    with running_dev(folder) as running:
        with running.client() as client:
            eventually(lambda: {each.name: each.status for each in client.locations()} == {"ordinary": "loaded", "broken": "failed"}, seconds=20)
        yield running


@pytest.fixture
def client(dev: Dev) -> Iterator[Client]:
    with dev.client() as connected:
        yield connected


def test_a_job_runs_and_every_event_arrives_once_and_in_order(client: Client) -> None:
    run = client.launch("counting", config={"steps": {"count": {"limit": 50}}})

    events = list(run.events())

    lines = [event.message for event in events if event.message.startswith("number ")]
    assert lines == [f"number {number}" for number in range(50)]
    assert [int(event.cursor) for event in events] == list(range(1, len(events) + 1))
    assert run.wait().status == "succeeded"


def test_what_a_step_prints_can_be_read(client: Client) -> None:
    run = client.launch("counting").wait(raise_on_failure=True)

    assert run.log("count", stream="stdout") == "printed\n"


def test_an_asset_is_materialized_with_those_it_needs(client: Client) -> None:
    run = client.materialize("one or two").wait(raise_on_failure=True)

    assert {step.key: step.status for step in run.steps} == {"one": "succeeded", "two": "succeeded", "two:two_is_two": "succeeded"}
    latest = client.asset("two").latest
    assert latest is not None
    assert latest.run_id == run.id


def test_each_partition_of_a_range_gets_a_run_of_its_own(client: Client) -> None:
    runs = client.materialize_all("day", partition=("2013-01-01", "2013-01-05"))

    assert [run.wait().status for run in runs] == ["succeeded"] * 5
    assert list(client.asset("day").partitions.keys(status="materialized")) == [f"2013-01-0{day}" for day in range(1, 6)]


def test_a_range_can_be_one_run(client: Client) -> None:
    run = client.materialize("days", partition=("2013-01-10", "2013-01-12")).wait(raise_on_failure=True)

    assert len(run.steps) == 1
    assert list(client.asset("days").partitions.keys(status="materialized")) == ["2013-01-10", "2013-01-11", "2013-01-12"]


def test_a_failure_says_what_was_not_run_because_of_it(client: Client) -> None:
    run = client.launch("failing").wait()

    steps = {step.key: step for step in run.steps}
    assert run.status == "failed"
    assert steps["boom"].error is not None
    assert steps["boom"].error.message == "no such luck"
    assert steps["never"].status == "upstream_failed"


def test_a_broken_location_shows_its_traceback_and_harms_nobody(client: Client, dev: Dev) -> None:
    broken = next(each for each in client.locations() if each.name == "broken")

    assert broken.error is not None
    assert "no_such_module_anywhere" in broken.error.message
    assert "no_such_module_anywhere" in dev.text()
    assert client.launch("trivial_job").wait().status == "succeeded"


def test_a_run_of_one_step_makes_one_process(dev: Dev, client: Client) -> None:
    before = set(descendants(dev.process.pid))
    dev.scratch("go").unlink(missing_ok=True)
    run = client.launch("patient_job")
    eventually(lambda: dev.scratch("patient").exists())
    facts = json.loads(dev.scratch("patient").read_text())
    dev.scratch("patient").unlink()
    # Below its own worker: the broken location may be loading again, in a process below another.
    trees = {pid: descendants(pid) for pid in dev.services()}
    during = {pid for tree in trees.values() if facts["pid"] in tree for pid in tree} - before
    dev.scratch("go").touch()

    assert during == {facts["pid"]}
    assert run.wait().status == "succeeded"


def test_user_code_never_holds_the_database_open(dev: Dev, client: Client) -> None:
    dev.scratch("go").unlink(missing_ok=True)
    run = client.launch("patient_job")
    eventually(lambda: dev.scratch("patient").exists())
    facts = json.loads(dev.scratch("patient").read_text())
    dev.scratch("patient").unlink()
    dev.scratch("go").touch()
    run.wait()

    assert not [name for name in facts["fds"] if "partita.db" in name]
    assert not [name for name in facts["fds"] if name.startswith("socket:")][1:], "one socket leads to the worker, and that is all"


def test_cancelling_reaches_a_grandchild_that_ignores_it(dev: Dev, client: Client) -> None:
    run = client.launch("stubborn_job")
    eventually(lambda: dev.scratch("stubborn").exists())
    facts = json.loads(dev.scratch("stubborn").read_text())
    dev.scratch("stubborn").unlink()

    run.cancel(force=True)

    assert run.wait(timeout=30).status == "canceled"
    eventually(lambda: not is_alive(facts["pid"]) and not is_alive(facts["child"]), what="the tree to be gone")


def test_a_killed_step_is_a_failure_that_names_the_signal(dev: Dev, client: Client) -> None:
    dev.scratch("go").unlink(missing_ok=True)
    run = client.launch("patient_job")
    eventually(lambda: dev.scratch("patient").exists())
    pid = json.loads(dev.scratch("patient").read_text())["pid"]
    dev.scratch("patient").unlink()

    subprocess.run(["kill", "-9", str(pid)], check=True)

    ended = run.wait(timeout=20)
    assert ended.status == "failed"
    assert "SIGKILL" in str(ended.steps[0].error)


def test_the_same_idempotency_key_launches_once(client: Client) -> None:
    first = client.launch("trivial_job", idempotency_key="only-once")
    again = client.launch("trivial_job", idempotency_key="only-once")

    assert first.id == again.id
    with pytest.raises(PartitaClientError) as conflict:
        client.launch("counting", idempotency_key="only-once")
    assert conflict.value.code == "CONFLICT"


@pytest.mark.parametrize(
    ("act", "culprit", "nearest"),
    [
        (lambda client: client.launch("trivial_jbo"), "trivial_jbo", "trivial_job"),
        (lambda client: client.materialize("twoo"), "twoo", "two"),
        (lambda client: client.launch("counting", config={"steps": {"count": {"limt": 3}}}), "limt", "limit"),
        (lambda client: client.launch("counting", config={"steps": {"count": {"limit": "many"}}}), "steps.count.limit", "whole number"),
        (lambda client: client.launch("counting", config={"steps": {"cuont": {}}}), "cuont", "count"),
        (lambda client: client.materialize("day", partition="2013-01-32"), "2013-01-32", "2013-01"),
        (lambda client: client.materialize("day"), "day", "partition"),
    ],
    ids=["job", "asset", "config key", "config type", "step", "partition", "no partition"],
)
def test_a_wrong_request_is_refused_before_anything_runs(client: Client, act, culprit: str, nearest: str) -> None:  # type: ignore[no-untyped-def]
    before = [run.id for run in client.runs(limit=1)]

    with pytest.raises(PartitaClientError) as refused:
        act(client)

    assert culprit in refused.value.message + ".".join(map(str, refused.value.path or ()))
    assert nearest in refused.value.message
    assert [run.id for run in client.runs(limit=1)] == before


def test_a_second_dev_on_the_same_home_is_refused(dev: Dev) -> None:
    second = subprocess.run(
        [*COMMAND, "dev", "--home", str(dev.home), "--port", "0"], cwd=dev.folder, capture_output=True, text=True, timeout=30, check=False
    )

    assert second.returncode != 0
    assert str(dev.process.pid) in second.stderr
    assert "Traceback" not in second.stderr
    assert is_answering(dev.url)


def test_changed_code_is_loaded_while_a_run_finishes_on_the_old(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "reload")
    with running_dev(folder) as dev, dev.client() as client:
        eventually(lambda: client.locations()[0].status == "loaded", seconds=20)
        run = client.launch("patient_job")
        eventually(lambda: dev.scratch("patient").exists())

        module = folder / "ordinary.py"
        module.write_text(module.read_text().replace('return "done"', 'raise ValueError("new code")').replace("trivial_job", "renamed_job"))
        eventually(lambda: "renamed_job" in {job.name for job in client.jobs()}, seconds=20, what="the new code to be loaded")
        dev.scratch("go").touch()

        assert run.wait(timeout=20).status == "succeeded"
        assert client.launch("patient_job").wait(timeout=20).status == "failed"

        module.write_text("import partita as pt\n\nthis is not python\n")
        eventually(lambda: client.locations()[0].status == "failed", seconds=20)
        assert client.launch("renamed_job").wait(timeout=20).status == "succeeded", "the last good version stays"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_ending_dev_leaves_no_process_behind(tmp_path: Path, signum: signal.Signals) -> None:
    folder = make_project(tmp_path / "ending")
    with running_dev(folder) as dev:
        with dev.client() as client:
            eventually(lambda: client.locations()[0].status == "loaded", seconds=20)
            client.launch("stubborn_job")
            eventually(lambda: dev.scratch("stubborn").exists())
        grandchild = json.loads(dev.scratch("stubborn").read_text())["child"]
        everything = [*descendants(dev.process.pid), grandchild]

        dev.process.send_signal(signum)
        dev.process.wait(timeout=30)

        eventually(lambda: not [pid for pid in everything if is_alive(pid)], seconds=10, what="all processes to be gone")


def test_a_subscription_outlives_its_server_with_nothing_lost_or_doubled(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "restart")
    with running_dev(folder) as dev, dev.client() as client:
        eventually(lambda: client.locations()[0].status == "loaded", seconds=20)
        run = client.launch("talkative_job")
        seen: list[tuple[int, str]] = []
        reader = threading.Thread(target=lambda: seen.extend((int(event.cursor), event.message) for event in run.events()), daemon=True)
        reader.start()
        for _ in range(2):
            count = len(list(run.events(follow=False)))
            eventually(lambda count=count: len(list(run.events(follow=False))) > count + 20, seconds=20)
            api = dev.find("partita-api")
            subprocess.run(["kill", "-9", str(api)], check=True)
            eventually(lambda api=api: not is_alive(api) and is_answering(dev.url), seconds=20, what="dev to start the API again")

        dev.scratch("stop").touch()
        reader.join(timeout=30)

        assert not reader.is_alive()
        assert [cursor for cursor, _ in seen] == list(range(1, len(seen) + 1))
        lines = [message for _, message in seen if message.startswith("line ")]
        assert lines == [f"line {number}" for number in range(len(lines))]
        assert run.wait().status == "succeeded"
