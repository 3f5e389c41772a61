"""The code of one location in this worker: loading it, loading it again, and keeping old versions for runs in flight."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from partita.automation.published import PublishedCatalogs
from partita.automation.timing import Timing
from partita.errors import OperationError
from partita.execution.news import CodeFailed, CodeLoaded, ForkRefused, ZygoteDied
from partita.execution.protocol import Loaded
from partita.execution.supervisor import Supervisor
from partita.execution.zygote_link import ZygoteLink, ZygoteStage
from partita.records.codec import hash_catalog
from partita.records.failures import PythonError
from partita.records.locations import LocationCatalog
from partita.storage.store import Store
from partita.workspace.catalog import Catalog
from partita.workspace.settings import LocationSettings, Settings

logger = logging.getLogger(__name__)
FIRST_RETRY, LAST_RETRY = 1.0, 60.0
"""Seconds until code that did not load is loaded again; doubled each time."""
STABLE = 10.0
"""Seconds that a zygote must have lived to be replaced at once when it dies again."""
RETRY_STORAGE = 0.5


@dataclass(eq=False, slots=True, kw_only=True)
class CodeVersion:
    """One version of the location's code, as it was loaded."""

    zygote: ZygoteLink
    catalog: LocationCatalog
    hash: str
    users: set[str] = field(default_factory=set)
    """Ids of the runs that were planned under it."""
    is_recovering: bool = False
    """Its zygote died, and another loads in its place."""

    @property
    def is_alive(self) -> bool:
        """False when its zygote is gone: new processes import whatever the code is by now."""
        return self.zygote.stage is ZygoteStage.SERVING


class Workplace(NamedTuple):
    """Whose code a worker loads, and as which of the location's workers."""

    settings: Settings
    location: LocationSettings
    seat: str
    """What tells it from the other workers of the location on this machine."""
    leads: Callable[[], bool]
    """Whether it is the one that publishes what the location declares."""


