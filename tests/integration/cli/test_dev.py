"""`partita dev` as people use it: a new project, its commands, a reload, a second one, kills, and Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita_client import Client
from support.dev import COMMAND, Dev, free_port, is_alive, is_answering, running_dev
from support.shell import Done, Shell
from support.waiting import eventually


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = tmp_path_factory.mktemp("dev")
    subprocess.run([*COMMAND, "init", "my-shop"], cwd=folder, check=True, capture_output=True)
    with running_dev(folder / "my-shop") as running:
        eventually(lambda: "my-shop  | loaded 4 assets, 2 jobs" in running.text(), seconds=20, what="the project to load")
        yield running


class Terminal:
    """Types commands in the project's folder, against its server."""

    def __init__(self, dev: Dev, shell: Shell) -> None:
        self.dev, self._shell = dev, shell

    def __call__(self, *arguments: str) -> Done:
        return self._shell(*arguments, cwd=self.dev.folder, PARTITA_URL=self.dev.url)

    def answer(self, *arguments: str) -> Any:
        """The JSON document that a command prints; there is nothing else."""
        done = self(*arguments, "--json")
        assert done.err == ""
        return json.loads(done.out)


@pytest.fixture
def partita(dev: Dev, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(dev, Shell(capsys, monkeypatch))


def first_day(dev: Dev) -> str:
    """The first partition of the project."""
    found = re.search(r'DailyPartitions\("(.*?)"\)', (dev.folder / "my_shop" / "definitions.py").read_text())
    assert found is not None
    return found[1]


def test_it_says_where_it_answers(dev: Dev) -> None:
    assert f"GraphQL at {dev.url}/graphql" in dev.text()


def test_assets_are_listed_by_selection(partita: Terminal) -> None:
    assert [asset["key"] for asset in partita.answer("asset", "list", "group:shop")] == ["prices", "products"]
    assert len(partita.answer("asset", "list")) == 4
    assert "never" in partita("asset", "list").out


def test_what_is_materialized_can_be_shown_by_the_short_form_of_its_id(partita: Terminal) -> None:
    [made] = partita.answer("asset", "materialize", "group:shop")

    shown = partita.answer("run", "show", made["id"][-8:])

    assert shown["id"] == made["id"]
    assert shown["status"] == "succeeded"
    assert {step["key"]: step["status"] for step in shown["steps"]} == {"products": "succeeded", "prices": "succeeded"}


def test_a_run_is_followed_until_it_has_ended(partita: Terminal) -> None:
    done = partita("run", "launch", "inventory", "--tag", "team=shop")

    assert done.code == 0, done.err
    assert "to be ordered: cake" in done.out
    assert re.search(r"Run run_\w{26} succeeded after", done.out)


def test_without_waiting_only_the_id_is_printed(partita: Terminal) -> None:
    done = partita("run", "launch", "inventory", "--no-wait")

    assert re.fullmatch(r"run_\w{26}\n", done.out)


def test_partitions_are_materialized_one_run_each_and_checked(partita: Terminal, dev: Dev) -> None:
    partita("asset", "materialize", "group:shop")
    day = first_day(dev)

    done = partita("asset", "materialize", "group:sales", "--range", f"{day}..{day}", "--config", '{"steps": {"orders": {"count": 3}}}')

    assert done.code == 0, done.out + done.err
    assert "Check revenue:revenue_is_positive passed" in done.out


def test_every_partition_can_be_asked_for(partita: Terminal) -> None:
    partita("asset", "materialize", "group:shop")

    done = partita("asset", "materialize", "orders", "--all")

    assert done.code == 0, done.out + done.err
    assert re.search(r"\d+ runs: \d+ succeeded\.", done.out)


def test_config_can_come_from_a_file(partita: Terminal, dev: Dev) -> None:
    (dev.folder / "config.yaml").write_text("steps:\n  orders:\n    count: 0\n")

    done = partita("asset", "materialize", "orders", "--partition", first_day(dev), "--config", "config.yaml")

    assert done.code == 2
    assert "steps.orders.count" in done.err


def test_runs_are_listed_with_those_of_a_tag_or_job(partita: Terminal) -> None:
    run_id = partita("run", "launch", "inventory", "--tag", "team=night", "--no-wait").out.strip()

    assert [run["id"] for run in partita.answer("run", "list", "--tag", "team=night")] == [run_id]
    assert {run["job_name"] for run in partita.answer("run", "list", "--job", "inventory")} == {"inventory"}
    assert run_id[-8:] in partita("run", "list").out


def test_events_and_output_of_a_step_are_printed(partita: Terminal) -> None:
    run_id = partita("run", "launch", "inventory", "--json").out
    run_id = json.loads(run_id)[0]["id"]

    assert "to be ordered: cake" in partita("run", "logs", run_id[-8:], "--follow").out
    assert [event["message"] for event in partita.answer("run", "logs", run_id)][-1] == "Run succeeded"
    assert partita.answer("run", "logs", run_id, "--step", "count_shelves")["text"] == ""


def test_a_run_that_succeeded_is_retried_whole_and_cannot_be_canceled(partita: Terminal) -> None:
    [made] = partita.answer("run", "launch", "inventory")

    [again] = partita.answer("run", "retry", made["id"], "--all")
    refused = partita("run", "cancel", made["id"])

    assert again["id"] != made["id"]
    assert again["status"] == "succeeded"
    assert refused.code == 2
    assert "already ended" in refused.err


def executed(partita: Terminal, run_id: str) -> list[str]:
    """The steps of a run that were executed by it."""
    return [step["key"] for step in partita.answer("run", "show", run_id)["steps"] if step["attempts"]]


def test_chosen_assets_and_steps_are_executed_again_as_often_as_it_is_asked_for(partita: Terminal, dev: Dev) -> None:
    partita("asset", "materialize", "group:shop")
    [made] = partita.answer("asset", "materialize", "group:sales", "--partition", first_day(dev))

    [asset] = partita.answer("run", "retry", made["id"], "--asset", "revenue")
    [again] = partita.answer("run", "retry", asset["id"], "--asset", "revenue")
    [step] = partita.answer("run", "retry", again["id"], "--step", "orders")
    refused = partita("run", "retry", made["id"], "--asset", "revenu")

    assert executed(partita, asset["id"]) == executed(partita, again["id"]) == ["revenue", "revenue:revenue_is_positive"]
    assert executed(partita, step["id"]) == ["orders"]
    assert [run["attempt"] for run in (asset, again, step)] == [2, 3, 4]
    assert "Did you mean 'revenue'?" in refused.err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["run", "launch", "inventry"], "Did you mean 'inventory'?"),
        (["asset", "materialize", "product"], "products"),
        (["asset", "materialize", "orders", "--partition", "1999-01-01"], "1999-01-01"),
        (["run", "show", "nosuchid"], "There is no run 'nosuchid'."),
        (["location", "reload", "my-shp"], "Did you mean 'my-shop'?"),
    ],
)
def test_what_the_server_refuses_is_exit_code_2_with_its_words(partita: Terminal, command: list[str], said: str) -> None:
    done = partita(*command)

    assert done.code == 2, done.out + done.err
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_second_dev_on_the_same_home_is_refused_and_told_of_the_first(partita: Terminal, dev: Dev) -> None:
    second = partita("dev", "--port", "0")

    assert second.code == 1
    assert f"already runs on {dev.home}" in second.err
    assert f"process {dev.process.pid}, at {dev.url}" in second.err


