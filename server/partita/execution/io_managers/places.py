"""Where a value lies below the root of a store of files, and how it gets there in the first format that can hold it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from partita.definitions.io import OutputContext
from partita.errors import ExecutionError
from partita.execution.io_managers.formats import FORMATS, Format, UnsuitableError, formats_for
from partita.execution.paths import directory_name, file_name

ENDINGS = tuple(each.ending for each in FORMATS)


def place_of(context: OutputContext) -> tuple[str, ...]:
    """Directories and name of the value, without its ending: `assets/<key>/<partition>`, `runs/<run>/<step>/<output>`."""
    if context.asset_key is None:
        return ("runs", file_name(context.run_id), file_name(context.step_key), file_name(context.output))
    name = file_name(context.partition_key) if context.partition_key is not None else "value"
    return ("assets", *(directory_name(part, ENDINGS) for part in context.asset_key.path), name)


def write_value(value: Any, context: OutputContext, draft: Callable[[Format], AbstractContextManager[Path]], *, manager: str) -> Format:
    """Write a value; answers the format that could hold it.

    Args:
        value: what is stored.
        context: what it is.
        draft: the file to write for a format, which is moved to its place when it is whole.
        manager: the IO manager's name, for errors.

    Raises:
        ExecutionError: no format can hold it; the message names its type.
    """
    for form in formats_for(value):
        try:
            with draft(form) as path:
                _write(value, form, path, context, manager)
        except UnsuitableError:
            continue
        return form
    raise AssertionError("pickle either stores a value or says why not")


def _write(value: Any, form: Format, path: Path, context: OutputContext, manager: str) -> None:
    try:
        form.write(value, path)
    except (UnsuitableError, OSError):
        raise
    except Exception as error:
        raise _cannot_hold(value, context, error, manager) from error


def _cannot_hold(value: Any, context: OutputContext, error: Exception, manager: str) -> ExecutionError:
    kind = type(value)
    return ExecutionError(
        f"Output {context.output!r} of step {context.step_key!r} is a {kind.__module__}.{kind.__qualname__}, which {manager} cannot store: "
        f"{type(error).__name__}: {error}. Return plain data, a data frame or something that can be pickled, or use another IO manager."
    )
