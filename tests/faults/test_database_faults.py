"""Databases under attack: writers killed by the dozen, a disk that is full, a daemon that was frozen for longer than its lease."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from partita.errors import StorageUnavailableError
from partita.records.automations import automation_id
from partita.records.events import LogWritten
from partita.records.filters import TickFilter
from partita.records.pages import PageRequest
from partita.storage.store import Store
from support.sites import Service, Site, a_site
from support.stores import Writer, begin, launch, log, url_of
from support.waiting import eventually

pytestmark = pytest.mark.faults
TESTS = Path(__file__).parents[1]
LEASE = 2.0
SCHEDULE = automation_id("main", "main", "often")
SOURCE = """
@pt.op
def nothing() -> None: ...

@pt.job
def work() -> None:
    nothing()

often = pt.Schedule("often", cron="* * * * *", target=work)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        Store(url_of(tmp_path)).close()
        yield url_of(tmp_path)
        return
    server = request.getfixturevalue("postgres")
    made = server.database()
    yield made
    server.drop(made)


def test_forty_writers_killed_while_they_write_lose_nothing_that_was_acknowledged(url: str) -> None:
    acknowledged: dict[str, int] = {}
    for part in range(10):
        command = [sys.executable, "-m", "support.store_processes", "tell", url]
        writers = [subprocess.Popen([*command, f"w{part}-{number}"], stdout=subprocess.PIPE, text=True, cwd=TESTS) for number in range(4)]
        for place, writer in enumerate(writers):
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(20 + 7 * place)]
            writer.kill()
            lines += [line for line in writer.stdout if line.endswith("\\n")]
            writer.communicate()
            run_id, last = lines[-1].split()
            acknowledged[run_id] = int(last)

    with Store(url) as store:
        assert len(acknowledged) == 40
        for run_id, seq in acknowledged.items():
            assert store.runs.get(run_id).last_seq >= seq
            told = [each.event.message for each in store.events.after(run_id, seq=0, limit=100_000) if isinstance(each.event, LogWritten)]
            assert told == [str(number) for number in range(len(told))]
            assert len(told) % 3 == 0, "a batch is there whole or not at all"
        assert store.maintenance.problems() == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", place], check=False).returncode == 0
    if not mounted:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", place], check=True)


def fill(writer: Writer) -> None:
    """Write until there is no room."""
    while True:
        writer.send(*(log(f"{number:08}" * 20) for number in range(writer.sent, writer.sent + 50)))


def test_a_full_disk_is_told_and_nothing_acknowledged_is_lost(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1024 * 1024))
    with Store(url_of(small_disk)) as store:
        writer = begin(store, "orders")
        with pytest.raises(StorageUnavailableError, match=r"is full\. Free some space"):
            fill(writer)
        sent = writer.sent

        assert store.runs.get(writer.run_id).last_seq == sent + 2, "what was acknowledged can be read while it is full"
        with pytest.raises(StorageUnavailableError, match="is full"):
            launch(store, "orders", tags={"long": "x" * 500_000})
        ballast.unlink()

        writer.send(log("it goes on"))
        assert store.runs.get(writer.run_id).last_seq == sent + 3
        assert store.maintenance.problems() == []


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main=SOURCE) as made:
        yield made


def holder(site: Site, daemons: list[Service]) -> Service | None:
    """The daemon that does the schedules."""
    owners = {each.role: each.owner or "" for each in site.store.leases.daemons()}
    return next((daemon for daemon in daemons if f"/{daemon.token}" in owners.get("schedules", "")), None)


def freeze_for_longer_than_a_lease(site: Site, daemons: list[Service]) -> None:
    """Stop the one that does the schedules until the other has taken over, and let both go on."""
    frozen = eventually(lambda: holder(site, daemons), seconds=20, what="a daemon to do the schedules")
    assert frozen is not None
    frozen.pause()
    eventually(lambda: holder(site, daemons) not in (None, frozen), seconds=20, what="the other to take over")
    before = site.store.runs.count()
    frozen.resume()
    eventually(lambda: site.store.runs.count() >= before + 3, seconds=20, what="more ticks")


def test_a_daemon_that_was_frozen_for_longer_than_its_lease_ticks_nothing_twice(site: Site) -> None:
    site.work().stop()
    daemons = [site.start("daemon", fault="every second", lease=LEASE) for _ in range(2)]
    site.store.automations.set_on([SCHEDULE], is_on=True)
    eventually(lambda: site.store.runs.count() >= 2, seconds=20, what="the first ticks")
    for _ in range(2):
        freeze_for_longer_than_a_lease(site, daemons)
    site.store.automations.set_on([SCHEDULE], is_on=False)

    ticks = sorted(site.store.ticks.list(TickFilter(automation_ids=(SCHEDULE,)), page=PageRequest(first=1000)).items, key=lambda tick: tick.due_at)
    times = [tick.due_at for tick in ticks]
    assert times == [times[0] + number * timedelta(seconds=1) for number in range(len(times))], "every second, and each once"
    runs = site.store.runs.list(page=PageRequest(first=1000)).items
    assert Counter(run.request.tick_id for run in runs) == Counter(tick.id for tick in ticks)
