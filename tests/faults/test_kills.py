"""SIGKILL to any process of `partita dev`: nothing recorded is lost, the run in flight ends as what it is, dev recovers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita_client import Client
from support.dev import Dev, descendants, is_alive, is_answering, running_dev
from support.projects import make_project
from support.waiting import eventually

pytestmark = pytest.mark.faults


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    with running_dev(make_project(tmp_path / "kills"), env={"PARTITA_LEASE_SECONDS": "3"}) as running:
        with running.client() as client:
            eventually(lambda: client.locations()[0].status == "loaded", seconds=20)
        yield running


@pytest.fixture
def client(dev: Dev) -> Iterator[Client]:
    with dev.client() as connected:
        yield connected


def kill(pid: int) -> None:
    subprocess.run(["kill", "-9", str(pid)], check=True)
    eventually(lambda: not is_alive(pid))


def in_flight(dev: Dev, client: Client):  # type: ignore[no-untyped-def]
    run = client.launch("patient_job")
    eventually(lambda: dev.scratch("patient").exists())
    return run


def assert_it_works_again(client: Client) -> None:
    assert eventually(lambda: client.launch("trivial_job"), seconds=30).wait(timeout=30).status == "succeeded"


def test_the_api(dev: Dev, client: Client) -> None:
    done = client.materialize("one").wait(raise_on_failure=True)
    run = in_flight(dev, client)

    kill(dev.find("partita-api"))
    eventually(lambda: is_answering(dev.url), seconds=20)
    dev.scratch("go").touch()

    assert run.wait(timeout=30).status == "succeeded"
    assert client.run(done.id).status == "succeeded"


def test_the_daemon(dev: Dev, client: Client) -> None:
    run = in_flight(dev, client)

    killed = dev.find("partita-daemon")
    kill(killed)
    dev.scratch("go").touch()

    assert run.wait(timeout=30).status == "succeeded"
    eventually(lambda: "partita-daemon" in dev.processes().values(), seconds=20)


def test_the_worker(dev: Dev, client: Client) -> None:
    done = client.materialize("one").wait(raise_on_failure=True)
    run = in_flight(dev, client)
    worker = next(pid for pid, name in dev.processes().items() if name.startswith("partita-worker"))
    below = descendants(worker)

    kill(worker)

    assert run.wait(timeout=40).status == "failed"
    eventually(lambda: not [pid for pid in below if is_alive(pid)], what="its processes to end with it")
    assert client.run(done.id).status == "succeeded"
    assert_it_works_again(client)


def test_the_worker_of_a_step_that_has_started_what_carries_no_mark(dev: Dev, client: Client) -> None:
    run = client.launch("unmarked_job")
    eventually(lambda: dev.scratch("unmarked").exists())
    left = json.loads(dev.scratch("unmarked").read_text())["left"]
    worker = next(pid for pid, name in dev.processes().items() if name.startswith("partita-worker"))

    kill(worker)

    eventually(lambda: not is_alive(left), what="what the step had started to end")
    assert run.wait(timeout=40).status == "failed"
    assert_it_works_again(client)


def test_the_zygote(dev: Dev, client: Client) -> None:
    run = in_flight(dev, client)
    zygote = next(pid for pid, name in dev.processes().items() if "zygote" in name)

    kill(zygote)
    dev.scratch("go").touch()

    assert run.wait(timeout=30).status == "succeeded"
    assert_it_works_again(client)


def test_the_parent_of_them_all(dev: Dev, client: Client) -> None:
    done = client.materialize("one").wait(raise_on_failure=True)
    in_flight(dev, client)
    below = descendants(dev.process.pid)

    kill(dev.process.pid)
    eventually(lambda: not [pid for pid in below if is_alive(pid)], seconds=20, what="its services to end with it")

    with running_dev(dev.folder, env={"PARTITA_LEASE_SECONDS": "3"}) as again, again.client() as other:
        assert other.run(done.id).status == "succeeded"
        eventually(lambda: not [run for run in other.runs() if run.status in {"running", "starting"}], seconds=40, what="the lost run to end")
        assert_it_works_again(other)