def test_a_taken_port_is_named_with_the_option_to_choose_another(partita: Terminal, dev: Dev, tmp_path: Path) -> None:
    port = dev.url.rpartition(":")[2]

    refused = partita("dev", "--home", str(tmp_path), "--port", port)

    assert refused.code == 1
    assert f"Port {port} of 127.0.0.1 cannot be used: Address already in use. Choose another with --port" in refused.err


def test_changed_code_is_loaded_by_itself_and_a_broken_one_shows_its_traceback(partita: Terminal, dev: Dev) -> None:
    code = dev.folder / "my_shop" / "definitions.py"
    good = code.read_text()

    code.write_text(good + "\n1 / 0\n")
    eventually(lambda: "ZeroDivisionError" in dev.text(), seconds=15, what="the traceback")
    assert "definitions.py changed; loading again" in dev.text()
    assert "The last good version stays." in dev.text()
    assert partita("run", "launch", "inventory").code == 0
    assert partita("location", "reload", "my-shop").code == 1

    code.write_text(good.replace("jobs=[inventory, daily_sales]", "jobs=[inventory]"))
    eventually(lambda: "my-shop  | loaded 4 assets, 1 job\n" in dev.text(), seconds=15, what="the mended code to load")
    code.write_text(good)
    eventually(lambda: dev.text().count("my-shop  | loaded 4 assets, 2 jobs") == 2, seconds=15, what="the first version again")


