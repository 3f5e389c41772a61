"""Bounding the files of what steps print: of one that grows too long the middle is given back to the disk.

What is left out becomes a hole, so the offsets of all other bytes stay as they are: readers that follow the file are not
disturbed, and the end, which tells how it went, is always there.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_BLOCK = 4096
_PUNCH_HOLE_KEEP_SIZE = 3
_libc = ctypes.CDLL(None, use_errno=True)


def trim(path: Path, *, limit: int) -> bool:
    """Give the middle of a file back when it holds more than `limit` bytes, so that its first and last quarter of that are left.

    Answers whether something was given back: a file system without holes keeps everything.
    """
    try:
        file = os.open(path, os.O_WRONLY)
    except OSError:
        return False
    try:
        found = os.fstat(file)
        if found.st_blocks * 512 <= limit:
            return False
        first, last = _whole(limit // 4), _whole(found.st_size - limit // 4)
        return last > first and _punch(file, first, last - first)
    finally:
        os.close(file)


def gap_at(file: int, position: int) -> int:
    """How many bytes that were left out begin at `position` of an open file."""
    with suppress(OSError):  # the end of the file, or a file system that does not tell
        return max(0, os.lseek(file, position, os.SEEK_DATA) - position)
    return 0


def next_gap(file: int, position: int) -> int | None:
    """Where the next bytes that were left out begin; None: nothing behind `position` was."""
    with suppress(OSError):
        start = os.lseek(file, position, os.SEEK_HOLE)
        return start if start < os.fstat(file).st_size else None
    return None


class PrintedFile:
    """An open file of what was printed. It may still grow."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def gap_at(self, position: int) -> int:
        """How many bytes that were left out begin at `position`."""
        return gap_at(self._file.fileno(), position)

    def next_gap(self, position: int) -> int | None:
        """Where the next bytes that were left out begin; None: nothing behind `position` was."""
        return next_gap(self._file.fileno(), position)

    def read(self, position: int, size: int) -> bytes:
        """Up to `size` bytes from `position` on."""
        self._file.seek(position)
        return self._file.read(size)


def notice(count: int) -> str:
    """What stands in the place of bytes that were left out."""
    return f"\n[{count:,} bytes are left out here: the output was too long to be kept whole]\n"


def _punch(file: int, start: int, length: int) -> bool:
    fallocate = getattr(_libc, "fallocate", None)
    return fallocate is not None and fallocate(file, _PUNCH_HOLE_KEEP_SIZE, ctypes.c_long(start), ctypes.c_long(length)) == 0


def _whole(count: int) -> int:
    return count // _BLOCK * _BLOCK
