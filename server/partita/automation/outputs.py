"""Keeping an eye on the files that the steps of one run print to."""

from __future__ import annotations

import time
from pathlib import Path

from partita.automation.orders import Places
from partita.execution.capture import captured_path
from partita.execution.printed import trim

INTERVAL = 1.0
"""Seconds between looks at a file."""


class Outputs:
    """The files that a run writes to, bounded while they grow and when they are done."""

    def __init__(self, run_id: str, places: Places) -> None:
        self._directory = places.logs_of(run_id)
        self._limit = places.max_output
        self._growing: dict[Path, bool] = {}
        """Each file, and whether it may grow on."""
        self._look_at = 0.0

    def begin(self, step: str, attempt: int) -> None:
        """An attempt prints from now on."""
        self._growing.update(dict.fromkeys(self._files_of(step, attempt), True))

    def end(self, step: str, attempt: int) -> None:
        """An attempt prints no more."""
        self._growing.update(dict.fromkeys(self._files_of(step, attempt), False))

    def begin_process(self, output: Path) -> None:
        """A process of the run prints from now on."""
        self._growing[output] = True

    def end_process(self, output: Path) -> None:
        """It prints no more."""
        self._growing[output] = False

    def look(self, *, is_last: bool = False) -> None:
        """Bound what has grown too long, if the last look is some time ago, or this is the last."""
        now = time.monotonic()
        if not self._growing or (now < self._look_at and not is_last):
            return
        self._look_at = now + INTERVAL
        for path, is_growing in list(self._growing.items()):
            trim(path, limit=self._limit)
            if not is_growing:
                del self._growing[path]

    def _files_of(self, step: str, attempt: int) -> list[Path]:
        return [captured_path(self._directory, step, attempt=attempt, stream=stream) for stream in ("stdout", "stderr")]
