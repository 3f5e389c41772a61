"""Steps on the workers of a Dask cluster. The process of the run starts them and takes in what they tell.

Dask places steps and notices when a worker is gone; what a step does and what becomes of it is told by its own facts. Values go
through IO managers, never through Dask, and a step is tried again only as its own policy says.
"""

from __future__ import annotations

import os
import queue
import random
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from partita.definitions.policies import to_amount
from partita.errors import ExecutionError, PartitaError
from partita.execution.executors.in_process import Ended, InProcess
from partita.execution.executors.remote import RemoteOutcome, RemoteTask, Told, declared_by, run_remotely
from partita.execution.extras import needed
from partita.execution.scope import RunScope
from partita.execution.step import Outcome
from partita.planning.plan import Produced, Step
from partita.planning.portion import portion_of, sources_of
from partita.planning.retry import retry_delay
from partita.planning.walk import Walk
from partita.records.codec import decode, encode
from partita.records.events import StepCanceled, StepFailed, StepStarted
from partita.records.failures import PythonError
from partita.workspace.settings import LocationSettings

CONNECT = 10.0
"""Seconds to reach the scheduler."""
LAST_WORDS = 10.0
"""Seconds between the end of a task and the last fact that it has told."""
STOPPING = 5.0
"""Seconds that cancelled tasks have to tell what became of them."""


@dataclass(slots=True)
class _Flight:
    """An attempt under way."""

    step: Step
    attempt: int
    future: Any
    heard: int = 0
    has_started: bool = False
    is_lost: bool = False
    """Its worker died, and Dask has begun it a second time."""
    all_heard: threading.Condition = field(default_factory=threading.Condition)


