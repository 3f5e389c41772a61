"""A run that this worker has claimed: its lease, its log and its processes, whatever goes wrong with either of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from partita.automation.active_run import ActiveRun
from partita.automation.orders import Places
from partita.automation.planned import PlannedRun
from partita.automation.run_log import RunLog
from partita.automation.run_processes import RunProcesses
from partita.automation.timing import Timing
from partita.definitions.keys import AssetKey
from partita.errors import AlreadyFinishedError, ConflictError, LeaseLostError, OperationError, PartitaError, StorageUnavailableError
from partita.execution.children import Child
from partita.execution.news import FactsArrived, ProcessEnded, ProcessReady, QuestionAsked
from partita.execution.protocol import Answer, Asks
from partita.records.events import Event, RunStatusChanged, StepCanceled, StepFailed
from partita.records.failures import PythonError
from partita.records.runs import Run, RunStatus, StepStatus
from partita.storage.claims import Claim
from partita.storage.store import Store

logger = logging.getLogger(__name__)
RETRY_STORAGE = 0.2
"""Seconds until a database that did not answer is asked again."""


class HeldRun:
    """One claim, from the moment it was made to the moment nothing of it is left."""

    def __init__(self, store: Store, claim: Claim, *, processes: RunProcesses, places: Places, timing: Timing) -> None:
        self.id = claim.run.id
        self.epoch = claim.epoch
        self._store = store
        self._claim = claim
        self._processes = processes
        self._places = places
        self._timing = timing
        self._log = RunLog(store, claim, timing=timing)
        self._active: ActiveRun | None = None
        self._broken: PythonError | None = None
        """A mistake of ours that ends the run."""
        self._is_over = False
        """Its last event is in the log."""
        self._is_lost = False

    @property
    def is_done(self) -> bool:
        """True when the worker can forget it."""
        return not self._processes.children and (self._is_lost or (self._is_over and self._log.is_empty))

    @property
    def renewed_at(self) -> float:
        """When its lease was last known to be renewed, by the monotonic clock."""
        return self._log.renewed_at

    @property
    def end(self) -> RunStatusChanged | None:
        """How it has ended, if that is written."""
        last = self._log.last
        return last if isinstance(last, RunStatusChanged) and last.status.is_finished else None

    def note_renewal(self, at: float) -> None:
        """Its lease was renewed without writing events."""
        self._log.renewed_at = max(self._log.renewed_at, at)

    def plan(self, make: Callable[[Run], PlannedRun]) -> None:
        """Plan it and begin; when it cannot be planned, it fails and says why."""
        try:
            planned = make(self._claim.run)
        except StorageUnavailableError:
            self.release()
        except PartitaError as error:
            self._refuse(PythonError.of(error))
        except Exception as error:
            logger.exception("a run could not be planned", extra={"run_id": self.id})
            self._refuse(PythonError.of(error))
        else:
            self._active = ActiveRun(planned, log=self._log, processes=self._processes, places=self._places, timing=self._timing)
            self._guard(self._active.begin)
            self._flush()

    def hear(self, news: ProcessReady | FactsArrived | QuestionAsked | ProcessEnded) -> None:
        """Something happened to one of its processes."""
        if isinstance(news, ProcessEnded):
            self._processes.forget(news.child)
        active = self._active
        if active is None or self._is_lost:
            return
        match news:
            case ProcessReady(child=child):
                self._guard(lambda: active.hear_ready(child))
            case FactsArrived(child=child, events=events):
                self._guard(lambda: active.hear_facts(child, events))
            case QuestionAsked(child=child, question=question):
                self._answer(child, question)
            case ProcessEnded(child=child, death=death):
                self._guard(lambda: active.hear_end(child, death))

    def cancel(self, *, is_forced: bool) -> None:
        """Somebody asked for its end."""
        if self._active is not None and not self._is_lost:
            self._active.cancel(is_forced=is_forced)

    def stop(self, *, grace: float) -> None:
        """The worker stops."""
        if self._active is not None and not self._is_lost:
            self._active.stop(grace=grace)

    def release(self) -> None:
        """Give it back to the queue; nothing of it has begun."""
        try:
            self._store.runs.release(self.id, self.epoch)
        except (OperationError, ConflictError) as error:  # then its lease ends, which a daemon notices
            logger.warning("a run could not be given back", extra={"run_id": self.id, "error": str(error)})
        self._is_lost = True

    def lose(self, reason: str) -> None:
        """Another may hold it now: end its processes at once and write nothing more."""
        if not self._is_lost:
            logger.warning("a run was given up", extra={"run_id": self.id, "reason": reason})
        self._is_lost = True
        self._log.discard()
        self._processes.kill()

    def proceed(self) -> None:
        """Do what time or news have made due."""
        if self._is_lost:
            return
        now = time.monotonic()
        if now - self.renewed_at >= self._timing.surrender:
            self.lose("its lease could not be renewed")
            return
        if self._log.is_due(now):
            # What comes next begins after what came before is written.
            self._flush()
        if self._active is not None and not self._is_lost:
            self._guard(self._active.proceed)
            self._is_over = self._active is not None and self._active.is_over
        elif self._broken is not None and not self._is_over and not self._processes.children:
            self._end_broken(self._broken)
        if self._log.is_due(now):
            self._flush()
        self._processes.listen(not self._log.is_full)

    def _guard(self, act: Callable[[], None]) -> None:
        """A mistake of ours, or a process that tells nonsense, ends this run and no other."""
        try:
            act()
        except Exception as error:
            logger.exception("a run cannot go on", extra={"run_id": self.id})
            self._break(PythonError.of(error))

    def _flush(self) -> None:
        try:
            self._log.flush()
        except (LeaseLostError, AlreadyFinishedError) as error:
            self.lose(str(error))
        except ConflictError:  # it was to be running, but somebody asked for its end before
            self._log.discard()
            self._active = None
            self._tell_last([RunStatusChanged(at=datetime.now(UTC), status=RunStatus.CANCELED)])
        except OperationError as error:
            logger.warning("events wait for the database", extra={"run_id": self.id, "error": str(error)})
            self._log.postpone(time.monotonic() + RETRY_STORAGE)
        except Exception as error:
            logger.exception("events of a run cannot be written", extra={"run_id": self.id})
            if self._broken is not None:
                self.lose(f"not even its failure can be written: {error}")
            else:
                self._break(PythonError.of(error))

    def _answer(self, child: Child, asked: Asks) -> None:
        self._flush()  # what this run has told before counts
        if self._is_lost:
            return
        try:
            found = self._store.assets.latest(AssetKey(asked.asset), asked.partition)
            answer = Answer(number=asked.number, materialization=found)
        except PartitaError as error:
            answer = Answer(number=asked.number, error=str(error))
        self._processes.answer(child, answer)

    def _break(self, error: PythonError) -> None:
        self._broken, self._active = error, None
        self._log.discard()
        self._processes.kill()

    def _refuse(self, error: PythonError) -> None:
        self._tell_last([RunStatusChanged(at=datetime.now(UTC), status=RunStatus.FAILED, error=error)])
        self._flush()

    def _end_broken(self, error: PythonError) -> None:
        now = datetime.now(UTC)
        try:
            steps = [step for step in self._store.runs.steps([self.id])[self.id] if not step.status.is_finished]
        except OperationError as problem:
            logger.warning("steps cannot be read", extra={"run_id": self.id, "error": str(problem)})
            return  # asked again the next time
        ends: list[Event] = [
            StepFailed(at=now, step=step.key, attempt=step.attempt, error=error, duration=0.0)
            if step.status is StepStatus.RUNNING
            else StepCanceled(at=now, step=step.key, attempt=max(1, step.attempt))
            for step in steps
        ]
        self._tell_last([*ends, RunStatusChanged(at=now, status=RunStatus.FAILED, error=error)])

    def _tell_last(self, events: list[Event]) -> None:
        self._log.add(events)
        self._is_over = True
