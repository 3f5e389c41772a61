"""Seeing code change: which directories are watched, and which locations a changed file belongs to."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from watchfiles import Change, watch

from partita.cli.console import say
from partita.workspace.settings import LocationSettings, Settings

SUFFIXES = frozenset({".py", ".toml"})
LEFT_OUT = frozenset({"__pycache__", "node_modules", "venv", "site-packages"})
"""Directories that are not looked into, beside hidden ones and virtual environments."""
MAX_DIRECTORIES = 4000
"""More are data, not code; and the kernel's watches are counted per user."""
DEBOUNCE, STEP = 400, 50
"""Milliseconds: editors write a file in several steps, and a checkout writes many files."""
RETRY_AFTER = 0.5
FILE_CLOCK = 0.02
"""Seconds that the times of files lag behind the clock: the kernel takes them from its last tick."""
TIMEOUT = 500
"""Milliseconds until a watch in which nothing happens is known to have begun."""


class CodeWatch:
    """Asks for the reload of every location under whose directory code changed."""

    def __init__(self, settings: Settings, *, since: float, reload: Callable[[str], object]) -> None:
        """Code that changed at or after `since` (seconds since the epoch) counts, also where the watch begins later."""
        self._settings, self._reload = settings, reload
        self._workspace_file = settings.path
        self._seen_until = since

    def run(self, ended: threading.Event) -> None:
        """Watch until `ended`."""
        while not ended.is_set():
            try:
                self._watch(ended)
            except FileNotFoundError:  # a directory went between listing and watching it
                ended.wait(RETRY_AFTER)
            except OSError as error:
                say("watch", f"Changes of code are not seen: {error}. Ask for them with `partita location reload NAME`.")
                return

    def _watch(self, ended: threading.Event) -> None:
        """Watch the directories that are there now, until there are others."""
        directories = watched_directories(self._settings)
        # Each by itself: watching whole trees would take in virtual environments and the data beside the code.
        rounds = watch(
            *directories,
            recursive=False,
            watch_filter=_counts,
            stop_event=ended,
            debounce=DEBOUNCE,
            step=STEP,
            rust_timeout=TIMEOUT,
            yield_on_timeout=True,
            raise_interrupt=False,
        )
        missed = None
        for changes in rounds:
            paths = {Path(path) for _, path in changes}
            if missed is None:  # only now is it sure that the watch has begun
                missed = _changed_since(self._seen_until, directories)
                paths |= missed
            self._seen_until = time.time()
            fresh = {path for path in paths if path.is_dir()}
            written_before_the_watch = {file for directory in fresh for file in directory.rglob("*.py")}
            self._handle(sorted((paths - fresh) | written_before_the_watch))
            if fresh:
                return

    def _handle(self, paths: Sequence[Path]) -> None:
        if self._workspace_file in paths:
            say("partita", f"{self._workspace_file} changed; start `partita dev` again to use it.")
        for location in self._settings.locations:
            mine = [path for path in paths if path != self._workspace_file and _is_of(location, path)]
            if mine:
                others = f" and {len(mine) - 1} more" if len(mine) > 1 else ""
                say(location.name, f"{os.path.relpath(mine[0], location.directory)}{others} changed; loading again.")
                self._reload(location.name)


def watched_directories(settings: Settings) -> list[Path]:
    """Every directory in which a change of code would be seen."""
    found = dict.fromkeys([settings.path.parent] if settings.path else [])
    for location in settings.locations:
        for root in _roots(location):
            found.update(dict.fromkeys(_walk(root)))
    listed = list(found)
    if len(listed) > MAX_DIRECTORIES:
        say("watch", f"There are {len(listed)} directories below the code locations; changes are seen in the first {MAX_DIRECTORIES}.")
    return listed[:MAX_DIRECTORIES]


def _changed_since(moment: float, directories: Sequence[Path]) -> set[Path]:
    """The code in these directories, not below them, that was written or moved there since."""
    entries = (entry for directory in directories if directory.is_dir() for entry in os.scandir(directory))
    return {Path(entry) for entry in entries if Path(entry).suffix in SUFFIXES and entry.is_file() and _last_touched(entry) >= moment - FILE_CLOCK}


def _last_touched(entry: os.DirEntry[str]) -> float:
    facts = entry.stat()
    return max(facts.st_mtime, facts.st_ctime)


def _roots(location: LocationSettings) -> set[Path]:
    return {Path(location.directory), *([Path(location.file).parent] if location.file else [])}


def _walk(root: Path) -> Iterator[Path]:
    for directory, children, _ in os.walk(root):
        yield Path(directory)
        children[:] = sorted(name for name in children if _is_looked_into(Path(directory, name)))


def _is_looked_into(directory: Path) -> bool:
    return directory.name not in LEFT_OUT and not directory.name.startswith(".") and not (directory / "pyvenv.cfg").exists()


def _is_of(location: LocationSettings, path: Path) -> bool:
    return any(path.is_relative_to(root) for root in _roots(location))


def _counts(change: Change, path: str) -> bool:
    """True for code, and for a new directory that may hold some."""
    subject = Path(path)
    if subject.suffix in SUFFIXES:
        return True
    return change is Change.added and subject.is_dir() and _is_looked_into(subject)
