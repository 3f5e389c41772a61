"""What a site's services are made to do: die at a point of a tick or a run, once for each folder, or have a schedule that is due every second."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from partita.automation import schedules
from partita.definitions.automation_specs import ScheduleSpec
from partita.errors import StorageUnavailableError
from partita.planning.due import Due
from partita.storage.claims import Claims
from partita.storage.engine import Database
from partita.storage.events import Events
from partita.storage.outcomes import Outcomes
from partita.storage.ticks import Ticks

SECOND = timedelta(seconds=1)


def arm(fault: str, folder: Path) -> None:
    """Make this process do it; nothing for an empty text."""
    match fault:
        case "":
            pass
        case "every second":
            _tick_every_second()
        case "die before commit":
            Outcomes.write = _then_die(Outcomes.write, folder / "died")  # type: ignore[method-assign]
        case "die after commit":
            for name in ("finish", "commit_together"):
                setattr(Ticks, name, _then_die(getattr(Ticks, name), folder / "died"))
        case "die after claim":
            Claims.claim = _then_die(Claims.claim, folder / "died")  # type: ignore[method-assign]
        case _ if fault.startswith("die at append "):
            Events.append = _then_die(Events.append, folder / "died", calls=int(fault.rpartition(" ")[2]))  # type: ignore[method-assign]
        case _ if fault.startswith("doubt "):
            _make_commits_doubtful(float(fault.rpartition(" ")[2]))
        case _:
            raise ValueError(fault)


def _make_commits_doubtful(part: float) -> None:
    """Let this part of all writes fail: half of them before anything is written, half after it is committed."""
    write, chance = Database.write, random.Random(7)

    def doubtful(database: Database, work: Callable[..., Any], *args: Any, **rest: Any) -> Any:
        luck = chance.random()
        if luck < part / 2:
            raise StorageUnavailableError("nothing was written (a fault of the test)")
        answer = write(database, work, *args, **rest)
        if luck < part:
            raise StorageUnavailableError("it was written (a fault of the test)")
        return answer

    Database.write = doubtful  # type: ignore[method-assign]


def _tick_every_second() -> None:
    """A cron has no seconds."""
    schedules.first_due = lambda spec, *, after: after.replace(microsecond=0) + SECOND
    schedules.due_ticks = _due_every_second


def _due_every_second(spec: ScheduleSpec, *, planned: datetime, now: datetime) -> Due:
    """The ticks that a schedule catches up on, as for a cron."""
    count = (now - planned) // SECOND + 1
    following = planned + count * SECOND
    made_up = min(count, max(1, spec.catch_up))
    return Due(tuple(following - number * SECOND for number in range(made_up, 0, -1)), following)


def _then_die(act: Callable[..., Any], died: Path, *, calls: int = 1) -> Callable[..., Any]:
    """`act`, which kills this process when it has done something for the `calls`th time."""
    left = calls

    def act_and_die(*args: Any, **rest: Any) -> Any:
        nonlocal left
        answer = act(*args, **rest)
        left -= bool(answer)
        if left <= 0 and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return act_and_die