class Dask(InProcess):
    """Runs steps of a plan on a Dask cluster.

    Args:
        scope: the run that they belong to.
        location: where its code is, on every machine.

    Raises:
        ExecutionError: Dask is not installed, or the scheduler cannot be reached.
    """

    def __init__(self, scope: RunScope, *, location: LocationSettings) -> None:
        super().__init__(scope, has_async=False)
        spec = scope.order.plan.executor
        distributed = needed("distributed", extra="dask", who=f"pt.dask({spec.address!r})")
        try:
            self._client = distributed.Client(spec.address, timeout=CONNECT, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ExecutionError(f"The Dask scheduler at {spec.address} cannot be reached: {error}") from error
        self._location = location
        self._declared = declared_by(scope.repository)
        self._topic = f"partita-{scope.order.run_id}-{os.urandom(4).hex()}"
        self._flights: dict[str, _Flight] = {}
        self._over: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._client.subscribe_topic(self._topic, self._hear)

    @property
    def is_idle(self) -> bool:
        """True when nothing that was started is still to end."""
        return super().is_idle and not self._flights

    def choose(self, walk: Walk) -> Sequence[Step]:
        """The steps to start now: as many as the cluster has threads for, or as are wanted at once."""
        width = self._scope.order.plan.executor.max_concurrent or max(1, sum(self._client.nthreads().values()))
        room = width - len(self._flights)
        return walk.ready(room) if room > 0 else ()

    def start(self, step: Step, *, attempt: int) -> None:
        """Begin an attempt."""
        resources = {name: to_amount(amount) or 0.0 for name, amount in step.requires}
        if problem := self._unsatisfied(resources):
            self._fail(step, attempt, PythonError(class_name="ExecutionError", message=problem), has_started=False)
            return
        task = RemoteTask(order=self._order(step, attempt), location=self._location, declared=self._declared, topic=self._topic)
        key = f"{self._topic}-{step.key}-{attempt}"
        future = self._client.submit(run_remotely, encode(task), key=key, pure=False, retries=0, resources=resources or None)
        self._flights[step.key] = _Flight(step, attempt, future)
        future.add_done_callback(lambda _future, key=step.key: self._over.put(key))

    def finished(self, timeout: float | None) -> list[Ended]:
        """What has ended since the last time; waits up to `timeout` seconds for something to end."""
        with suppress(queue.Empty):
            key = self._over.get_nowait() if self._ended else self._over.get(timeout=timeout)
            while True:
                if (flight := self._flights.get(key)) is not None:
                    self._land(flight)  # its last facts may still come
                    del self._flights[key]
                key = self._over.get_nowait()
        ended, self._ended = self._ended, []
        return ended

    def stop(self) -> None:
        """Cancel what is under way; the tasks are interrupted where they run."""
        flights, self._flights = list(self._flights.values()), {}
        self._client.cancel([flight.future for flight in flights], force=True)
        for flight in flights:
            self._scope.tell(StepCanceled(at=datetime.now(UTC), step=flight.step.key, attempt=flight.attempt))

    def close(self) -> None:
        """Nothing more will be started."""
        self._client.close(timeout=STOPPING)

    def _order(self, step: Step, attempt: int) -> Any:
        order, sources = self._scope.order, sources_of(step)
        produced = tuple(Produced(*each) for each in sorted(self._scope.outputs) if each[0] in sources)
        plan = portion_of(order.plan, [step])
        return msgspec.structs.replace(order, plan=plan, steps={step.key: attempt}, produced=produced)

    def _unsatisfied(self, resources: dict[str, float]) -> str | None:
        """Why no worker of the cluster can execute a step: Dask would wait for one without a word."""
        if not resources:
            return None
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        for worker in workers:
            has = worker.get("resources", {})
            if all(has.get(name, 0) >= amount for name, amount in resources.items()):
                return None
        wanted = ", ".join(f"{name}={amount:g}" for name, amount in resources.items())
        return f"No worker of the Dask cluster at {self._scope.order.plan.executor.address} provides {wanted}. Start one with --resources."

    def _hear(self, event: tuple[Any, bytes]) -> None:
        """A fact has come; in the thread of Dask's client."""
        told = decode(event[1], Told)
        flight = self._flights.get(told.step)
        if flight is None or flight.attempt != told.attempt or flight.is_lost:
            return
        if isinstance(told.event, StepStarted) and flight.has_started:
            flight.is_lost = True  # Dask executes what it has lost again, be it that half of it was done
            self._over.put(told.step)
            return
        flight.has_started = flight.has_started or isinstance(told.event, StepStarted)
        self._scope.tell(told.event)
        with flight.all_heard:
            flight.heard += 1
            flight.all_heard.notify_all()

    def _land(self, flight: _Flight) -> None:
        """A task is over: take its outcome, or say what became of it."""
        step = flight.step
        if flight.is_lost:
            self._client.cancel([flight.future], force=True)
        if flight.is_lost or flight.future.cancelled():
            self._lose(flight)
            return
        error = flight.future.exception()
        if isinstance(error, PartitaError):
            self._fail(step, flight.attempt, PythonError.of(error), has_started=flight.has_started)
            return
        if error is not None:
            self._lose(flight, error)
            return
        outcome = decode(flight.future.result(), RemoteOutcome)
        with flight.all_heard:
            is_complete = flight.all_heard.wait_for(lambda: flight.heard >= outcome.told, timeout=LAST_WORDS)
        if not is_complete:
            self._lose(flight)
            return
        for output in outcome.produced:
            self._scope.outputs.add((step.key, output))
        failure = ExecutionError(outcome.error.summary) if outcome.error is not None else None
        self._ended.append(Ended(step.key, Outcome(outcome.produced, outcome.mapped, failure, outcome.retry_after)))

    def _lose(self, flight: _Flight, error: BaseException | None = None) -> None:
        """The attempt is lost with its worker; there may be another."""
        why = f": {type(error).__name__}: {error}" if error is not None else "."
        message = f"The Dask worker of step {flight.step.key!r} was lost before it was done{why}"
        retry_after = retry_delay(flight.step.retry, attempt=flight.attempt, chance=random.random())
        error_told = PythonError(class_name="ProcessDiedError", message=message)
        self._fail(flight.step, flight.attempt, error_told, has_started=flight.has_started, retry_after=retry_after)

    def _fail(self, step: Step, attempt: int, error: PythonError, *, has_started: bool, retry_after: float | None = None) -> None:
        if not has_started:  # what has failed has begun
            self._scope.tell(StepStarted(at=datetime.now(UTC), step=step.key, attempt=attempt))
        failed = StepFailed(
            at=datetime.now(UTC), step=step.key, attempt=attempt, error=error, duration=0.0, retry_after=retry_after, others=step.others
        )
        self._scope.tell(failed)
        self._ended.append(Ended(step.key, Outcome(error=ExecutionError(error.summary), retry_after=retry_after)))
