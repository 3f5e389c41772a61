"""Evaluations of schedules and sensors in a worker: each in a process of its own, none in the way of another.

A tick is claimed, evaluated, planned and ended; what it asks for is committed with its end. A worker that dies leaves the
tick to be claimed again, and nothing of it was done.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from partita.automation.code import CodeVersion, LocationCode
from partita.automation.timing import Timing
from partita.automation.verdicts import Verdicts, logs_of
from partita.definitions.texts import storable
from partita.errors import LeaseLostError, OperationError, PartitaError
from partita.execution.children import Child, Death
from partita.execution.news import EvaluationDone, ProcessEnded, ProcessReady
from partita.execution.protocol import Assignment
from partita.execution.supervisor import Supervisor
from partita.records.failures import PythonError
from partita.records.verdicts import Verdict
from partita.storage.store import Store
from partita.storage.tick_rows import Outcome, TickClaim

logger = logging.getLogger(__name__)
MAX_AT_ONCE = 8
"""Evaluations under way at once: one that hangs takes one place until its timeout."""
RETRY_STORAGE = 0.5
OUTPUT_KEPT = 16_000
"""Bytes, the last ones, that are kept of what an evaluation printed."""


@dataclass(eq=False, slots=True, kw_only=True)
class HeldTick:
    """A tick that this worker evaluates."""

    claim: TickClaim
    version: CodeVersion
    output: Path
    timeout: float = 0.0
    child: Child | None = None
    """Its process, until the end of that was told."""
    deadline: float | None = None
    linger_until: float | None = None
    """When its process must have ended, after it has said all it had to say."""
    is_overdue: bool = False
    verdict: Verdict | None = None
    outcome: Outcome | None = None
    is_over: bool = False
    """What it came to is written, or is not ours to write any more."""
    write_at: float = 0.0
    renewed_at: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> str:
        """The tick's id."""
        return self.claim.tick.id

    @property
    def is_decided(self) -> bool:
        """True when its process is not needed any more."""
        return self.verdict is not None or self.outcome is not None

    @property
    def label(self) -> str:
        """What errors call it: `Sensor 'new_files'`."""
        automation = self.claim.automation
        return f"{automation.kind.capitalize()} {automation.name!r}"


