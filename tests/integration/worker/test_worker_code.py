"""A worker loads its location's code, loads it again on request, and tells what went wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from partita.execution.processes import list_processes
from partita.records.events import ProcessStarted, StepFailed
from partita.records.locations import LocationRecord, LocationStatus
from partita.records.runs import RunStatus
from support.sites import Service, Site, a_site, is_alive, kill, present
from support.waiting import eventually

VERSION = """
@pt.asset
def version() -> str:
    return "{version}"

@pt.asset
def waits() -> str:
    note("waits")
    wait_for("go")
    return "{version}"

@pt.asset
def told(waits: str) -> str:
    note("told", version="{version}", waits=waits)
    return waits
{more}
"""


def a_version(version: str, more: str = "") -> str:
    return VERSION.format(version=version, more=more)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main=a_version("one")) as made:
        yield made


def test_a_location_has_an_environment_of_its_own(site: Site) -> None:
    own = site.folder / "own"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(own)], check=True)
    [packages] = own.glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text("\n".join(path for path in sys.path if path.endswith(("site-packages", "server", "client_tui"))))
    (packages / "only_here.py").write_text("ANSWER = 42\n")
    toml = site.folder / "partita.toml"
    toml.write_text(toml.read_text() + 'python = "own/bin/python"\n')
    answer = "import only_here\n@pt.asset\ndef answer() -> int:\n    note('answer', value=only_here.ANSWER, prefix=sys.prefix)\n    return 1"
    site.write("main", answer)

    site.work()

    assert site.finished(site.launch("answer")).status is RunStatus.SUCCEEDED
    told = site.noted("answer")
    assert (told["value"], told["prefix"]) == (42, str(own))


def zygotes_of(worker: Service) -> list[int]:
    """The zygotes of a worker that live."""
    return [each.pid for each in list_processes() if each.parent == worker.pid and each.marker.startswith("zygote.") and not each.is_zombie]


def has_ended(worker: Service, zygote: int) -> bool:
    """Whether this zygote is gone."""
    return zygote not in zygotes_of(worker)


def test_a_location_is_published_with_all_that_is_known_of_it(site: Site) -> None:
    site.work()

    record = site.loaded()

    assert (record.start, record.error) == ("fork", None)
    assert record.catalog_hash is not None
    assert [str(spec.key) for spec in site.store.locations.catalog(record.catalog_hash).repositories[0].assets] == ["version", "waits", "told"]


def test_a_run_in_flight_finishes_on_the_code_it_began_with(site: Site) -> None:
    worker = site.work()
    run = site.launch("waits", "told")
    site.noted("waits")
    before = site.loaded().catalog_hash

    site.write("main", a_version("two", "@pt.asset\ndef added() -> int:\n    return 1\n"))
    site.store.locations.request_reload("main")
    eventually(lambda: site.loaded().catalog_hash != before, what="the new catalog")
    assert len(zygotes_of(worker)) == 2
    added = site.finished(site.launch("added"))
    site.allow("go")

    assert added.status is RunStatus.SUCCEEDED
    assert site.finished(run).catalog_hash == before
    assert site.noted("told")["version"] == "one"
    eventually(lambda: len(zygotes_of(worker)) == 1, what="the old zygote to end")


def test_a_reload_that_fails_keeps_the_last_good_code_and_says_why(site: Site) -> None:
    site.work()
    good = site.loaded().catalog_hash

    site.write("main", "1 / 0")
    site.store.locations.request_reload("main")
    record = site.location(LocationStatus.FAILED)
    run = site.finished(site.launch("version"))

    assert record.error is not None
    assert record.error.class_name == "ZeroDivisionError"
    assert record.catalog_hash == good
    assert run.status is RunStatus.SUCCEEDED


def test_it_is_said_once_that_an_import_takes_long(site: Site) -> None:
    site.write("main", "wait_for('go')\n" + a_version("one"))
    worker = site.start("worker", slow_load=0.1)
    said = "the code is still being imported"

    eventually(lambda: said in worker.log.read_text(), seconds=20, what="the worker to say so")
    site.allow("go")
    site.loaded()

    assert worker.log.read_text().count(said) == 1


@pytest.mark.faults
def test_code_that_fails_at_first_is_loaded_again_without_being_asked(site: Site) -> None:
    site.write("main", "if not (SCRATCH / 'ready').exists():\n    raise RuntimeError('not ready')\n" + a_version("one"))
    site.start("worker")
    site.location(LocationStatus.FAILED)

    site.allow("ready")

    eventually(lambda: site.store.locations.get("main").status is LocationStatus.LOADED, seconds=20, what="the location to mend itself")


def test_runs_of_a_location_that_cannot_be_loaded_wait_in_the_queue(site: Site) -> None:
    site.write("main", "1 / 0")
    site.start("worker")
    site.location(LocationStatus.FAILED)
    run = site.launch("version")

    site.write("main", a_version("mended"))
    site.store.locations.request_reload("main")

    assert site.finished(run).status is RunStatus.SUCCEEDED


def test_a_run_of_something_that_a_reload_removed_fails_with_the_nearest_name(site: Site) -> None:
    site.work()
    before = site.loaded().catalog_hash
    site.write("main", a_version("two").replace("def version", "def revision"))
    site.store.locations.request_reload("main")
    eventually(lambda: site.loaded().catalog_hash != before, what="the new catalog")

    run = site.finished(site.launch("version"))

    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert "Did you mean 'revision'?" in run.error.message


def test_processes_are_spawned_where_a_fork_would_break_and_the_location_says_so(site: Site) -> None:
    thread = "threading.Thread(target=time.sleep, args=(300,), daemon=True, name='poller').start()\n"
    site.write("main", thread + a_version("one"))
    site.work()

    run = site.finished(site.launch("version"))

    assert site.loaded().start == "spawn: thread poller"
    [started] = [event for event in site.events(run) if isinstance(event, ProcessStarted)]
    assert started.how == site.loaded().start


LATE_THREAD = """
def start_thread(*_: object) -> None:
    threading.Thread(target=time.sleep, args=(300,), daemon=True, name="late").start()

