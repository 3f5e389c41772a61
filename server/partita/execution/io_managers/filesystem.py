"""Values as files: Parquet for frames and tables, JSON for plain data, pickle for the rest.

A value is written beside its place and moved there whole, so a reader sees the old one or the new one, never a part.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from partita.definitions.io import InputContext, IOManager, OutputContext
from partita.errors import ExecutionError
from partita.execution.io_managers.formats import FORMATS, Format
from partita.execution.io_managers.missing import missing_input
from partita.execution.io_managers.places import ENDINGS, place_of, write_value


class FilesystemIO(IOManager):
    """Stores each value as a file: Parquet for data frames and Arrow tables, JSON for plain data, pickle otherwise.

    Assets lie at `assets/<key>/value.<ending>`, or `assets/<key>/<partition>.<ending>`; outputs of ops at
    `runs/<run>/<step>/<output>.<ending>`.

    Args:
        directory: where; left out, the workspace's own directory for values.

    Example:
        `pt.Repository("flights", assets=[...], io_managers={"io_manager": pt.FilesystemIO("/data/flights")})`
    """

    def __init__(self, directory: str | Path | None = None) -> None:
        self.directory = Path(directory) if directory is not None else None

    def __repr__(self) -> str:
        return f"FilesystemIO({str(self.directory)!r})" if self.directory is not None else "FilesystemIO()"

    def within(self, directory: Path) -> FilesystemIO:
        """Itself, or one that stores in `directory` when none was given."""
        return self if self.directory is not None else FilesystemIO(directory)

    def save(self, context: OutputContext, value: Any) -> None:
        """Store `value`; what was there before is replaced.

        Raises:
            ExecutionError: no format can hold it; the message names its type.
        """
        place = self._place_of(context)
        place.parent.mkdir(parents=True, exist_ok=True)
        used = write_value(value, context, lambda form: _atomic(_with_ending(place, form.ending)), manager="FilesystemIO")
        for ending in ENDINGS:
            if ending != used.ending:
                _with_ending(place, ending).unlink(missing_ok=True)
        context.add_metadata({"path": _with_ending(place, used.ending)})

    def load(self, context: InputContext) -> Any:
        """The stored value.

        Raises:
            InputMissingError: there is none; names the asset, the partition and what to do.
        """
        assert context.upstream is not None
        place = self._place_of(context.upstream)
        found = _newest(place)
        if found is None:
            raise missing_input(context, str(place.parent))
        form, path = found
        try:
            return form.read(path, context.type_hint)
        except FileNotFoundError:
            # replaced by one of another format between looking and reading
            found = _newest(place)
            if found is None:
                raise missing_input(context, str(place.parent)) from None
            return found[0].read(found[1], context.type_hint)

    def _place_of(self, context: OutputContext) -> Path:
        """Path of the value without its ending."""
        if self.directory is None:
            raise ExecutionError("This FilesystemIO has no directory, and there is no workspace to give it one: FilesystemIO('values').")
        return self.directory.joinpath(*place_of(context))


def _with_ending(place: Path, ending: str) -> Path:
    return place.with_name(place.name + ending)


def _newest(place: Path) -> tuple[Format, Path] | None:
    """The file that holds the value: the newest, where a process died before it removed the older one."""
    found: list[tuple[int, Format, Path]] = []
    for form in FORMATS:
        path = _with_ending(place, form.ending)
        try:
            found.append((path.stat().st_mtime_ns, form, path))
        except FileNotFoundError:
            continue
    if not found:
        return None
    _, form, path = max(found, key=lambda each: each[0])
    return form, path


@contextmanager
def _atomic(path: Path) -> Iterator[Path]:
    """A file to write that takes the place of `path` once it is whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
