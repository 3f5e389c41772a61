"""One `partita dev` per home: a lock that ends with its process, however that ends."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from partita.cli.failures import CommandError

LOCK_FILE = "dev.lock"


class HomeLock:
    """Held from `acquire` until the process ends. The file says who holds it.

    The lock is POSIX's (`lockf`): forked children do not hold it, so services that outlive a killed parent for a moment
    do not keep the next `partita dev` out.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / LOCK_FILE
        self._home = home
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            CommandError: another process holds it, or the home cannot be written to.
        """
        make_home(self._home)
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(self._refusal()) from None
        self.tell(url=None)

    def tell(self, *, url: str | None) -> None:
        """Write who holds the lock, for whoever is refused."""
        if self._fd is None:
            raise AssertionError("the lock is not held")
        text = json.dumps({"pid": os.getpid(), "url": url}).encode()
        os.pwrite(self._fd, text, 0)
        os.ftruncate(self._fd, len(text))

    def release(self) -> None:
        """Let go of the lock and say that nobody holds it."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def _refusal(self) -> str:
        holder = read_holder(self._home)
        pid, url = holder.get("pid"), holder.get("url")
        who = f"process {pid}" if pid else "another process"
        where = f", at {url}" if url else ""
        stop = f"Stop it with `kill {pid}` (or Ctrl-C where it runs)" if pid else "Stop it"
        return f"`partita dev` already runs on {self._home} ({who}{where}). {stop}, use it as it is, or choose another home with --home."


def make_home(home: Path) -> None:
    """Make the directory that holds database, values and logs, if there is none.

    Raises:
        CommandError: it cannot be made, or not be written to.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        problem = None if os.access(home, os.W_OK | os.X_OK) else "it cannot be written to"
    except OSError as error:
        problem = error.strerror
    if problem:
        raise CommandError(f"The home {home} cannot be used: {problem}. Choose another with --home.")


def read_holder(home: Path) -> dict[str, Any]:
    """What the holder of a home wrote of itself: `pid`, and `url` once it listens. Empty when nobody holds it."""
    try:
        found = json.loads((home / LOCK_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
