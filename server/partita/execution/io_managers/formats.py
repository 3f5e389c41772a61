"""The formats that values are stored in: which one suits a value, how it is written and read.

No library is imported for a value that is not its own: what something is, its class's module tells.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, get_args

from partita.errors import ExecutionError

MAX_DEPTH = 200
"""Nested deeper than this a value is pickled: the JSON encoder works by recursion."""

_MARK = "partita"
"""Name under which a Parquet file remembers the library whose frame it was; pandas leaves a mark of its own."""


class Format(NamedTuple):
    """One way of storing a value."""

    ending: str
    write: Callable[[Any, Path], None]
    read: Callable[[Path, Any], Any]
    """The file, and the annotation of who wants the value."""


def formats_for(value: Any) -> Iterator[Format]:
    """Formats that suit `value`, the best first. A later one is for when an earlier one cannot hold it after all."""
    if _library_of_frame(type(value)) is not None:
        yield PARQUET
    elif _is_plain(value):
        yield JSON
    yield PICKLE


class UnsuitableError(Exception):
    """The format cannot hold this value."""


# ---- JSON -----------------------------------------------------------------------------------------------------------


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Whether JSON gives back exactly this value."""
    kind = type(value)
    if kind in (str, int, float, bool, type(None)):
        return True
    if depth >= MAX_DEPTH:
        return False
    if kind is list:
        return all(_is_plain(item, depth + 1) for item in value)
    if kind is dict:
        return all(type(key) is str and _is_plain(item, depth + 1) for key, item in value.items())
    return False


def _write_json(value: Any, path: Path) -> None:
    try:
        # NaN and infinities are not JSON
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise UnsuitableError from error
    path.write_text(text, encoding="utf-8")


def _read_json(path: Path, hint: Any) -> Any:
    del hint
    return json.loads(path.read_bytes())


# ---- pickle ---------------------------------------------------------------------------------------------------------


def _write_pickle(value: Any, path: Path) -> None:
    with path.open("wb") as file:
        pickle.dump(value, file, protocol=5)


def _read_pickle(path: Path, hint: Any) -> Any:
    del hint
    with path.open("rb") as file:
        return pickle.load(file)


# ---- Parquet --------------------------------------------------------------------------------------------------------


def _library_of_frame(kind: Any) -> str | None:
    """The library whose frame or table `kind` is exactly: a subclass may hold more than Parquet gives back."""
    module, name = getattr(kind, "__module__", ""), getattr(kind, "__qualname__", "")
    root = module.partition(".")[0] if isinstance(module, str) else ""
    if name == "DataFrame" and root in ("pandas", "polars"):
        return root
    return "pyarrow" if name == "Table" and root == "pyarrow" else None


def _write_parquet(value: Any, path: Path) -> None:
    library = _library_of_frame(type(value))
    if library == "polars":
        _write_polars(value, path)
        return
    if library == "pandas" and not all(_is_kept(value.iloc[:, number]) for number, kind in enumerate(value.dtypes) if str(kind) == "object"):
        raise UnsuitableError
    try:
        arrow = import_module("pyarrow")
        if library == "pandas":
            value.to_parquet(path, engine="pyarrow")
        else:
            import_module("pyarrow.parquet").write_table(value, path)
    except ImportError as error:
        raise UnsuitableError from error
    except (arrow.ArrowException, ValueError, TypeError) as error:
        # columns of several types, or named twice
        raise UnsuitableError from error


def _write_polars(value: Any, path: Path) -> None:
    try:
        value.write_parquet(path, metadata={_MARK: "polars"})
    except OSError:
        raise
    except Exception as error:  # the library's own error classes are not known without importing it
        raise UnsuitableError from error


def _is_kept(column: Any) -> bool:
    """Whether a pandas column of Python objects comes back from Parquet as it was: all of one plain type, or missing."""
    kinds = {type(item) for item in column if item is not None and item == item}
    return kinds <= {str} or (len(kinds) == 1 and kinds <= {bytes, bool, date, Decimal})


def _read_parquet(path: Path, hint: Any) -> Any:
    with _needing(path):
        match wanted_library(hint) or _library_of_file(path):
            case "polars":
                return import_module("polars").read_parquet(path)
            case "pyarrow":
                return import_module("pyarrow.parquet").read_table(path)
            case _:
                return import_module("pandas").read_parquet(path, engine="pyarrow")


def wanted_library(hint: Any) -> str | None:
    """The library that an annotation asks for, also inside `X | None` and `dict[str, X]`."""
    return next((library for kind in (hint, *get_args(hint)) if (library := _library_of_frame(kind)) is not None), None)


def _library_of_file(path: Path) -> str:
    try:
        metadata = import_module("pyarrow.parquet").read_metadata(path).metadata or {}
    except ImportError:
        return "polars"
    if _MARK.encode() in metadata:
        return str(metadata[_MARK.encode()].decode())
    return "pandas" if b"pandas" in metadata else "pyarrow"


@contextmanager
def _needing(path: Path) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ExecutionError(f"{path} is Parquet, and reading it needs {error.name}, which is not installed: pip install {error.name}.") from error


PARQUET = Format(".parquet", _write_parquet, _read_parquet)
JSON = Format(".json", _write_json, _read_json)
PICKLE = Format(".pickle", _write_pickle, _read_pickle)
FORMATS = (PARQUET, JSON, PICKLE)
