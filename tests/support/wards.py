"""A supervisor with one code location, driven by the test itself: no worker, no database."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal

from partita.definitions.keys import AssetKey
from partita.execution.children import Child, Death
from partita.execution.news import CodeFailed, CodeLoaded, FactsArrived, News, ProcessEnded, ProcessReady, ZygoteDied
from partita.execution.protocol import Assignment, Order
from partita.execution.supervisor import Supervisor
from partita.execution.zygote_link import ZygoteLink
from partita.planning.build import build_plan
from partita.records.events import Event, LogWritten
from partita.records.failures import PythonError
from partita.records.locations import LocationCatalog
from partita.records.runs import RunRequest
from partita.workspace.settings import LocationSettings
from support.sites import PREAMBLE
from support.waiting import eventually

_numbers = itertools.count(1)


@dataclass(eq=False)
class Ward:
    """The processes of one test."""

    folder: Path
    supervisor: Supervisor
    news: list[News] = field(default_factory=list)

    def write(self, source: str, *, name: str = "main") -> LocationSettings:
        """A location whose module has this text."""
        (self.folder / "scratch").mkdir(exist_ok=True)
        (self.folder / f"{name}.py").write_text(PREAMBLE + dedent(source))
        return LocationSettings(name=name, directory=str(self.folder), file=str(self.folder / f"{name}.py"))

    def begin(self, location: LocationSettings, *, limit: float = 30) -> ZygoteLink:
        """Start a zygote."""
        return self.supervisor.load(location, output=self.folder / "zygote.out", limit=limit)

    def load(self, source: str, *, name: str = "main", start: Literal["fork", "spawn"] = "fork") -> ZygoteLink:
        """A zygote that has loaded a module."""
        location = self.write(source, name=name)
        zygote = self.begin(LocationSettings(name=name, directory=location.directory, file=location.file, start=start))
        self.until(lambda: self.loaded(zygote) or self.failed(zygote), what="the code to load")
        assert self.loaded(zygote), self.failed(zygote)
        return zygote

    def loaded(self, zygote: ZygoteLink) -> LocationCatalog | None:
        """What a zygote has loaded."""
        return next((news.loaded.catalog for news in self.news if isinstance(news, CodeLoaded) and news.zygote is zygote), None)

    def failed(self, zygote: ZygoteLink) -> PythonError | None:
        """Why a zygote could not load."""
        return next((news.error for news in self.news if isinstance(news, CodeFailed) and news.zygote is zygote), None)

    def died(self, zygote: ZygoteLink) -> Death | None:
        """How a zygote that served has died."""
        return next((news.death for news in self.news if isinstance(news, ZygoteDied) and news.zygote is zygote), None)

    def start(self, zygote: ZygoteLink, asset: str, *, env: dict[str, str] | None = None) -> Child:
        """A process for one asset."""
        assert zygote.loaded is not None
        [repository] = zygote.loaded.catalog.repositories
        request = RunRequest(location=repository.name, repository=repository.name, assets=(AssetKey(asset),))
        number = f"{os.getpid()}_{next(_numbers)}"
        order = Order(
            run_id=f"run_{number}",
            job=None,
            repository=repository.name,
            location=repository.name,
            plan=build_plan(repository, request, now=datetime.now(UTC)),
            steps={asset: 1},
            values_url=str(self.folder / "values"),
            logs_directory=str(self.folder / "logs"),
            env=env or {},
        )
        assignment = Assignment(load=zygote.load, marker=f"run_{number}:1", order=order)
        return self.supervisor.launch(zygote, assignment, output=self.folder / "logs" / f"_process.{number}.out")

    def run(self, zygote: ZygoteLink, asset: str, **more: Any) -> Child:
        """The same, when it has ended."""
        child = self.start(zygote, asset, **more)
        self.end_of(child)
        return child

    def ready(self, child: Child) -> Child:
        """The process, once it lives."""
        self.until(lambda: any(isinstance(news, ProcessReady) and news.child is child for news in self.news), what="the process to start")
        return child

    def end_of(self, child: Child, *, seconds: float = 20) -> Death:
        """How the process ended, once it has."""

        def death() -> Death | None:
            return next((news.death for news in self.news if isinstance(news, ProcessEnded) and news.child is child), None)

        found: Death = self.until(death, seconds=seconds, what=f"the end of {child}")
        return found

    def events(self, child: Child) -> list[Event]:
        """What a process has told so far."""
        return [event for news in self.news if isinstance(news, FactsArrived) and news.child is child for event in news.events]

    def messages(self, child: Child) -> list[str]:
        """What it has logged so far."""
        return [event.message for event in self.events(child) if isinstance(event, LogWritten)]

    def noted(self, name: str) -> Path:
        """The note of a step, once it is there."""
        path = self.folder / "scratch" / name
        self.until(path.exists, what=f"the note {name}")
        return path

    def until(self, condition: Callable[[], Any], *, seconds: float = 20, what: str = "the condition") -> Any:
        """Let the supervisor work until a condition holds."""

        def turn() -> Any:
            self.news += self.supervisor.wait(0.02)
            return condition()

        return eventually(turn, seconds=seconds, what=what)


@contextmanager
def a_ward(folder: Path) -> Iterator[Ward]:
    """A supervisor; everything that it has started is gone afterwards."""
    ward = Ward(folder, Supervisor())
    try:
        yield ward
    finally:
        ward.supervisor.close()
