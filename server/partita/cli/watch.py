"""The service of `partita dev` that sees code change, asks for reloads, and tells how code locations fare."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from partita import errors
from partita.cli.children import Stop
from partita.cli.code import CodeWatch
from partita.cli.console import say, start_logging
from partita.records.failures import PythonError, render_error
from partita.records.locations import LocationRecord, LocationStatus
from partita.storage.store import Store
from partita.workspace.catalog import Catalog
from partita.workspace.settings import Settings

SETTLED = frozenset({LocationStatus.LOADED, LocationStatus.FAILED})
LOOK_EVERY = 0.1
"""Seconds: a person reads what this prints, so it need not wake a hundred times a second as the others do."""


def run_watch(settings: Settings, *, since: float) -> int:
    """Watch until a signal asks to stop; see `CodeWatch` for `since`."""
    start_logging("watch")
    stop, ended = Stop(), threading.Event()
    with Store.open(settings.storage.url) as store:
        code = CodeWatch(settings, since=since, reload=lambda name: store.locations.request_reload(name))
        thread = threading.Thread(target=code.run, args=(ended,), name="files", daemon=True)
        thread.start()
        board = LocationBoard(settings, store=store)
        bell = store.bell()
        board.look()
        while not stop():
            time.sleep(LOOK_EVERY)
            if bell.poll():
                board.look()
        ended.set()
        thread.join(timeout=2)
        bell.close()
    return stop.exit_code


class LocationBoard:
    """Tells what became of each code location, once each time it changes."""

    def __init__(self, settings: Settings, *, store: Store) -> None:
        self._names = [location.name for location in settings.locations]
        self._store = store
        self._seen: dict[str, LocationRecord] = {}
        self._problems: Mapping[str, Sequence[str]] = {}

    def look(self) -> None:
        """Tell what has changed since the last look."""
        records = {record.name: record for record in self._store.locations.list() if record.name in self._names}
        changed = [record for record in records.values() if _news(self._seen.get(record.name), record)]
        self._seen = records
        for record in changed:
            self._tell(record)
        # While one is still loading, references to its assets only seem to lead nowhere.
        if changed and all(record.status in SETTLED for record in records.values()):
            self._tell_problems()

    def _tell(self, record: LocationRecord) -> None:
        match record.status:
            case LocationStatus.LOADED:
                say(record.name, self._describe(record))
                for line in record.warnings:
                    say(record.name, f"warning: {line}")
            case LocationStatus.FAILED:
                kept = " The last good version stays." if record.catalog_hash else ""
                say(record.name, f"{_why(record.error)}\ncould not be loaded; see above.{kept} It is loaded again when its code changes.")
            case LocationStatus.UNREACHABLE | LocationStatus.LOADING:
                return  # its worker is being started, which `partita dev` tells itself

    def _describe(self, record: LocationRecord) -> str:
        repositories = self._store.locations.catalog(record.catalog_hash).repositories if record.catalog_hash else ()
        counts = (
            _count(sum(not spec.is_external for each in repositories for spec in each.assets), "asset"),
            _count(sum(len(each.jobs) for each in repositories), "job"),
        )
        how = f" (processes: {record.start})" if record.start and record.start != "fork" else ""
        return f"loaded {', '.join(counts)}{how}"

    def _tell_problems(self) -> None:
        """Tell what does not fit together between the locations, unless it was told before."""
        hashes = self._store.locations.current()
        catalog = Catalog({name: self._store.locations.catalog(hashes[name]) for name in self._names if name in hashes})
        for name, lines in catalog.problems.items():
            for line in lines:
                if line not in self._problems.get(name, ()):
                    say(name, f"warning: {line}")
        self._problems = catalog.problems


def _why(error: PythonError | None) -> str:
    """The user's traceback; of an error that Partita raises on purpose its message, which says file and line itself."""
    if error is None:
        return "It was not said why."
    is_own = isinstance(kind := getattr(errors, error.class_name, None), type) and issubclass(kind, errors.PartitaError)
    return f"{error.class_name}: {error.message}" if is_own else render_error(error).rstrip()


def _news(before: LocationRecord | None, now: LocationRecord) -> bool:
    if before is None:
        return True
    return (before.status, before.catalog_hash, before.error, before.loaded_at) != (now.status, now.catalog_hash, now.error, now.loaded_at)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
