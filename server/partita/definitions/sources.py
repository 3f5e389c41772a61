"""Where a definition stands in the user's code, and errors that say so."""

from __future__ import annotations

import inspect
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import msgspec

from partita.errors import DefinitionError, DefinitionErrors

INSTALLED = tuple(f"{sysconfig.get_paths()[name]}/" for name in ("stdlib", "platstdlib", "purelib", "platlib"))
"""Directories of the interpreter's own modules and of installed ones."""


class SourceLocation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a definition stands; left out of the catalog's hash."""

    file: str
    line: int


def source_of(function: Callable[..., Any]) -> SourceLocation | None:
    """File and line of a function; None for callables that were not written in Python."""
    code = getattr(function, "__code__", None) or getattr(inspect.unwrap(function), "__code__", None)
    return SourceLocation(file=code.co_filename, line=code.co_firstlineno) if code is not None else None


def caller() -> FrameType:
    """The user's line that is being executed: the innermost frame outside Partita, else the outermost one of all."""
    frame = inspect.currentframe()
    assert frame is not None, "the interpreter has frames"
    while _is_own(frame) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _is_own(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    return (name == "partita" or name.startswith("partita.")) and not name.startswith("partita.demo")


def caller_source() -> SourceLocation:
    """File and line of the user's statement that is being executed."""
    frame = caller()
    return SourceLocation(file=frame.f_code.co_filename, line=frame.f_lineno)


def raised_at(error: BaseException) -> SourceLocation | None:
    """File and line of the user's statement that led to an error: the innermost outside of Partita, installed packages and the import itself.

    Where all of the code is installed, the innermost of that."""
    found: list[SourceLocation] = []
    step = error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if not _is_own(step.tb_frame) and not file.startswith("<"):
            found.append(SourceLocation(file=file, line=step.tb_lineno))
        step = step.tb_next
    users = [each for each in found if not each.file.startswith(INSTALLED)] or found
    return users[-1] if users else None


def names_around(function: Callable[..., Any]) -> Mapping[str, Any]:
    """The local names where a function was defined, while that code still runs: annotations may mention its classes."""
    innermost = frame = caller()
    code = getattr(function, "__code__", None)
    while code not in frame.f_code.co_consts:
        if frame.f_back is None:
            return innermost.f_locals
        frame = frame.f_back
    return frame.f_locals


def at(error: DefinitionError, source: SourceLocation | None, subject: str = "") -> DefinitionError:
    """`error`, led to `source`: its message begins with file, line and subject, unless it already leads somewhere."""
    if error.line is not None or source is None or isinstance(error, DefinitionErrors):
        return error
    led = type(error)(f"{source.file}:{source.line}: {subject + ': ' if subject else ''}{error}")
    led.file, led.line = source.file, source.line
    return led


def refuse_bare(function: object, decorator: str) -> None:
    """A decorator that cannot know what is wanted of it was written without its parameters.

    Raises:
        DefinitionError: it was, with file and line.
    """
    if function is not None:
        name = getattr(function, "__name__", function)
        raise at(DefinitionError(f"the decorator needs its parameters: @pt.{decorator}."), caller_source(), repr(name))


@contextmanager
def located(source: SourceLocation | None, subject: str) -> Iterator[None]:
    """Definition errors raised inside begin with file, line and subject."""
    try:
        yield
    except DefinitionError as error:
        led = at(error, source, subject)
        if led is error:
            raise
        raise led from error