class Evaluations:
    """The ticks that a worker holds."""

    def __init__(self, verdicts: Verdicts, code: LocationCode, *, store: Store, supervisor: Supervisor, owner: str, timing: Timing) -> None:
        self._verdicts = verdicts
        self._code = code
        self._store = store
        self._supervisor = supervisor
        self._owner = owner
        self._timing = timing
        self._held: dict[str, HeldTick] = {}
        self._has_begun = False
        self._failing: dict[str, str] = {}
        """Schedules and sensors whose last evaluation here has failed, and how."""

    @property
    def is_idle(self) -> bool:
        """True when nothing is under way."""
        return not self._held

    def claim(self, location: str, *, outputs: Path) -> None:
        """Begin what waits to be evaluated, as far as there is room. `outputs`: the directory, of this worker alone, for what is printed.

        Raises:
            OperationError: the database does not answer.
        """
        if not self._has_begun:  # a process of the same name, which is gone, may have left some
            self._store.ticks.give_back(self._owner)
            for left in outputs.glob("*.out"):
                left.unlink(missing_ok=True)
            self._has_begun = True
        version = self._code.current
        assert version is not None
        room = MAX_AT_ONCE - sum(not held.is_decided for held in self._held.values())
        for claim in self._store.ticks.claim(owner=self._owner, location=location, limit=room, lease=self._timing.lease):
            held = HeldTick(claim=claim, version=version, output=outputs / f"{claim.tick.id}.out")
            self._held[held.id] = held
            self._code.use(version, held.id)
            self._begin(held)

    def hear(self, news: ProcessReady | EvaluationDone | ProcessEnded) -> None:
        """Something happened to one of the processes."""
        held = next((each for each in self._held.values() if each.child is news.child), None)
        if held is None:
            return
        match news:
            case ProcessReady():
                held.deadline = time.monotonic() + held.timeout
            case EvaluationDone(verdict=verdict):
                held.deadline, held.linger_until = None, time.monotonic() + self._timing.linger
                held.verdict = verdict
            case ProcessEnded(child=child, death=death):
                held.child = None
                if held.verdict is None and not held.is_over:
                    held.outcome = Outcome(error=_death_error(held, child, death), logs=_tail(held.output))
        self.proceed(time.monotonic())

    def proceed(self, now: float) -> None:
        """Do what time has made due."""
        for held in list(self._held.values()):
            self._watch(held, now)
            while held.is_decided and not held.is_over and now >= held.write_at:
                self._conclude(held)
            if held.is_over and held.child is None:
                self._forget(held)

    def keep(self, now: float) -> None:
        """Renew leases before their time.

        Raises:
            OperationError: the database does not answer.
        """
        old = [held for held in self._held.values() if not held.is_over and now - held.renewed_at >= self._timing.renewal]
        renewed = self._store.ticks.renew([(held.id, held.claim.epoch) for held in old], lease=self._timing.lease)
        for held in old:
            if held.id in renewed:
                held.renewed_at = now
            else:
                self._lose(held, "another holds it, or has ended it")

    def stop(self) -> None:
        """The worker stops: what is not done is left to its successor."""
        for held in self._held.values():
            if not held.is_decided and not held.is_over:
                try:
                    self._store.ticks.release(held.id, held.claim.epoch)
                except OperationError as error:  # then its lease ends
                    logger.warning("a tick could not be given back", extra={"tick_id": held.id, "error": str(error)})
                self._lose(held, "the worker stops")

    def _begin(self, held: HeldTick) -> None:
        try:
            evaluation = self._verdicts.evaluation_of(held.claim, held.version)
        except OperationError as error:
            logger.warning("a tick waits for the database", extra={"tick_id": held.id, "error": str(error)})
            self._lose(held, "what it is to look at cannot be read")  # its lease ends, then it is claimed again
        except Exception as error:
            held.outcome = self._refusal(held, error)
        else:
            if isinstance(evaluation, Outcome):
                held.outcome = evaluation
                return
            zygote = held.version.zygote
            assignment = Assignment(load=zygote.load, marker=f"{held.id}:1", order=evaluation)
            held.timeout = evaluation.timeout
            held.child = self._supervisor.launch(zygote, assignment, output=held.output)

    def _watch(self, held: HeldTick, now: float) -> None:
        if not held.is_over and now - held.renewed_at >= self._timing.surrender:
            self._lose(held, "its lease could not be renewed")
        if held.child is None:
            return
        if held.deadline is not None and now >= held.deadline:
            held.is_overdue, held.deadline = True, None
            self._supervisor.end(held.child, grace=0)
        if held.linger_until is not None and now >= held.linger_until:
            held.linger_until = None
            self._supervisor.end(held.child, grace=0)

    def _conclude(self, held: HeldTick) -> None:
        """Say in the database what it came to; tried again while that does not answer."""
        try:
            if held.outcome is None and held.verdict is not None:
                held.outcome = self._verdicts.outcome_of(held.claim, held.version, held.verdict)
            if held.outcome is not None:
                self._store.ticks.finish(held.claim, held.outcome)
                held.is_over = True
                self._mention(held, held.outcome.error)
        except LeaseLostError as error:
            self._lose(held, str(error))
        except OperationError as error:
            logger.warning("a tick waits for the database", extra={"tick_id": held.id, "error": str(error)})
            held.write_at = time.monotonic() + RETRY_STORAGE
        except Exception as error:  # it asks for what cannot be
            if held.outcome is not None and held.outcome.error is not None:
                logger.exception("a tick cannot be ended", extra={"tick_id": held.id})
                self._lose(held, "not even its failure can be written")
            else:
                held.outcome = self._refusal(held, error)

    def _mention(self, held: HeldTick, error: PythonError | None) -> None:
        """Log that something begins to fail, or fails otherwise, and that it does not any more: not the same every few seconds."""
        automation = held.claim.automation
        before = self._failing.pop(automation.id, None)
        if error is not None:
            self._failing[automation.id] = error.summary
            if error.summary != before:
                logger.warning("a %s is failing", automation.kind, extra={"automation": automation.id, "error": error.summary})
        elif before is not None:
            logger.info("a %s is well again", automation.kind, extra={"automation": automation.id})

    def _refusal(self, held: HeldTick, error: Exception) -> Outcome:
        if isinstance(error, PartitaError):
            error = error.with_traceback(None)  # it says all; where in Partita it was noticed is nothing to its reader
        else:
            logger.error("a tick could not be evaluated", extra={"tick_id": held.id}, exc_info=error)
        return Outcome(error=PythonError.of(error), logs="" if held.verdict is None else logs_of(held.verdict))

    def _lose(self, held: HeldTick, reason: str) -> None:
        """Another may hold it now: end its process at once and write nothing more."""
        logger.warning("a tick was given up", extra={"tick_id": held.id, "reason": reason})
        held.is_over = True
        if held.child is not None:
            self._supervisor.end(held.child, grace=0)

    def _forget(self, held: HeldTick) -> None:
        del self._held[held.id]
        self._code.release(held.version, held.id)
        held.output.unlink(missing_ok=True)


def _death_error(held: HeldTick, child: Child, death: Death) -> PythonError:
    """Why an evaluation failed whose process ended before it said what it came to."""
    if child.error is not None:
        return child.error
    if held.is_overdue:
        message = f"{held.label} ran longer than its timeout of {held.timeout:g} s and was ended."
        return PythonError(class_name="EvaluationTimeoutError", message=message)
    text = str(death)
    message = f"The process of {held.label} {text}." if text.startswith("exited") else f"The process of {held.label} was {text}."
    return PythonError(class_name="ProcessDiedError", message=message)


def _tail(output: Path) -> str:
    """The end of what a process printed."""
    if not output.exists():
        return ""
    with output.open("rb") as printed:
        printed.seek(max(0, output.stat().st_size - OUTPUT_KEPT))
        return storable(printed.read().decode(errors="replace"))