def test_a_module_in_a_new_directory_is_seen(partita: Terminal, dev: Dev) -> None:
    eventually(lambda: partita.answer("location", "list")[0]["status"] == "loaded")
    before = dev.text().count("loading again")
    package = dev.folder / "my_shop" / "more"
    package.mkdir()
    (package / "__init__.py").write_text("")

    eventually(lambda: dev.text().count("loading again") > before, seconds=15, what="the new package to be seen")


def test_every_service_that_is_killed_comes_back(partita: Terminal, dev: Dev) -> None:
    for name in ("partita-api", "partita-daemon", "partita-watch", "partita-worker"):
        old = eventually(lambda name=name: [pid for pid, each in dev.processes().items() if each == name])[0]
        os.kill(old, signal.SIGKILL)
        eventually(
            lambda name=name, old=old: [pid for pid, each in dev.processes().items() if each == name and pid != old],
            seconds=15,
            what=f"another {name}",
        )

    eventually(lambda: is_answering(dev.url), seconds=15, what="the API to answer")
    assert dev.text().count("was killed by SIGKILL; it is started again in") == 4
    done = partita("run", "launch", "inventory")
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_ends_with_every_process_of_it(tmp_path: Path, number: signal.Signals, code: int) -> None:
    project(tmp_path)
    with running_dev(tmp_path) as running:
        eventually(lambda: "loaded 1 asset, 1 job" in running.text(), seconds=20)
        pids = list(running.processes())

        running.process.send_signal(number)

        assert running.process.wait(timeout=15) == code
        assert [pid for pid in pids if is_alive(pid)] == []
        assert "Traceback" not in running.text()


def test_services_end_when_dev_itself_is_killed_and_the_next_one_can_start(tmp_path: Path) -> None:
    project(tmp_path)
    with running_dev(tmp_path) as first:
        pids = list(first.processes())
        first.process.kill()
        eventually(lambda: not any(map(is_alive, pids)), seconds=15, what="its services to end")

    with running_dev(tmp_path) as second:
        eventually(lambda: "loaded 1 asset, 1 job" in second.text().rpartition("GraphQL at")[2] or second.text().count("loaded") >= 2, seconds=20)


def test_an_interrupted_command_ends_quietly_and_leaves_the_run_alone(tmp_path: Path) -> None:
    project(tmp_path)
    with running_dev(tmp_path) as running, running.client() as client:
        eventually(lambda: client.locations()[0].status == "loaded", seconds=20)
        output = tmp_path / "out.txt"
        with output.open("wb") as sink:
            command = subprocess.Popen([*COMMAND, "run", "launch", "slow", "--url", running.url], stdout=sink, stderr=sink)
        eventually(lambda: "Started" in output.read_text(), seconds=20)

        command.send_signal(signal.SIGINT)

        assert command.wait(timeout=10) == 130
        assert "Traceback" not in output.read_text()
        [run] = client.runs()
        assert run.status == "running"
        assert f"partita run cancel {run.short_id}" in output.read_text()
        assert run.cancel(force=True).wait(timeout=20).status == "canceled"


