"""How long things may take. The defaults are what the documentation promises; tests shorten them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from partita.errors import SettingsError

LEASE_VARIABLE = "PARTITA_LEASE_SECONDS"
MIN_LEASE, MAX_LEASE = 1.0, 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Durations of a worker and a daemon; in seconds where no unit is given."""

    lease: timedelta = timedelta(seconds=30)
    """How long a run, a location or a role is held without renewal."""
    poll: float = 0.015
    """How often an idle worker looks at the bell: microseconds of work, and half of it is the mean delay of a launch."""
    heal: float = 1.0
    """How often it looks without being rung for: a missed bell costs no more than this."""
    flush: float = 0.02
    """How long an event may wait for others to be written with, unless it changes a state."""
    load: float = 120.0
    """How long a location may take to import."""
    slow_load: float = 10.0
    """How long it imports before its worker says that it still does: few libraries take longer, and a hang should not look like silence."""
    silence: float = 5.0
    """The same for a command that loads code while somebody waits for it."""
    cancel: float = 10.0
    """Between asking a process to stop and killing it."""
    linger: float = 30.0
    """How long a process may live on after its last step has ended, joining threads and calling exit handlers."""
    overdue: float = 10.0
    """Beyond a step's timeout: its process ends it by itself at the timeout, so that it cleans up, what it holds is closed and hooks are called."""
    last: float = 1.0
    """Between telling a process to stop whose step did not end by itself, and killing it."""
    hooks: float = 60.0
    """How long the process of a step with hooks may live on after the step has ended."""
    drain: float = 0.0
    """How long a worker that is told to stop lets its runs go on."""
    stop: float = 5.0
    """How long processes have to stop when the worker itself is told to."""
    patience: float = 300.0
    """How long a tick waits for a worker of its location to evaluate it."""
    sweep: float = 5.0
    """How often a daemon looks for runs whose worker is gone."""
    silence_of_daemons: float = 60.0
    """How long a daemon may say nothing, or a location be without a worker, before people are told; with longer leases twice the lease."""
    prune: float = 3600.0
    """How often old records are removed."""

    @property
    def renewal(self) -> float:
        """Leases are renewed this often."""
        return self.lease.total_seconds() / 6

    @property
    def silence_limit(self) -> timedelta:
        """How long a daemon may say nothing: whoever takes its roles over has to wait for its leases first."""
        return max(timedelta(seconds=self.silence_of_daemons), 2 * self.lease)

    @property
    def answer(self) -> float:
        """How long the database may take to answer: after one renewal missed and one call that hung there is time to surrender."""
        return max(1.0, self.lease.total_seconds() / 4)

    @property
    def surrender(self) -> float:
        """Without a renewal for this long, everything that the lease protects is ended, before another can hold it."""
        return self.lease.total_seconds() * 2 / 3

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Timing:
        """The durations that an operator has chosen: `PARTITA_LEASE_SECONDS`.

        Raises:
            SettingsError: it is not a number of seconds that works.
        """
        given = environ.get(LEASE_VARIABLE)
        if not given:
            return cls()
        try:
            seconds = float(given)
        except ValueError:
            seconds = 0.0
        if not MIN_LEASE <= seconds <= MAX_LEASE:
            raise SettingsError(f"{LEASE_VARIABLE}={given!r} must be a number of seconds from {MIN_LEASE:g} to {MAX_LEASE:g}.")
        return cls(lease=timedelta(seconds=seconds), sweep=min(5.0, seconds / 3))
