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
from partita.execution.io_managers.formats import FORMATS, Format, UnsuitableError, formats_for
from partita.execution.io_managers.missing import missing_input
from partita.execution.paths import directory_name, file_name

_ENDINGS = tuple(each.ending for each in FORMATS)


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
        path = _write(place, value, context)
        for ending in _ENDINGS:
            if not path.name.endswith(ending):
                _with_ending(place, ending).unlink(missing_ok=True)
        context.add_metadata({"path": path})

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
        if context.asset_key is None:
            return self.directory / "runs" / file_name(context.run_id) / file_name(context.step_key) / file_name(context.output)
        name = file_name(context.partition_key) if context.partition_key is not None else "value"
        return self.directory.joinpath("assets", *(directory_name(part, _ENDINGS) for part in context.asset_key.path), name)


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


def _write(place: Path, value: Any, context: OutputContext) -> Path:
    for form in formats_for(value):
        path = _with_ending(place, form.ending)
        try:
            with _atomic(path) as draft:
                form.write(value, draft)
        except UnsuitableError:
            continue
        except OSError:
            raise
        except Exception as error:
            raise _cannot_hold(value, context, error) from error
        return path
    raise AssertionError("pickle either stores a value or says why not")


@contextmanager
def _atomic(path: Path) -> Iterator[Path]:
    """A file to write that takes the place of `path` once it is whole."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _cannot_hold(value: Any, context: OutputContext, error: Exception) -> ExecutionError:
    kind = type(value)
    return ExecutionError(
        f"Output {context.output!r} of step {context.step_key!r} is a {kind.__module__}.{kind.__qualname__}, which FilesystemIO cannot store: "
        f"{type(error).__name__}: {error}. Return plain data, a data frame or something that can be pickled, or use another IO manager."
    )
