"""A workspace with real workers and daemons, without the command line and the API."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any, TypeVar

from partita.definitions.keys import AssetKey
from partita.execution.processes import Process, find_process, list_processes
from partita.records.events import Event
from partita.records.locations import LocationRecord, LocationStatus
from partita.records.runs import Run, RunRequest, RunStatus
from partita.storage.store import Store
from partita.workspace.settings import Settings, load_settings
from support.waiting import eventually

T = TypeVar("T")
MAIN = Path(__file__).with_name("site_main.py")
PREAMBLE = '''
import json, os, signal, subprocess, sys, threading, time
from pathlib import Path

import partita as pt

SCRATCH = Path(__file__).parent / "scratch"


def note(name: str, **facts: object) -> None:
    """Tell the test something, at once and whole."""
    part = SCRATCH / f".{name}.{os.getpid()}"
    part.write_text(json.dumps({"pid": os.getpid(), **facts}))
    part.rename(SCRATCH / name)


def wait_for(name: str) -> None:
    """Until the test allows it."""
    give_up_at = time.monotonic() + 60
    while not (SCRATCH / name).exists():
        if time.monotonic() > give_up_at:
            raise TimeoutError(name)
        time.sleep(0.005)
'''


@dataclass(eq=False)
class Service:
    """A worker or daemon in a process of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Its process number."""
        return self.process.pid

    @property
    def token(self) -> str:
        """What its descendants carry in their environment."""
        found = find_process(self.pid)
        assert found is not None
        return f"{found.pid}.{found.started}"

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=30)

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)


@dataclass(eq=False)
class Site:
    """A workspace in a folder, its store, and the services that the test has started."""

    folder: Path
    settings: Settings
    store: Store
    services: list[Service] = field(default_factory=list)

    @property
    def scratch(self) -> Path:
        """Where steps and tests tell each other things."""
        return self.folder / "scratch"

    def write(self, location: str, source: str) -> None:
        """Give a location's module another text."""
        (self.folder / f"{location}.py").write_text(PREAMBLE + dedent(source))

    def allow(self, name: str) -> None:
        """Let steps that wait for `name` go on."""
        (self.scratch / name).touch()

    def noted(self, name: str, *, seconds: float = 20) -> dict[str, Any]:
        """What a step has noted under `name`."""
        path = self.scratch / name
        eventually(path.exists, seconds=seconds, what=f"the note {name}")
        facts: dict[str, Any] = json.loads(path.read_text())
        return facts

    def start(
        self, role: str, location: str = "main", *, fault: str = "", folder: Path | None = None, prefix: Sequence[str] = (), **timing: float
    ) -> Service:
        """Start a worker or daemon, in another folder than the site's if one is given, by a command that begins with `prefix`.

        `timing` shortens what it waits for, `lease` among them, in seconds. `fault`: see `site_faults`.
        """
        folder = folder or self.folder
        log = self.folder / f"{role}.{location}.{len(self.services)}.log"
        arguments = json.dumps({"role": role, "location": location, "folder": str(folder), "timing": timing, "fault": fault})
        with log.open("wb") as output:
            process = subprocess.Popen([*prefix, sys.executable, str(MAIN), arguments], stdout=output, stderr=output, cwd=folder)
        service = Service(process, log)
        self.services.append(service)
        return service

    def work(self, location: str = "main", **timing: float) -> Service:
        """Start a worker and wait until its location is loaded."""
        service = self.start("worker", location, **timing)
        self.loaded(location)
        return service

    def loaded(self, location: str = "main", *, seconds: float = 30) -> LocationRecord:
        """The location, once it is loaded."""
        return self.location(LocationStatus.LOADED, location, seconds=seconds)

    def location(self, status: LocationStatus, location: str = "main", *, seconds: float = 30) -> LocationRecord:
        """The location, once it has this status; at once an error if its load failed and that was not expected."""

        def found() -> LocationRecord | None:
            record = {record.name: record for record in self.store.locations.list()}.get(location)
            if record is not None and record.error is not None and status is LocationStatus.LOADED:
                raise AssertionError(f"location {location} failed to load: {record.error.message}")
            return record if record is not None and record.status is status else None

        return present(eventually(found, seconds=seconds, what=f"location {location} to be {status}: {self.said()}"))

    def launch(self, *assets: str, job: str | None = None, location: str = "main", **request: Any) -> Run:
        """Queue a run of assets or of a job."""
        wanted = RunRequest(location=location, repository=location, assets=tuple(AssetKey(key) for key in assets), job=job, **request)
        return self.store.runs.launch([wanted]).runs[0]

    def finished(self, run: Run, *, seconds: float = 30) -> Run:
        """The run, once it has ended."""

        def found() -> Run | None:
            now = self.store.runs.get(run.id)
            return now if now.status.is_finished else None

        return present(eventually(found, seconds=seconds, what=f"run {run.id} to end: {self.said()}"))

    def reached(self, run: Run, *statuses: RunStatus, seconds: float = 30) -> Run:
        """The run, once it has one of these statuses."""

        def found() -> Run | None:
            now = self.store.runs.get(run.id)
            return now if now.status in statuses else None

        return present(eventually(found, seconds=seconds, what=f"run {run.id} to be {statuses}: {self.said()}"))

    def events(self, run: Run) -> list[Event]:
        """All events of a run."""
        found: list[Event] = []
        seq = 0
        while batch := self.store.events.after(run.id, seq=seq):
            assert [stored.seq for stored in batch] == list(range(seq + 1, seq + len(batch) + 1)), "a run's events have no gap"
            found += [stored.event for stored in batch]
            seq = batch[-1].seq
        return found

    def steps(self, run: Run) -> dict[str, str]:
        """Status of each step of a run."""
        return {step.key: step.status.value for step in self.store.runs.steps([run.id])[run.id]}

    def said(self) -> str:
        """What the services have logged, for messages of failed tests."""
        return "\n".join(service.log.read_text(errors="replace")[-2000:] for service in self.services)