class LocationCode:
    """Loads a location's code, publishes what it declares, and knows which version new runs are planned under."""

    def __init__(self, place: Workplace, *, store: Store, supervisor: Supervisor, timing: Timing) -> None:
        settings, location = place.settings, place.location
        self._location = location
        self._leads = place.leads
        self._published_hash: str | None = None
        """Of a worker that does not lead: what the location declares, as it has last seen it published."""
        self._store = store
        self._supervisor = supervisor
        self._timing = timing
        self._output = settings.logs_directory / "_locations" / f"{place.seat}.out"
        self._published = PublishedCatalogs(settings, store, own=location.name)
        self._loading: ZygoteLink | None = None
        self._is_slow = False
        """Whether it was said that loading takes long: once for each time that somebody asked for it."""
        self._old: set[CodeVersion] = set()
        self._unsaid: Callable[[], None] | None = None
        self._say_at = 0.0
        self._retry_at: float | None = None
        self._retry_delay = FIRST_RETRY
        self._quick_deaths = 0
        self._served_since = 0.0
        self._error: PythonError | None = None
        self._others_at_conflict: dict[str, str] | None = None
        self.current: CodeVersion | None = None
        """The newest version that was published; None until the first one is."""

    @property
    def can_run(self) -> bool:
        """Whether runs may be claimed."""
        if self.current is None or not self.current.is_alive:
            return False
        return self._leads() or self.current.hash == self._published_hash

    def workspace_for(self, version: CodeVersion) -> Catalog:
        """The catalog of the workspace that a run of this version is planned with."""
        return self._published.with_own(version.catalog)

    def begin(self) -> None:
        """Load the code, because the worker starts or somebody asked for it; a load under way is given up."""
        self._retry_delay, self._quick_deaths, self._error = FIRST_RETRY, 0, None
        self._others_at_conflict, self._is_slow = None, False
        if self._leads():
            self._say(partial(self._store.locations.loading, self._location.name))
        self._load()

    def look(self) -> None:
        """Follow what the database says: requests to load again, and what other locations define.

        Raises:
            OperationError: the database does not answer.
        """
        if not self._leads():
            self._follow()
            return
        if self._store.locations.get(self._location.name).reload_requested_at is not None:
            self.begin()
            return
        others = self._published.hashes_of_others()
        if self._others_at_conflict is not None:
            if self._others_at_conflict != others:
                self.begin()
        elif self.current is not None and self._loading is None and (problem := self._conflict(self.current.catalog)):
            self._others_at_conflict = others
            self._fail(problem)

    def _follow(self) -> None:
        """Load again what another worker has published since."""
        published = self._store.locations.current().get(self._location.name)
        if published == self._published_hash:
            return
        self._published_hash = published
        if self.current is not None and self._loading is None and self.current.hash != published:
            self.begin()

    def proceed(self, now: float) -> None:
        """Do what time has made due."""
        if self._unsaid is not None and now >= self._say_at:
            self._speak()
        if self._loading is not None and not self._is_slow and self._loading.deadline - now <= self._timing.load - self._timing.slow_load:
            self._tell_slow()
        if self._retry_at is not None and now >= self._retry_at:
            self._load()

    def hear(self, news: CodeLoaded | CodeFailed | ZygoteDied | ForkRefused) -> None:
        """Something happened to one of the location's zygotes."""
        match news:
            case CodeLoaded(zygote=zygote, loaded=loaded) if zygote is self._loading:
                self._loading = None
                self._say(partial(self._publish, zygote, loaded))
            case CodeLoaded(zygote=zygote):
                self._supervisor.retire(zygote)
            case CodeFailed(zygote=zygote, error=error) if zygote is self._loading:
                self._loading = None
                self._give_up_recovery()
                self._fail(error)
                self._retry_later()
            case ZygoteDied(zygote=zygote, death=death):
                logger.warning("a zygote died", extra={"location": self._location.name, "death": str(death)})
                if self.current is not None and self.current.zygote is zygote and self._loading is None:
                    self._recover()
            case ForkRefused(zygote=zygote, reason=reason):
                logger.warning("processes are spawned from now on", extra={"location": self._location.name, "reason": reason})
                if self.current is not None and self.current.zygote is zygote and zygote.loaded is not None and self._unsaid is None:
                    self._say(partial(self._tell_published, zygote, zygote.loaded))
            case _:
                pass  # a zygote that was given up before

    def use(self, version: CodeVersion, run_id: str) -> None:
        """A run is planned under a version, which must stay until the run is done."""
        version.users.add(run_id)

    def release(self, version: CodeVersion, run_id: str) -> None:
        """The run is done."""
        version.users.discard(run_id)
        self._retire_unused()

    def _load(self) -> None:
        self._retry_at = None
        if self._loading is not None:
            self._supervisor.retire(self._loading)
        self._output.parent.mkdir(parents=True, exist_ok=True)
        self._output.unlink(missing_ok=True)
        try:
            self._loading = self._supervisor.load(self._location, output=self._output, limit=self._timing.load)
        except OSError as error:
            self._loading = None
            python = self._location.python or "the interpreter"
            message = f"Code location {self._location.name!r}: {python} cannot be started: {error.strerror}."
            self._give_up_recovery()
            self._fail(PythonError(class_name="WorkspaceError", message=message))
            self._retry_later()

    def _tell_slow(self) -> None:
        self._is_slow = True
        code = self._location.file or self._location.module
        facts = {"location": self._location.name, "code": code, "seconds": self._timing.slow_load, "gives_up_after": self._timing.load}
        logger.info("the code is still being imported", extra=facts)

    def _publish(self, zygote: ZygoteLink, loaded: Loaded) -> None:
        if zygote.stage is not ZygoteStage.SERVING:
            self._unsaid = None
            self._load()  # it died while the database did not answer
            return
        if not self._leads():
            self._unsaid = None
            self._take_unpublished(zygote, loaded)
            return
        if self._store.locations.get(self._location.name).reload_requested_at is not None:
            self._supervisor.retire(zygote)  # publishing would answer a request that came after this load had begun
            self.begin()
            return
        if problem := self._conflict(loaded.catalog):
            self._others_at_conflict = self._published.hashes_of_others()
            self._supervisor.retire(zygote)
            self._give_up_recovery()
            self._tell_failed(problem)
            return
        self._tell_published(zygote, loaded)
        self._take(CodeVersion(zygote=zygote, catalog=loaded.catalog, hash=hash_catalog(loaded.catalog)))

    def _take_unpublished(self, zygote: ZygoteLink, loaded: Loaded) -> None:
        """Use what another worker publishes; what differs from that waits until it has caught up."""
        self._published_hash = self._store.locations.current().get(self._location.name)
        fresh = CodeVersion(zygote=zygote, catalog=loaded.catalog, hash=hash_catalog(loaded.catalog))
        self._take(fresh)
        if self._published_hash is not None and fresh.hash != self._published_hash:
            logger.warning("the code differs from what is published; no runs are taken", extra={"location": self._location.name})
            self._retry_later()

    def _take(self, fresh: CodeVersion) -> None:
        versions = [*self._old, *([self.current] if self.current is not None else [])]
        for version in versions:
            if not version.is_alive and version.hash == fresh.hash:
                version.zygote = fresh.zygote  # its own died: this one declares the same
        if self.current is not None:
            self._old.add(self.current)
        self.current, self._served_since = fresh, time.monotonic()
        self._others_at_conflict, self._error, self._retry_delay = None, None, FIRST_RETRY
        self._give_up_recovery()
        self._retire_unused()

    def _retire_unused(self) -> None:
        unused = {version for version in self._old if not version.users}
        self._old -= unused
        kept = {version.zygote for version in self._old}
        if self.current is not None:
            kept.add(self.current.zygote)
        for version in unused:
            if version.zygote not in kept:
                self._supervisor.retire(version.zygote)

    def _recover(self) -> None:
        """The zygote that new runs need has died: load again, at once unless it keeps dying."""
        assert self.current is not None
        self._quick_deaths = 0 if time.monotonic() - self._served_since >= STABLE else self._quick_deaths + 1
        if self._quick_deaths > 1:
            self._retry_at = time.monotonic() + min(LAST_RETRY, FIRST_RETRY * 2 ** (self._quick_deaths - 2))
            return
        for version in (self.current, *self._old):
            version.is_recovering = not version.is_alive
        self._load()

    def _give_up_recovery(self) -> None:
        """Runs in flight whose zygote is gone go on with spawned processes."""
        for version in (*self._old, *([self.current] if self.current is not None else [])):
            version.is_recovering = False

    def _retry_later(self) -> None:
        self._retry_at = time.monotonic() + self._retry_delay
        self._retry_delay = min(LAST_RETRY, self._retry_delay * 2)

    def _conflict(self, catalog: LocationCatalog) -> PythonError | None:
        lines = self._published.with_own(catalog).conflicts.get(self._location.name, ())
        return PythonError(class_name="WorkspaceError", message="\n".join(lines)) if lines else None

    def _fail(self, error: PythonError) -> None:
        if error != self._error:  # loading again by ourselves and failing again is no news
            self._error = error
            self._say(partial(self._tell_failed, error))

    def _tell_failed(self, error: PythonError) -> None:
        self._error = error
        if not self._leads():
            logger.warning("the code does not load", extra={"location": self._location.name, "error": error.summary})
            return
        self._store.locations.fail(self._location.name, error)

    def _tell_published(self, zygote: ZygoteLink, loaded: Loaded) -> None:
        self._published_hash = hash_catalog(loaded.catalog)
        self._store.locations.publish(
            self._location.name,
            loaded.catalog,
            python_version=loaded.python_version,
            library_version=loaded.library_version,
            start=zygote.start,
        )

    def _say(self, act: Callable[[], None]) -> None:
        """Tell the database something; what it could not be told is tried again, unless something newer is to be said."""
        self._unsaid = act
        self._speak()

    def _speak(self) -> None:
        act = self._unsaid
        assert act is not None
        try:
            act()
        except OperationError as error:
            logger.warning("the state of a location waits for the database", extra={"location": self._location.name, "error": str(error)})
            self._say_at = time.monotonic() + RETRY_STORAGE
        else:
            if self._unsaid is act:
                self._unsaid = None
