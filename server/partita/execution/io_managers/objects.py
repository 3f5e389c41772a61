"""Values as objects in a store that fsspec reaches: S3, Google Cloud, Azure, a shared file system."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from partita.definitions.io import InputContext, IOManager, OutputContext
from partita.errors import DefinitionError, ExecutionError
from partita.execution.extras import EXTRAS, needed
from partita.execution.io_managers.formats import FORMATS, Format
from partita.execution.io_managers.missing import missing_input
from partita.execution.io_managers.places import ENDINGS, place_of, write_value

_TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")
"""What the stores call the time at which an object was written."""


class ObjectIO(IOManager):
    """Stores each value as an object, in the formats and under the names of `FilesystemIO`.

    An object appears whole: an upload replaces it at its end, in a file system a draft is moved there.

    Args:
        url: the root: `s3://bucket/prefix`, `gs://...`, `az://...`, `file:///shared`.
        options: what the file system of that scheme takes (`endpoint_url`, `project`, ...). Credentials are better left to its own
            environment variables.

    Example:
        `pt.Repository("flights", assets=[...], io_managers={"io_manager": pt.ObjectIO("s3://lake/flights")})`

    Raises:
        DefinitionError: the URL has no scheme.
    """

    def __init__(self, url: str, **options: Any) -> None:
        scheme, mark, rest = url.partition("://")
        if not (scheme and mark and rest):
            raise DefinitionError(f"ObjectIO({url!r}): give a URL with a scheme and a place, such as 's3://bucket/prefix'.")
        self.url = url.rstrip("/")
        self._scheme = scheme
        self._options = options

    def __repr__(self) -> str:
        return f"ObjectIO({self.url!r})"

    def save(self, context: OutputContext, value: Any) -> None:
        """Store `value`; what was there before is replaced.

        Raises:
            ExecutionError: no format can hold it, or the library that the scheme needs is not installed.
        """
        files, place = self._open(), self._place_of(context)
        used = write_value(value, context, partial(self._draft, files, place), manager="ObjectIO")
        for ending in ENDINGS:
            if ending != used.ending and files.exists(place + ending):
                files.rm_file(place + ending)
        context.add_metadata({"url": f"{self._scheme}://{place}{used.ending}"})

    def load(self, context: InputContext) -> Any:
        """The stored value.

        Raises:
            InputMissingError: there is none; names the asset, the partition and what to do.
        """
        assert context.upstream is not None
        files, place = self._open(), self._place_of(context.upstream)
        found = [(_time_of(about), form) for form in FORMATS if (about := _about(files, place + form.ending)) is not None]
        if not found:
            raise missing_input(context, f"{self._scheme}://{place.rpartition('/')[0]}")
        _, form = max(found, key=lambda each: each[0])  # the newest, where an older one was not removed
        with tempfile.TemporaryDirectory(prefix="partita-") as scratch:
            path = Path(scratch, f"value{form.ending}")
            files.get_file(place + form.ending, str(path))
            return form.read(path, context.type_hint)

    @contextmanager
    def _draft(self, files: Any, place: str, form: Format) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="partita-") as scratch:
            path = Path(scratch, f"value{form.ending}")
            yield path
            try:
                self._put(files, path, place + form.ending)
            except Exception as error:  # of whatever library speaks to the store
                raise ExecutionError(f"{self!r} cannot store {self._scheme}://{place}{form.ending}: {type(error).__name__}: {error}") from error

    def _put(self, files: Any, path: Path, place: str) -> None:
        files.makedirs(place.rpartition("/")[0], exist_ok=True)
        if self._scheme in ("file", "local"):
            draft = f"{place}.{uuid.uuid4().hex}"
            files.put_file(str(path), draft)
            Path(draft).replace(place)
        else:
            files.put_file(str(path), place)

    def _open(self) -> Any:
        """The file system; made anew in each process, since none of its connections may be shared."""
        fsspec = needed("fsspec", extra=EXTRAS.get(self._scheme, "objects"), who=repr(self))
        try:
            return fsspec.filesystem(self._scheme, use_listings_cache=False, **self._options)
        except ImportError as error:
            raise _not_installed(self, self._scheme, error) from error
        except ValueError as error:
            raise DefinitionError(f"{self!r}: {error}.") from error

    def _place_of(self, context: OutputContext) -> str:
        root = self.url.partition("://")[2]
        return "/".join((root, *place_of(context)))


def _not_installed(manager: ObjectIO, scheme: str, error: ImportError) -> ExecutionError:
    how = f"pip install 'partita[{EXTRAS[scheme]}]'" if scheme in EXTRAS else str(error)
    return ExecutionError(f"{manager!r} needs a library that is not installed: {how}.")


def _about(files: Any, path: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = files.info(path)
    except FileNotFoundError:
        return None
    return found


def _time_of(about: dict[str, Any]) -> float:
    time = next((about[name] for name in _TIMES if about.get(name) is not None), 0.0)
    if isinstance(time, str):
        time = datetime.fromisoformat(time)
    return time.timestamp() if isinstance(time, datetime) else float(time)
