"""The zygotes of one worker: starting them, hearing what they loaded, and noticing when they die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec

from partita.execution import wire
from partita.execution.children import death_of
from partita.execution.listening import Listener
from partita.execution.news import CodeFailed, CodeLoaded, News, ZygoteDied
from partita.execution.protocol import Loaded, LoadFailed, Report, decode_report
from partita.execution.zygote_link import ZygoteLink, ZygoteStage, start_zygote
from partita.records.failures import PythonError
from partita.workspace.settings import LocationSettings

ABORT_PATIENCE = 1.0
"""Seconds that a zygote past its time limit has to write its traceback, or a retired one to end."""


class Zygotes:
    """Every zygote that lives."""

    def __init__(self, listener: Listener, *, token: str, tell: Callable[[News], None]) -> None:
        self._listener = listener
        self._token = token
        self._tell = tell
        self._living: set[ZygoteLink] = set()

    @property
    def pids(self) -> set[int]:
        """Their process numbers."""
        return {zygote.pid for zygote in self._living}

    @property
    def markers(self) -> set[str]:
        """Their names, which what a module starts while it is imported carries too."""
        return {zygote.marker for zygote in self._living}

    def load(self, location: LocationSettings, *, output: Path, limit: float) -> ZygoteLink:
        """Start a zygote.

        Raises:
            OSError: the interpreter cannot be started.
        """
        zygote = start_zygote(location, token=self._token, output=output, deadline=time.monotonic() + limit)
        self._living.add(zygote)
        self._listener.listen(zygote.control.fileno(), partial(self._hear, zygote))
        self._listener.listen(zygote.pidfd, partial(self._bury, zygote))
        return zygote

    def retire(self, zygote: ZygoteLink) -> None:
        """End a zygote that is not needed any more."""
        if zygote.stage is ZygoteStage.GONE or zygote.is_retired:
            return
        self._listener.forget(zygote.control.fileno())
        zygote.retire()
        zygote.kill_at = time.monotonic() + (ABORT_PATIENCE if zygote.stage is ZygoteStage.SERVING else 0)

    def give_up(self, zygote: ZygoteLink) -> None:
        """Kill a zygote that does not answer."""
        if zygote.stage is ZygoteStage.SERVING:
            zygote.kill_at = time.monotonic()

    def retire_all(self) -> None:
        """End every zygote."""
        for zygote in list(self._living):
            self.retire(zygote)

    def watch(self, now: float) -> None:
        """Enforce time limits."""
        for zygote in self._living:
            if zygote.kill_at is not None and now >= zygote.kill_at:
                _signal(zygote, signal.SIGKILL)
            elif zygote.kill_at is None and zygote.stage is ZygoteStage.LOADING and now >= zygote.deadline:
                zygote.kill_at = now + ABORT_PATIENCE
                problem = f"Code location {zygote.load.location.name!r} was not imported within its time limit; the traceback shows where it hangs."
                zygote.error = PythonError(class_name="WorkspaceError", message=problem)
                _signal(zygote, signal.SIGABRT)

    def next_deadline(self, latest: float) -> float:
        """When `watch` is to be called again, at the latest."""
        moments = [zygote.kill_at or zygote.deadline for zygote in self._living if zygote.kill_at or zygote.stage is ZygoteStage.LOADING]
        return min([latest, *moments])

    def _hear(self, zygote: ZygoteLink) -> None:
        match self._read(zygote):
            case Loaded() as loaded if zygote.stage is ZygoteStage.LOADING:
                zygote.take(loaded)
                self._tell(CodeLoaded(zygote, loaded))
            case LoadFailed(error=error):
                zygote.error = error
            case _:
                # It has closed its socket, or talks nonsense: its end, which its pidfd tells, says the rest.
                self._listener.forget(zygote.control.fileno())
                _signal(zygote, signal.SIGKILL)

    def _read(self, zygote: ZygoteLink) -> Report | None:
        try:
            message = wire.receive(zygote.control)
            return decode_report(message.body) if message is not None else None
        except (wire.NonsenseError, msgspec.MsgspecError) as error:
            problem = (
                f"Code location {zygote.load.location.name!r}: its process answers what cannot be read ({error}). "
                "Is the same version of Partita installed in its environment?"
            )
            zygote.error = PythonError(class_name="WorkspaceError", message=problem)
            return None

    def _bury(self, zygote: ZygoteLink) -> None:
        self._listener.forget(zygote.pidfd)
        os.close(zygote.pidfd)
        if not zygote.is_retired:
            self._hear_last(zygote)
        status = os.waitid(os.P_PID, zygote.pid, os.WEXITED)
        assert status is not None
        death = death_of(status, was_ended=zygote.is_retired, memory_kills=zygote.memory_kills)
        stage, zygote.stage, zygote.spawn_reason = zygote.stage, ZygoteStage.GONE, "the zygote is gone"
        self._living.discard(zygote)
        if zygote.is_retired:
            return
        self._tell(CodeFailed(zygote, zygote.explain(death)) if stage is ZygoteStage.LOADING else ZygoteDied(zygote, death))

    def _hear_last(self, zygote: ZygoteLink) -> None:
        """Its answer may have come together with its end."""
        with suppress(BlockingIOError):
            if zygote.stage is ZygoteStage.LOADING and zygote.error is None:
                match self._read(zygote):
                    case LoadFailed(error=error):
                        zygote.error = error
        self._listener.forget(zygote.control.fileno())
        zygote.control.close()


def _signal(zygote: ZygoteLink, signum: int) -> None:
    with suppress(ProcessLookupError):  # it is dead already, which its pidfd tells
        signal.pidfd_send_signal(zygote.pidfd, signum)
