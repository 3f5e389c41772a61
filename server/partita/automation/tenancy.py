"""Who a worker or daemon is, and the one lease that says so: one worker publishes a location, one daemon has a role."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from datetime import timedelta
from pathlib import Path

from partita.errors import OperationError
from partita.execution.processes import token
from partita.storage.store import Store

BOOT = Path("/proc/sys/kernel/random/boot_id")


def unique_owner() -> str:
    """A name for this very process, on whatever machine."""
    return f"{socket.gethostname()}/{_boot()}/{token()}"


class Seat:
    """A place on this machine that one process can take, until it ends in whatever way.

    Its holder may call itself `owner`: the successor of a process that was killed has the same name and so gets that
    one's lease at once, without waiting for its end.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self._path = directory / f"{name}.lock"
        self.owner = f"{socket.gethostname()}/{_boot()}/{self._path}"
        directory.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)

    def take(self) -> None:
        """Take the seat.

        Raises:
            OperationError: another process has it.
        """
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip() or "another process"
            raise OperationError(f"{self._path} is held by process {holder}: it does this work already. Stop it first.") from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def leave(self) -> None:
        """Let another process have it."""
        os.close(self._fd)

    @classmethod
    def any_of(cls, directory: Path, name: str, *, count: int) -> Seat:
        """The first of `count` seats that nobody has, taken: `main`, `main.2`, `main.3`.

        Raises:
            OperationError: other processes have them all.
        """
        for number in range(1, count + 1):
            seat = cls(directory, name if number == 1 else f"{name}.{number}")
            try:
                seat.take()
            except OperationError:
                seat.leave()
                if number == count:
                    raise
            else:
                return seat
        raise AssertionError("there is no seat")


class Tenancy:
    """A lease that is kept for as long as the process works."""

    def __init__(self, store: Store, name: str, *, owner: str, ttl: timedelta) -> None:
        self._store = store
        self._name = name
        self._owner = owner
        self._ttl = ttl
        self._epoch: int | None = None
        self._renewed_at = 0.0

    @property
    def is_held(self) -> bool:
        """Whether the lease is ours for some time yet."""
        return self._epoch is not None and time.monotonic() - self._renewed_at < self._ttl.total_seconds() * 2 / 3

    @property
    def epoch(self) -> int | None:
        """Which time this is that the lease is ours, counted over all owners; None when it is not."""
        return self._epoch

    def keep(self, now: float) -> bool:
        """Acquire the lease, or renew it when a third of it has passed. Answers whether it is held.

        Raises:
            OperationError: the database does not answer.
        """
        if self._epoch is not None and now - self._renewed_at < self._ttl.total_seconds() / 3:
            return True
        if self._epoch is None:
            self._epoch = self._store.leases.acquire(self._name, owner=self._owner, ttl=self._ttl)
        elif not self._store.leases.renew(self._name, owner=self._owner, epoch=self._epoch, ttl=self._ttl):
            self._epoch = None
        if self._epoch is not None:
            self._renewed_at = now
        return self._epoch is not None

    def end(self) -> None:
        """Let another have the lease at once."""
        if self._epoch is not None:
            self._store.leases.release(self._name, owner=self._owner, epoch=self._epoch)
            self._epoch = None


def _boot() -> str:
    return BOOT.read_text().strip() if BOOT.exists() else ""
