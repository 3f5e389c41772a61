"""A daemon and workers on hosts of their own, sharing a PostgreSQL server and an archive of logs and nothing else; one loses its network."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.execution.archive import LogArchive
from partita.records.runs import RunStatus
from support.hosts import Host, can_make_hosts, hosts
from support.postgres import PostgresServer, find_binaries
from support.sites import a_site, is_alive, processes_of
from support.waiting import eventually

pytestmark = pytest.mark.faults
LEASE = 6.0
SOURCE = """
@pt.asset
def quick() -> int:
    print("on this host", flush=True)
    return 1

@pt.asset
def patient() -> None:
    note("patient")
    wait_for("go")
"""


@pytest.fixture
def far() -> Iterator[list[Host]]:
    if not can_make_hosts():
        pytest.skip("network namespaces need root and the command `ip`")
    with hosts(3) as made:
        yield made


@pytest.fixture
def server(far: list[Host], tmp_path: Path) -> Iterator[PostgresServer]:
    """One that all hosts can reach."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("this machine has no PostgreSQL")
    made = PostgresServer(binaries, tmp_path, addresses=[host.server for host in far])
    yield made
    made.close()


def test_a_host_without_network_stops_what_it_runs_and_the_others_go_on(far: list[Host], server: PostgresServer, tmp_path: Path) -> None:
    local = server.database()
    archive = f"file://{tmp_path}/archive"
    with a_site(tmp_path / "here", storage=local, logs=archive, main=SOURCE, other=SOURCE.replace("def ", "def other_")) as site:

        def start(role: str, host: Host, location: str = "main") -> Any:
            """A service on a host, with a copy of the code and a home of its own."""
            folder = tmp_path / host.name
            if not folder.exists():
                shutil.copytree(site.folder, folder, ignore=shutil.ignore_patterns(".partita", "*.log"))
                settings = folder / "partita.toml"
                settings.write_text(settings.read_text().replace("127.0.0.1", host.server))
            return site.start(role, location, folder=folder, prefix=host.prefix, lease=LEASE)

        daemon_host, first, second = far
        start("daemon", daemon_host)
        start("worker", first)
        start("worker", second, "other")
        site.loaded("main")
        site.loaded("other")
        run = site.finished(site.launch("quick"))
        assert run.status is RunStatus.SUCCEEDED
        eventually(lambda: LogArchive(archive).has(run.id), what="what was printed there to be stored")
        stuck = site.launch("patient")
        facts = eventually(lambda: _note(tmp_path / first.name / "scratch" / "patient"), what="the step to begin")

        first.unplug()

        eventually(lambda: not is_alive(facts), seconds=LEASE + 2, what="the step to be ended before another could take the run")
        assert site.finished(stuck, seconds=30).status is RunStatus.FAILED
        assert processes_of(stuck) == []
        assert site.finished(site.launch("other_quick", location="other")).status is RunStatus.SUCCEEDED
        waiting = site.launch("quick")

        first.plug()

        assert site.finished(waiting, seconds=60).status is RunStatus.SUCCEEDED


def _note(path: Path) -> int | None:

    return int(json.loads(path.read_text())["pid"]) if path.exists() else None
