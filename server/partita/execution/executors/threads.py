"""Steps beside each other, each in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress

from partita.execution.cancellation import Canceled
from partita.execution.executors.in_process import Ended, InProcess
from partita.execution.prints import Prints
from partita.execution.scope import RunScope
from partita.execution.step import Outcome, run_step
from partita.execution.time_limit import interrupt
from partita.planning.plan import Step
from partita.planning.walk import Walk

PATIENCE = 0.005
"""Seconds: how soon the end of a thread is noticed while async functions are waited for too."""
REPEAT = 0.2
"""Seconds between two interruptions of a thread that does not stop."""


class Threads(InProcess):
    """Runs steps of a plan in threads of this process, `width` at most at once. Async functions wait together, in the caller's.

    Args:
        scope: the run that they belong to.
        width: how many threads there may be.
        has_async: whether any step of the plan is an async function.
        prints: where what they print goes.
    """

    def __init__(self, scope: RunScope, *, width: int, has_async: bool, prints: Prints | None = None) -> None:
        super().__init__(scope, has_async=has_async, prints=prints)
        self._width = width
        self._threads: dict[str, threading.Thread] = {}
        self._over: queue.SimpleQueue[tuple[str, Outcome | BaseException]] = queue.SimpleQueue()
        self._is_stopping = False
        self._all = self._prints.together()
        self._all.__enter__()

    @property
    def is_idle(self) -> bool:
        """True when nothing that was started is still to end."""
        return super().is_idle and not self._threads

    def choose(self, walk: Walk) -> Sequence[Step]:
        """The steps to start now: as many as there is room for, and all that will wait."""
        room = self._width - len(self._threads)
        if not self._has_async:
            return walk.ready(room) if room > 0 else ()
        chosen = super().choose(walk)
        if chosen and chosen[0].is_async:
            return chosen
        return [step for step in walk.ready() if not step.is_async][: max(room, 0)]

    def start(self, step: Step, *, attempt: int) -> None:
        """Begin an attempt."""
        if step.is_async:
            super().start(step, attempt=attempt)
            return
        thread = threading.Thread(target=self._run, args=(step, attempt), name=f"partita {step.key}", daemon=True)
        self._threads[step.key] = thread
        thread.start()

    def finished(self, timeout: float | None) -> list[Ended]:
        """What has ended since the last time; waits up to `timeout` seconds for something to end.

        Raises:
            KeyboardInterrupt, Canceled: the run is to stop.
        """
        if self._threads:
            self._hear(0 if self._ended or self._waiting else timeout)
        if self._waiting:
            self._wait(0 if self._ended else PATIENCE if self._threads else timeout)
        ended, self._ended = self._ended, []
        return ended

    def stop(self) -> None:
        """Cancel what is under way; returns when all of it has ended. A second interruption of the caller gives it up."""
        self._is_stopping = True
        super().stop()
        while self._threads:
            for thread in self._threads.values():
                if thread.ident is not None:
                    interrupt(thread.ident, Canceled)
            self._hear(REPEAT)
            # one that was interrupted on its way out has not said so
            self._threads = {key: thread for key, thread in self._threads.items() if thread.is_alive()}
        self._hear(0)

    def close(self) -> None:
        """Nothing more will be started."""
        self._all.__exit__(None, None, None)

    def _alone(self, step: Step, attempt: int) -> AbstractContextManager[None]:  # noqa: ARG002 (what it prints is told apart anyway)
        return nullcontext()

    def _together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def _run(self, step: Step, attempt: int) -> None:
        try:
            outcome: Outcome | BaseException = run_step(self._scope, step, attempt=attempt)
        except BaseException as error:  # the run is to stop, or cannot tell any more: for the caller to see
            outcome = error
        self._over.put((step.key, outcome))

    def _hear(self, timeout: float | None) -> None:
        """Take what threads have ended with; waits up to `timeout` seconds for the first."""
        with suppress(queue.Empty):
            key, outcome = self._over.get(timeout=timeout) if timeout != 0 else self._over.get_nowait()
            while True:
                self._threads.pop(key, None)
                if isinstance(outcome, Outcome):
                    self._ended.append(Ended(key, outcome))
                elif not self._is_stopping:
                    raise outcome
                key, outcome = self._over.get_nowait()