if (SCRATCH / "in_zygote").exists():
    signal.signal(signal.SIGUSR1, start_thread)
"""


def test_a_zygote_that_cannot_fork_any_more_says_so_and_processes_are_spawned(site: Site) -> None:
    site.allow("in_zygote")
    site.write("main", LATE_THREAD + a_version("one"))
    worker = site.work()
    (site.scratch / "in_zygote").unlink()
    [zygote] = zygotes_of(worker)
    os.kill(zygote, signal.SIGUSR1)
    eventually(lambda: len(list(Path(f"/proc/{zygote}/task").iterdir())) == 2, what="the thread")

    run = site.finished(site.launch("version"))

    assert run.status is RunStatus.SUCCEEDED
    [started] = [event for event in site.events(run) if isinstance(event, ProcessStarted)]
    assert started.how.startswith("spawn: thread")
    assert eventually(lambda: site.loaded().start != "fork", what="the location to say so")


def test_a_killed_zygote_is_replaced_and_runs_go_on(site: Site) -> None:
    worker = site.work()
    run = site.launch("waits", "told")
    pid = site.noted("waits")["pid"]
    [zygote] = zygotes_of(worker)

    kill(zygote)
    began = time.monotonic()
    quick = site.finished(site.launch("version"))
    took = time.monotonic() - began
    assert is_alive(pid)
    site.allow("go")

    assert quick.status is RunStatus.SUCCEEDED
    assert site.finished(run).status is RunStatus.SUCCEEDED
    [how], hows = ([event.how for event in site.events(each) if isinstance(event, ProcessStarted)] for each in (quick, run))
    assert how in {"fork", "spawn: the zygote does not answer"}, "it may be asked for before anybody has noticed the death"
    assert hows == ["fork"] * 2
    assert took < 6  # two seconds on a machine that does nothing else


@pytest.mark.faults
def test_a_zygote_that_keeps_dying_is_not_started_in_a_loop(site: Site) -> None:
    worker = site.work()
    for _ in range(2):
        [zygote] = eventually(lambda: zygotes_of(worker), what="a zygote")
        site.finished(site.launch("version"))
        kill(zygote)
        eventually(partial(has_ended, worker, zygote), what="its end")

    died_at = time.monotonic()
    eventually(lambda: zygotes_of(worker), what="the third")

    assert time.monotonic() - died_at > 0.5


TWO = {
    "first": "@pt.asset\ndef shared() -> int:\n    return 1\n",
    "second": "shared = pt.AssetSpec('shared')\n@pt.asset\ndef mine(shared: int) -> int:\n    return shared + 1\n",
}


def test_an_asset_of_another_location_is_an_input(tmp_path: Path) -> None:
    with a_site(tmp_path, **TWO) as site:
        site.work("first")
        site.work("second")

        assert site.finished(site.launch("shared", location="first")).status is RunStatus.SUCCEEDED
        assert site.finished(site.launch("mine", location="second")).status is RunStatus.SUCCEEDED


def test_two_locations_cannot_define_one_asset_and_the_second_says_so(tmp_path: Path) -> None:
    with a_site(tmp_path, first=TWO["first"], second=TWO["first"]) as site:
        site.work("second")
        site.work("first")

        record = site.location(LocationStatus.FAILED, "second")
        assert record.error is not None
        assert "shared" in record.error.message
        site.write("first", "@pt.asset\ndef something_else() -> int:\n    return 1\n")
        site.store.locations.request_reload("first")

        def mended() -> LocationRecord | None:
            found = site.store.locations.get("second")
            return found if found.status is LocationStatus.LOADED else None

        assert present(eventually(mended, what="the conflict to end")).error is None


def test_a_location_whose_interpreter_is_not_there_harms_no_other_and_heals(tmp_path: Path) -> None:
    with a_site(tmp_path, good=TWO["first"], bad=TWO["second"]) as site:
        toml = site.folder / "partita.toml"
        toml.write_text(toml.read_text() + 'python = "python"\n')
        site.start("worker", "bad")
        site.work("good")

        record = site.location(LocationStatus.FAILED, "bad")
        run = site.finished(site.launch("shared", location="good"))
        (site.folder / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (site.folder / "python").chmod(0o755)
        site.store.locations.request_reload("bad")
        eventually(lambda: site.store.locations.get("bad").status is LocationStatus.LOADED, seconds=20, what="the location to be loaded")

        assert record.error is not None
        assert f"{site.folder}/python cannot be started: No such file or directory." in record.error.message
        assert run.status is RunStatus.SUCCEEDED


@pytest.mark.faults
def test_a_broken_location_harms_no_other(tmp_path: Path) -> None:
    with a_site(tmp_path, good=TWO["first"], bad="os._exit(3)") as site:
        site.start("worker", "bad")
        site.work("good")

        assert site.finished(site.launch("shared", location="good")).status is RunStatus.SUCCEEDED
        record = site.location(LocationStatus.FAILED, "bad")
        assert record.error is not None
        assert "exited with code 3" in record.error.message


def test_a_run_that_began_fails_by_name_when_its_process_cannot_import_the_code(site: Site) -> None:
    site.write("main", "SOCKET = __import__('socket').socket()\n" + a_version("one"))
    site.work()
    site.write("main", "raise ImportError('gone')")

    run = site.finished(site.launch("version"))

    [failed] = [event for event in site.events(run) if isinstance(event, StepFailed)]
    assert failed.error.summary == "ImportError: gone"
