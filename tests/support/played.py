"""A real API process over a seeded store, with the worker's part played by the test: claims are made and events written by hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn

import partita as pt
from partita.api.app import SERVER_OPTIONS, create_app
from partita.definitions.keys import AssetKey
from partita.records.events import AssetMaterialized, Event, LogLevel, LogWritten, PlanMade, RunStatusChanged, StepFailed, StepStarted, StepSucceeded
from partita.records.failures import PythonError
from partita.records.runs import RunStatus
from partita.storage.leases import location_lease
from partita.storage.store import Store
from partita.workspace.loader import describe
from partita.workspace.settings import LocationSettings, Settings, StorageSettings
from support.dev import free_port, is_answering
from support.waiting import eventually

LOCATION = "hive"
LEASE = timedelta(minutes=5)
OWNER = "test"


class Harvest(pt.Config):
    limit: int = 10


@pt.op
def collect(config: Harvest) -> int:
    return config.limit


@pt.job
def harvest() -> None:
    collect()


@pt.asset(group="raw", kinds=["table"], tags={"team": "bees"})
def honey() -> int:
    """What the bees made."""
    return 1


@pt.asset(group="raw", partitions=pt.DailyPartitions("2013-01-01", end="2013-01-11"))
def flights() -> int:
    return 1


@pt.asset(group="marts")
def toast(honey: int) -> int:
    return honey


def seed(store: Store) -> str:
    """Declare and publish the location; answers the hash of its catalog."""
    repository = pt.Repository("garden", assets=[honey, flights, toast], jobs=[harvest])
    store.locations.declare([(LOCATION, {"module": "hive"})])
    store.leases.acquire(location_lease(LOCATION), owner=OWNER, ttl=timedelta(hours=1))
    return publish(store, repository)


def publish(store: Store, repository: pt.Repository) -> str:
    """Make the repository the location's current code."""
    return store.locations.publish(LOCATION, describe(LOCATION, [repository]), python_version="3.11.7", library_version="0.1.0", start="fork")


@dataclass
class Worker:
    """The worker, played by the test."""

    store: Store
    catalog_hash: str
    held: dict[str, Work] = field(default_factory=dict)

    def take(self, run_id: str) -> Work:
        """Take the run, once it waits."""
        eventually(lambda: run_id in self._claimed(), what=f"{run_id} to wait")
        return self.held[run_id]

    def _claimed(self) -> dict[str, Work]:
        claims = self.store.runs.claim(owner=OWNER, location=LOCATION, limit=100, lease=LEASE, catalog_hash=self.catalog_hash)
        self.held |= {claim.run.id: Work(self.store, claim.run.id, claim.epoch) for claim in claims}
        return self.held


@dataclass
class Work:
    """A claimed run."""

    store: Store
    run_id: str
    epoch: int
    written: int = 0

    def write(self, *events: Event) -> None:
        """Append events in one batch."""
        self.store.events.append(self.run_id, epoch=self.epoch, writer="w", first=self.written + 1, events=events, lease=LEASE)
        self.written += len(events)

    def begin(self, *steps: str) -> None:
        """Plan the run and start its first step."""
        self.write(PlanMade(at=now(), steps=steps), RunStatusChanged(at=now(), status=RunStatus.RUNNING), StepStarted(at=now(), step=steps[0]))

    def say(self, message: str) -> None:
        """Log a line."""
        self.write(LogWritten(at=now(), step="collect", level=LogLevel.INFO, logger="bees", message=message))

    def materialize(self, asset: str, *, partition: str | None = None) -> None:
        """Record a write."""
        self.write(AssetMaterialized(at=now(), step=asset, asset=AssetKey(asset), partition=partition))

    def succeed(self, step: str) -> None:
        """End the step and the run well."""
        self.write(StepSucceeded(at=now(), step=step, duration=0.1), RunStatusChanged(at=now(), status=RunStatus.SUCCEEDED))

    def fail(self, step: str, error: Exception) -> None:
        """End the step and the run with an error."""
        self.write(
            StepFailed(at=now(), step=step, error=PythonError.of(error), duration=0.1),
            RunStatusChanged(at=now(), status=RunStatus.FAILED),
        )

    def do(self, *steps: str) -> None:
        """The whole run at once."""
        self.begin(*steps)
        self.succeed(steps[-1])


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


@dataclass
class ApiProcess:
    """`create_app` under uvicorn in a process that can be killed and started again on its port."""

    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, __file__, str(self.home), str(self.port)]
        tests = str(Path(__file__).parents[1])
        self.process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": tests})
        eventually(lambda: is_answering(self.url, "/healthz"), seconds=30, what="the API to answer")

    def end(self, signum: int = signal.SIGKILL) -> None:
        """End it, without warning unless told otherwise."""
        assert self.process is not None
        self.process.send_signal(signum)
        self.process.wait(timeout=20)


@contextmanager
def serving(home: Path) -> Iterator[ApiProcess]:
    """A running API process over the store in `home`."""
    api = ApiProcess(home=home, port=free_port())
    api.start()
    try:
        yield api
    finally:
        api.end()


def settings_of(home: Path) -> Settings:
    """What the workspace file would say."""
    location = LocationSettings(name=LOCATION, directory=str(home), module="hive")
    return Settings(locations=(location,), storage=StorageSettings(url=url_of(home)), home=home)


def url_of(home: Path) -> str:
    """Where the records are."""
    return f"sqlite:///{home / 'partita.db'}"


def main(arguments: Sequence[str]) -> None:
    """Serve until killed."""
    home, port = Path(arguments[0]), int(arguments[1])
    app = create_app(Store.open(url_of(home)), settings=settings_of(home))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", **SERVER_OPTIONS)


if __name__ == "__main__":
    main(sys.argv[1:])
