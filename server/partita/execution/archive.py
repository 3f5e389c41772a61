"""What runs printed, kept in an object store for machines that do not share the folder it was printed to.

The files of a run are stored when it has ended, and an index of them last: where the index is, the rest is whole. What was left out of
a long file is not stored; the index says where it was, so that offsets stay as they were.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from partita.errors import OperationError, SettingsError
from partita.execution.extras import EXTRAS, needed
from partita.execution.printed import gap_at, next_gap
from partita.records.codec import decode

INDEX = "index.json"
DONE = ".archived"
"""Marks a folder of which everything is stored."""
PIECE = 1024 * 1024
"""Bytes copied at a time."""


class _Entry(msgspec.Struct, frozen=True):
    size: int
    gaps: tuple[tuple[int, int], ...] = ()
    """Where something was left out, and how many bytes."""


class ArchivedFile:
    """One stored file, read as if it still had its gaps."""

    def __init__(self, files: Any, place: str, entry: _Entry) -> None:
        self._files = files
        self._place = place
        self._entry = entry

    def gap_at(self, position: int) -> int:
        """How many bytes that were left out begin at `position`."""
        return next((start + length - position for start, length in self._entry.gaps if start <= position < start + length), 0)

    def next_gap(self, position: int) -> int | None:
        """Where the next bytes that were left out begin; None: nothing behind `position` was."""
        return next((start for start, _ in self._entry.gaps if start >= position), None)

    def read(self, position: int, size: int) -> bytes:
        """Up to `size` bytes from `position` on, where no gap is."""
        stop = min(position + size, self._entry.size)
        if stop <= position:
            return b""
        before = sum(length for start, length in self._entry.gaps if start < position)
        found: bytes = self._files.cat_file(self._place, start=position - before, end=stop - before)
        return found


class LogArchive:
    """The stored output of all runs, under one URL that fsspec knows: `s3://bucket/logs`, `gs://...`, `file:///shared/logs`.

    Raises:
        SettingsError: the URL has no scheme.
        OperationError: the library that the scheme needs is not installed.
    """

    def __init__(self, url: str) -> None:
        self._scheme, mark, self._root = url.rstrip("/").partition("://")
        if not (self._scheme and mark and self._root):
            raise SettingsError(f"storage.logs = {url!r}: give a URL with a scheme and a place, such as 's3://bucket/logs'.")
        self.url = url.rstrip("/")
        fsspec = needed("fsspec", extra=EXTRAS.get(self._scheme, "objects"), who="storage.logs")
        try:
            self._files: Any = fsspec.filesystem(self._scheme, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise OperationError(f"storage.logs = {url!r} cannot be used: {error}.") from error
        self._indexes: dict[str, dict[str, _Entry]] = {}
        self._lock = threading.Lock()

    def put(self, run_id: str, directory: Path) -> None:
        """Store what is in a run's folder, and mark it.

        Raises:
            OperationError: the store refuses.
        """
        try:
            index = {path.name: self._put_file(run_id, path) for path in sorted(directory.iterdir()) if path.is_file() and path.name != DONE}
            self._files.makedirs(f"{self._root}/{run_id}", exist_ok=True)
            self._put_index(f"{self._root}/{run_id}/{INDEX}", msgspec.json.encode(index))
        except Exception as error:  # of whatever library speaks to the store
            raise self._refused(run_id, error) from error
        (directory / DONE).touch()

    def has(self, run_id: str) -> bool:
        """Whether the output of a run is stored.

        Raises:
            OperationError: the store does not answer.
        """
        return self._index(run_id) is not None

    def find(self, run_id: str, name: str) -> ArchivedFile | None:
        """A file of a run; None when it is not stored.

        Raises:
            OperationError: the store does not answer.
        """
        entry = (self._index(run_id) or {}).get(name)
        return None if entry is None else ArchivedFile(self._files, f"{self._root}/{run_id}/{name}", entry)

    def remove(self, run_ids: Sequence[str]) -> None:
        """Forget what these runs printed.

        Raises:
            OperationError: the store refuses.
        """
        for run_id in run_ids:
            try:
                self._files.rm(f"{self._root}/{run_id}", recursive=True)
            except FileNotFoundError:
                pass  # it printed nothing, or this was done before
            except Exception as error:
                raise self._refused(run_id, error) from error

    def _put_file(self, run_id: str, path: Path) -> _Entry:
        self._files.makedirs(f"{self._root}/{run_id}", exist_ok=True)
        with path.open("rb") as source, tempfile.NamedTemporaryFile(prefix="partita-") as whole:
            size, position, gaps = os.fstat(source.fileno()).st_size, 0, []
            while position < size:
                if gap := gap_at(source.fileno(), position):
                    gaps.append((position, gap))
                    position += gap
                    continue
                end = next_gap(source.fileno(), position)
                source.seek(position)
                piece = source.read(min(PIECE, (size if end is None else end) - position))
                if not piece:
                    break
                whole.write(piece)
                position += len(piece)
            whole.flush()
            self._files.put_file(whole.name, f"{self._root}/{run_id}/{path.name}")
        return _Entry(size=position, gaps=tuple(gaps))

    def _put_index(self, path: str, encoded: bytes) -> None:
        """Whole or not at all: a file system, unlike an object store, shows files while they are written."""
        self._files.pipe_file(f"{path}.new", encoded)
        self._files.mv(f"{path}.new", path)

    def _index(self, run_id: str) -> dict[str, _Entry] | None:
        with self._lock:
            if (known := self._indexes.get(run_id)) is not None:
                return known
        try:
            raw = self._files.cat_file(f"{self._root}/{run_id}/{INDEX}")
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._refused(run_id, error) from error
        found = decode(raw, dict[str, _Entry])
        with self._lock:
            if len(self._indexes) >= 1000:
                self._indexes.clear()
            self._indexes[run_id] = found
        return found

    def _refused(self, run_id: str, error: Exception) -> OperationError:
        return OperationError(f"The output of run {run_id} cannot be kept at {self.url}: {type(error).__name__}: {error}.")
