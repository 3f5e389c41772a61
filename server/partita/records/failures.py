"""An exception as a value, bounded in size, so that it can be stored and shown."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from textwrap import indent

import msgspec

from partita.definitions.texts import storable

MAX_MESSAGE = 16_000
"""Characters of a message that are kept: an exception of 20 MB must not reach a screen."""
MAX_FRAMES = 60
"""Frames kept of a stack, half from either end: a recursion error has thousands that are alike."""
MAX_CAUSES = 8
MAX_MEMBERS = 10
"""Members told of an exception group; the message names the first few."""
MAX_NAMED = 3
MAX_TOLD = 40
"""Exceptions told of one failure, members and causes all in all: groups of groups multiply."""
MAX_SUMMARY = 200
"""Characters that name a member in the message of its group."""


class PythonError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A Python exception: a failed step, tick or load is a result, not an error of the API."""

    class_name: str
    message: str
    stack: tuple[str, ...] = ()
    """Formatted frames, outermost first; those of an exception group are followed by its members, as Python prints them."""
    cause: PythonError | None = None

    @property
    def summary(self) -> str:
        """One line: the class and the first line of the message."""
        first = self.message.strip().splitlines()[0] if self.message.strip() else ""
        return f"{self.class_name}: {first}" if first else self.class_name

    @classmethod
    def of(cls, error: BaseException, *, skip_frames_in: tuple[str, ...] = ()) -> PythonError:
        """`error` as a value. Frames of files whose path contains one of `skip_frames_in` are left out."""
        return _of(error, skip_frames_in, depth=0, told=[])


def _of(error: BaseException, skip: tuple[str, ...], *, depth: int, told: list[int]) -> PythonError:
    told.append(id(error))
    stack = (*_stack(error, skip), *_members(error, skip, depth=depth, told=told))
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    follow = cause is not None and id(cause) not in told and depth < MAX_CAUSES
    return PythonError(
        class_name=type(error).__name__,
        message=_message(error),
        stack=stack,
        cause=_of(cause, skip, depth=depth + 1, told=told) if follow and cause is not None else None,
    )


def _message(error: BaseException) -> str:
    if not isinstance(error, BaseExceptionGroup):
        return _text(error)
    first = [PythonError(class_name=type(each).__name__, message=_text(each)).summary[:MAX_SUMMARY] for each in error.exceptions[:MAX_NAMED]]
    return f"{_text(error)}: {'; '.join(first)}" + ("; ..." if len(error.exceptions) > MAX_NAMED else "")


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException as broken:  # the user's own __str__ may raise, be it SystemExit, and a failure must still be told
        text = f"<its message could not be read: {type(broken).__name__}>"
    text = storable(text)
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + f"... ({len(text) - MAX_MESSAGE} more characters)"


def _members(error: BaseException, skip: tuple[str, ...], *, depth: int, told: list[int]) -> Iterator[str]:
    """Each member of a group with its own frames, causes and members, below a line with its number."""
    if not isinstance(error, BaseExceptionGroup):
        return
    count = 0
    for member in error.exceptions[:MAX_MEMBERS]:
        if len(told) >= MAX_TOLD:
            break
        count += 1
        text = render_error(_of(member, skip, depth=depth + 1, told=told))
        yield f"{'  +-+' if count == 1 else '    +'}---------------- {count} ----------------\n" + indent(_shortened(text), "    | ", lambda _: True)
    if count < len(error.exceptions):
        yield f"    +---------------- {len(error.exceptions) - count} more members left out ----------------\n"
    yield "    +------------------------------------\n"


def _shortened(text: str) -> str:
    half = MAX_MESSAGE // 2
    return text if len(text) <= MAX_MESSAGE else f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"


def _stack(error: BaseException, skip: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(storable, _lines(error, skip)))


def _lines(error: BaseException, skip: tuple[str, ...]) -> list[str]:
    if isinstance(error, SyntaxError):
        return traceback.format_exception_only(error)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__, limit=-2000) if not any(part in frame.filename for part in skip)]
    if len(frames) > MAX_FRAMES:
        left_out = len(frames) - MAX_FRAMES
        half = MAX_FRAMES // 2
        return [*traceback.format_list(frames[:half]), f"  ... {left_out} frames left out ...\n", *traceback.format_list(frames[-half:])]
    return traceback.format_list(frames)


def render_error(error: PythonError) -> str:
    """The error as Python would print it, causes first."""
    before = f"{render_error(error.cause)}\nThe above led to:\n\n" if error.cause else ""
    trace = "Traceback (most recent call last):\n" + "".join(error.stack) if error.stack else ""
    return f"{before}{trace}{error.class_name}: {error.message}\n"