FAILING = """
import pathlib
import partita as pt

@pt.asset
def broken() -> int:
    raise ValueError("no luck")

@pt.sensor(target="broken", interval=1, default_on=True)
def waits(context: pt.SensorContext) -> pt.Skip:
    if not pathlib.Path("ready").exists():
        raise RuntimeError("it is not ready")
    return pt.Skip("nothing new")
"""


def test_it_tells_what_fails_and_of_one_that_keeps_failing_once(tmp_path: Path) -> None:
    project(tmp_path)
    (tmp_path / "one.py").write_text(FAILING)
    with running_dev(tmp_path) as running, running.client() as client:
        eventually(lambda: client.locations()[0].status == "loaded", seconds=20)

        run = client.materialize("broken").wait(timeout=20)

        ended = f"a run has ended run_id={run.id} status=failed error=StepFailedError: Step 'broken' failed: ValueError: no luck"
        eventually(lambda: ended in running.text(), what=f"the end of the run to be told: {running.text()}")
        eventually(lambda: len(list(client.ticks("waits", status="failed"))) > 1, seconds=20, what="the sensor to fail twice")
        (tmp_path / "ready").touch()
        eventually(lambda: "a sensor is well again automation=one/one/waits" in running.text(), seconds=20, what="its recovery to be told")
        assert running.text().count("WARNING: a sensor is failing automation=one/one/waits error=RuntimeError: it is not ready") == 1


def test_any_free_port_will_do(tmp_path: Path) -> None:
    project(tmp_path)
    output = tmp_path / "out.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen([*COMMAND, "dev", "-f", "one.py", "--port", "0"], cwd=tmp_path, stdout=sink, stderr=sink)
    try:
        url = eventually(lambda: re.search(r"GraphQL at (http://127\.0\.0\.1:\d+)/graphql", output.read_text()), seconds=20, what="the address")[1]
        assert is_answering(url)
        assert json.loads((tmp_path / ".partita" / "dev.lock").read_text()) == {"pid": process.pid, "url": url}
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0


def test_services_can_be_spawned_where_forking_is_not_safe(tmp_path: Path) -> None:
    project(tmp_path)
    port, output = free_port(), tmp_path / "out.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen([*COMMAND, "dev", "--spawn", "--port", str(port)], cwd=tmp_path, stdout=sink, stderr=sink)
    try:
        eventually(lambda: is_answering(f"http://127.0.0.1:{port}"), seconds=30, what="the API")
        eventually(lambda: "loaded 1 asset, 1 job" in output.read_text(), seconds=20)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0


def test_api_daemon_and_worker_can_be_run_apart(tmp_path: Path) -> None:
    project(tmp_path)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    processes = [subprocess.Popen([*COMMAND, *words], cwd=tmp_path) for words in (["api", "--port", str(port)], ["daemon"], ["worker"])]
    try:
        eventually(lambda: is_answering(url), seconds=30, what="the API")
        with Client(url) as client:
            eventually(lambda: [each.status for each in client.locations()] == ["loaded"], seconds=30, what="the location to load")
            assert client.materialize("one").wait(timeout=20).status == "succeeded"
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(timeout=15) for process in processes] == [0, 0, 0]


PROJECT = """
import time

import partita as pt


@pt.asset
def one() -> int:
    return 1


@pt.op
def sleep() -> None:
    time.sleep(300)


@pt.job
def slow() -> None:
    sleep()
"""


def project(folder: Path) -> None:
    """A workspace of one asset, and a job that takes longer than anybody waits."""
    (folder / "one.py").write_text(PROJECT)
    (folder / "partita.toml").write_text('[[location]]\nname = "one"\nfile = "one.py"\n')
