"""Ending what user processes leave behind: children that escaped into sessions of their own, and their children."""

from __future__ import annotations

import signal
import time
from collections.abc import Collection, Iterable
from enum import Enum, auto

from partita.execution.children import Child
from partita.execution.processes import Process, kill, list_processes

ZYGOTE = "zygote."
"""How the markers of zygotes begin."""


class Fate(Enum):
    """What is to become of a process that came to the worker when its parent ended."""

    STAYS = auto()
    """Something it belongs to still lives, or might."""
    ENDS = auto()
    REAPED = auto()
    """It is a zombie that nobody else will ask about."""


def fate_of(stray: Process, *, children: Iterable[Child], zygotes: Collection[str]) -> Fate:
    """Decide over a child of ours that we did not start: an orphan out of some user process, or one that died at once.

    Args:
        stray: the process.
        children: all user processes whose end we have not told yet.
        zygotes: markers of the zygotes that live.
    """
    known = list(children)
    if stray.is_zombie:
        # It may be a process that we asked a zygote for and that died before it could say its number.
        return Fate.STAYS if any(child.pid is None and stray.started >= child.started_tick - 1 for child in known) else Fate.REAPED
    if stray.marker in zygotes or any(belongs_to(stray, child) for child in known):
        return Fate.STAYS
    if stray.marker:
        return Fate.ENDS
    # Its environment was wiped: it goes once no live process is old enough to have started it.
    return Fate.STAYS if any(child.is_live and child.started_tick <= stray.started for child in known) else Fate.ENDS


def is_being_born(stray: Process, *, children: Iterable[Child], zygotes: Collection[str]) -> bool:
    """Whether a child of ours is a process that we asked a zygote for and that has not said its number yet: it has left nothing behind."""
    if stray.is_zombie:
        return False
    return stray.marker in zygotes or any(child.pid is None and stray.marker == child.marker for child in children)


def belongs_to(process: Process, child: Child) -> bool:
    """Whether a user process started it, or its parents, as far as markers and sessions tell."""
    return process.marker == child.marker or (child.pid is not None and process.session == child.pid)


def find_leftovers(child: Child, processes: Iterable[Process]) -> list[Process]:
    """What is left of a user process that has died."""
    return [process for process in processes if not process.is_zombie and process.pid != child.pid and belongs_to(process, child)]


def signal_tree(child: Child, signum: int, processes: Iterable[Process]) -> None:
    """Send a signal to those of `processes` that are a user process or were started by it."""
    for process in processes:
        if process.pid == child.pid or belongs_to(process, child):
            kill(process, signum)


def is_zygote(process: Process) -> bool:
    """True for a zygote itself, not for what a module has started while it was imported."""
    return process.marker.startswith(ZYGOTE) and process.session == process.pid


def sweep_dead_worker(token: str) -> None:
    """End everything that a dead worker has started, except zygotes.

    The parent-death signal reaches user processes only, not what they started; a zygote outlives its worker for this.
    """
    if not token:
        raise AssertionError("Without a token this would end every process of the machine that has no marker.")
    quiet = 0
    while quiet < 3:  # a process may be forking while we look: nothing new three times in a row is the end
        left = [process for process in list_processes() if process.worker == token and not is_zygote(process) and not process.is_zombie]
        for process in left:
            kill(process, signal.SIGKILL)
        quiet = 0 if left else quiet + 1
        time.sleep(0.02)