@contextmanager
def a_site(folder: Path, *, storage: str | None = None, logs: str | None = None, more: str = "", **modules: str) -> Iterator[Site]:
    """A workspace with one location for each module text, on SQLite or at the URL `storage`, `more` in its file; no process of it is left."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "scratch").mkdir(exist_ok=True)
    tables = [f'[[location]]\nname = "{name}"\nfile = "{name}.py"\n' for name in modules]
    asked = [f'{name} = "{value}"\n' for name, value in (("url", storage), ("logs", logs)) if value is not None]
    tables += ["[storage]\n" + "".join(asked)] if asked else []
    (folder / "partita.toml").write_text("\n".join([*tables, more]))
    settings = load_settings(folder / "partita.toml", environ={})
    settings.home.mkdir(exist_ok=True)
    with Store.open(settings.storage.url) as store:
        site = Site(folder, settings, store)
        for name, source in modules.items():
            site.write(name, source)
        try:
            yield site
            assert store.maintenance.problems() == [], "the history is sound, whatever has happened"
        finally:
            tokens = {service.token for service in site.services if service.process.poll() is None}
            for service in site.services:
                if service.process.poll() is None:
                    service.resume()
                    service.kill()
            if tokens:
                eventually(lambda: not alive(tokens), what="every process of the site to end")


def present(found: T | None) -> T:
    """What was found."""
    assert found is not None
    return found


def alive(tokens: Sequence[str] | set[str]) -> list[Process]:
    """Processes that workers with these tokens have started, zygotes among them."""
    return [process for process in list_processes() if process.worker in tokens and not process.is_zombie]


def processes_of(run: Run) -> list[Process]:
    """Processes that carry the marker of a run."""
    return [process for process in list_processes() if process.marker.startswith(f"{run.id}:") and not process.is_zombie]


def is_alive(pid: int) -> bool:
    """Whether this process lives."""
    found = find_process(pid)
    return found is not None and not found.is_zombie


def kill(pid: int) -> None:
    """SIGKILL."""
    os.kill(pid, signal.SIGKILL)
