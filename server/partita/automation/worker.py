"""A worker: works for one code location, claims its runs and sees them through. Imports no user code.

A location may have several workers, on one machine or many. All of them load its code; the one that holds its lease publishes
what it declares, and the others run what they have loaded as long as that is what is published.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from math import ceil

from partita.automation.alerts import AlertStandby
from partita.automation.archiver import Archiver
from partita.automation.code import CodeVersion, LocationCode, Workplace
from partita.automation.evaluations import Evaluations
from partita.automation.held_run import HeldRun
from partita.automation.needs import Needs
from partita.automation.orders import Places
from partita.automation.planned import PlannedRun, plan_run
from partita.automation.run_processes import RunProcesses
from partita.automation.tenancy import Seat, Tenancy
from partita.automation.timing import Timing
from partita.automation.verdicts import Verdicts
from partita.errors import NotFoundError, OperationError
from partita.execution.evaluation import Evaluation
from partita.execution.news import (
    CodeFailed,
    CodeLoaded,
    EvaluationDone,
    FactsArrived,
    ForkRefused,
    News,
    ProcessEnded,
    ProcessReady,
    QuestionAsked,
    ZygoteDied,
)
from partita.execution.supervisor import Supervisor
from partita.records.runs import Run
from partita.storage.bell import Bell
from partita.storage.claims import Claim
from partita.storage.engine import DEADLINE
from partita.storage.leases import location_lease
from partita.storage.store import Store
from partita.workspace.settings import LocationSettings, Settings

logger = logging.getLogger(__name__)
CODE_INTERVAL = 0.1
"""Seconds between looks at the locations: every commit rings the bell, and hardly any is about them."""


def run_worker(
    settings: Settings, location_name: str, *, stop: Callable[[], bool], hurry: Callable[[], bool] = lambda: False, timing: Timing | None = None
) -> None:
    """Work for one code location until `stop` answers True. Call it from the main thread of a process of its own.

    Args:
        settings: the workspace.
        location_name: the location.
        stop: whether the worker is to stop.
        hurry: whether it is not to wait any longer, once it stops, for runs that are under way.
        timing: how long things may take.

    Raises:
        NotFoundError: the workspace has no such location.
        OperationError: as many workers of the location as it says run on this home, or the database cannot be opened.
    """
    location = settings.location(location_name)
    if location is None:
        raise NotFoundError("code location", location_name, [each.name for each in settings.locations])
    timing = timing or Timing.of(os.environ)
    seat = Seat.any_of(settings.home / "workers", location_name, count=location.workers)
    try:
        with Store.open(settings.storage.url, deadline=min(DEADLINE, timing.answer)) as store, store.bell() as bell:
            store.locations.declare([(each.name, each.source) for each in settings.locations])
            supervisor = Supervisor()
            archiver = Archiver.of(settings, store)
            standby = AlertStandby(store, settings.alerts, timing=timing) if settings.alerts else None
            try:
                worker = Worker(settings, location, store=store, supervisor=supervisor, seat=seat, timing=timing)
                if archiver is not None:
                    worker.archive = archiver.add
                worker.work(bell, stop=stop)
                worker.end(hurry=hurry)
            finally:
                supervisor.close()
                if archiver is not None:
                    archiver.close(seconds=timing.stop)
                if standby is not None:
                    standby.close(seconds=timing.stop)
    finally:
        seat.leave()


class Worker:
    """The loop of a worker, and the runs and ticks that it holds."""

    def __init__(self, settings: Settings, location: LocationSettings, *, store: Store, supervisor: Supervisor, seat: Seat, timing: Timing) -> None:
        self._settings = settings
        self._location = location
        self._store = store
        self._supervisor = supervisor
        self._owner = seat.owner
        self._timing = timing
        self._tenancy = Tenancy(store, location_lease(location.name), owner=seat.owner, ttl=timing.lease)
        place = Workplace(settings, location, seat=seat.name, leads=lambda: self._tenancy.is_held)
        self._code = LocationCode(place, store=store, supervisor=supervisor, timing=timing)
        self._outputs = settings.logs_directory / "_ticks" / seat.name
        self._needs = Needs(self._code.workspace_for)
        verdicts = Verdicts(store, self._code.workspace_for)
        self._evaluations = Evaluations(verdicts, self._code, store=store, supervisor=supervisor, owner=seat.owner, timing=timing)
        self._held: dict[str, HeldRun] = {}
        self._versions: dict[str, CodeVersion] = {}
        self._look_at = 0.0
        self._look_at_code_at = 0.0
        self._keep_at = 0.0
        self._listen_at = 0.0
        self._has_begun = False
        self.archive: Callable[[str], object] = lambda _: None
        """Told of each run that has ended here."""
        self._led: int | None = None
        """The epoch under which it has last published the location."""

    def work(self, bell: Bell, *, stop: Callable[[], bool]) -> None:
        """Work until `stop` answers True."""
        while not stop():
            self._turn(self._timing.poll)
            now = time.monotonic()
            if self._has_rung(bell, now) or now >= self._look_at:
                # A look at the locations that came too early is made up for.
                self._look_at = max(now, self._look_at_code_at) if now < self._look_at_code_at else now + self._timing.heal
                self._attempt(self._look)

    def end(self, *, hurry: Callable[[], bool]) -> None:
        """Let runs under way go on for a while, claim nothing any more, and end what is left."""
        give_up_at = time.monotonic() + self._timing.drain
        if self._held and self._timing.drain:
            facts = {"location": self._location.name, "runs": len(self._held), "seconds": self._timing.drain}
            logger.info("the worker stops when its runs have ended", extra=facts)
        while self._held and not hurry() and time.monotonic() < give_up_at:
            self._turn(self._timing.poll)
            if time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + CODE_INTERVAL
                self._attempt(self._cancel_requested)
        self._stop()

    def _turn(self, timeout: float) -> None:
        """Hear what happened, and do what that and time have made due."""
        for news in self._supervisor.wait(timeout):
            self._hear(news)
        now = time.monotonic()
        if now >= self._keep_at:
            self._keep_at = now + self._timing.renewal / 4
            self._attempt(self._keep)
        if self._has_begun:
            self._code.proceed(now)
        self._evaluations.proceed(now)
        for held in list(self._held.values()):
            held.proceed()
            if held.is_done:
                self._forget(held)

    def _hear(self, news: News) -> None:
        match news:
            case CodeLoaded() | CodeFailed() | ZygoteDied() | ForkRefused():
                self._code.hear(news)
                self._look_at = 0.0
            case EvaluationDone():
                self._evaluations.hear(news)
            case ProcessReady(child=child) | FactsArrived(child=child) | QuestionAsked(child=child) | ProcessEnded(child=child):
                order = child.assignment.order
                if not isinstance(order, Evaluation):
                    if (held := self._held.get(order.run_id)) is not None:
                        held.hear(news)
                elif isinstance(news, ProcessReady | ProcessEnded):
                    self._evaluations.hear(news)
                    self._look_at = 0.0  # there is room for another

    def _keep(self) -> None:
        """Renew what is held before its time."""
        now = time.monotonic()
        leads = self._tenancy.keep(now)
        if not self._has_begun or (leads and self._tenancy.epoch != self._led):
            self._has_begun, self._led = True, self._tenancy.epoch
            self._code.begin()
        self._evaluations.keep(now)
        old = [held for held in self._held.values() if now - held.renewed_at >= self._timing.renewal]
        if not old:
            return
        renewed = self._store.runs.renew([(held.id, held.epoch) for held in old], lease=self._timing.lease)
        for held in old:
            if held.id in renewed:
                held.note_renewal(now)
            elif not held.is_done:
                held.lose("another holds it, or has ended it")

    def _look(self) -> None:
        """Find out what is wanted: loads, cancellations, runs."""
        if not self._has_begun:
            return
        if (now := time.monotonic()) >= self._look_at_code_at:
            self._look_at_code_at = now + CODE_INTERVAL
            self._code.look()
        self._cancel_requested()
        if self._code.can_run:
            self._claim()
            self._evaluations.claim(self._location.name, outputs=self._outputs)

    def _cancel_requested(self) -> None:
        if self._held:
            for run_id, is_forced in self._store.runs.cancel_requests(list(self._held)).items():
                self._held[run_id].cancel(is_forced=is_forced)

    def _claim(self) -> None:
        version = self._code.current
        assert version is not None
        # its share: the first to look would else take all, and the others nothing
        most = ceil(self._settings.runs.max_concurrent / self._location.workers)
        claims = self._store.runs.claim(
            owner=self._owner,
            location=self._location.name,
            limit=most - len(self._held),
            limits=self._settings.limits,
            pools_of=self._needs.of(version),
            lease=self._timing.lease,
            catalog_hash=version.hash,
        )
        held = [self._hold(claim, version) for claim in claims]
        for run in held:  # all leases count from the claim: none must wait until the others are planned
            run.plan(lambda record: self._plan(record, version))
            run.proceed()

    def _hold(self, claim: Claim, version: CodeVersion) -> HeldRun:
        logger.info("a run was claimed", extra={"run_id": claim.run.id, "epoch": claim.epoch})
        settings = self._settings
        places = Places(values=settings.values_directory, logs=settings.logs_directory, max_output=settings.runs.max_output)
        processes = RunProcesses(self._supervisor, version)
        held = HeldRun(self._store, claim, processes=processes, places=places, timing=self._timing)
        self._held[held.id], self._versions[held.id] = held, version
        self._code.use(version, held.id)
        return held

    def _plan(self, run: Run, version: CodeVersion) -> PlannedRun:
        workspace = self._code.workspace_for(version)
        return plan_run(run, store=self._store, catalog=version.catalog, workspace=workspace, now=datetime.now(UTC))

    def _forget(self, held: HeldRun) -> None:
        del self._held[held.id]
        if (end := held.end) is not None:
            why = {} if end.error is None else {"error": end.error.summary}
            logger.info("a run has ended", extra={"run_id": held.id, "status": end.status.value, **why})
        self.archive(held.id)
        self._code.release(self._versions.pop(held.id), held.id)
        self._look_at = 0.0  # there is room for another

    def _stop(self) -> None:
        """End what is under way: nothing is claimed any more, and what has begun fails because the worker stopped."""
        self._evaluations.stop()
        for held in self._held.values():
            held.stop(grace=self._timing.stop)
        give_up_at = time.monotonic() + self._timing.stop + self._timing.cancel
        while (self._held or not self._evaluations.is_idle) and time.monotonic() < give_up_at:
            self._turn(self._timing.poll)
        with suppress(OperationError):  # the lease ends by itself
            self._tenancy.end()

    def _has_rung(self, bell: Bell, now: float) -> bool:
        if now < self._listen_at:
            return False
        try:
            return bell.poll()
        except OperationError as error:
            logger.warning("the bell is broken", extra={"error": str(error)})
            self._listen_at = now + self._timing.heal
            return False

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except OperationError as error:
            logger.warning("the database does not answer", extra={"location": self._location.name, "error": str(error)})
