"""What stands against forking this process: whatever a child would share or miss in a way that breaks it."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from partita.execution.interpreter import file_handlers

IDLE_THREADS = ("jemalloc_bg_thd", "polars-")
"""Names of threads that do nothing until their library is used, so that a fork without them works. Each is tested."""
_RISKY = ("socket:", "pipe:", "anon_inode:", "/dev/nvidia")


def find_hazards(own_fds: Collection[int]) -> tuple[str, ...]:
    """Why this process must not be forked; empty when it may.

    Args:
        own_fds: descriptors that are ours and known to survive a fork.
    """
    return (*_threads(), *_python_threads(), *_children(), *_descriptors(own_fds))


def _threads() -> Iterator[str]:
    me = str(os.getpid())
    for task in os.listdir("/proc/self/task"):  # noqa: PTH208
        with suppress(OSError):  # it ended meanwhile
            name = Path(f"/proc/self/task/{task}/comm").read_text().strip()
            if task != me and not name.startswith(IDLE_THREADS):
                yield f"thread {name}"


def _python_threads() -> Iterator[str]:
    main = threading.main_thread()
    return (f"Python thread {thread.name}" for thread in threading.enumerate() if thread is not main)


def _children() -> Iterator[str]:
    with suppress(OSError):
        for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            yield f"child process {pid}"


def _descriptors(own_fds: Collection[int]) -> Iterator[str]:
    expected = {*own_fds, *_log_files()}
    for fd in {int(name) for name in os.listdir("/proc/self/fd")} - expected:  # noqa: PTH208
        with suppress(OSError):  # the one that listed the directory is closed again
            target = str(Path(f"/proc/self/fd/{fd}").readlink())
            flags = int(Path(f"/proc/self/fdinfo/{fd}").read_text().split()[3], 8)
            is_written = flags & os.O_ACCMODE and not target.startswith("/dev/")
            if is_written or target.startswith(_RISKY):
                yield f"open {target}"


def _log_files() -> set[int]:
    """Log files may be open: the child opens them anew."""
    return {handler.stream.fileno() for handler in file_handlers() if handler.stream is not None}
