"""What stands against forking this process: whatever a child would share or miss in a way that breaks it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from socket import AF_INET, AF_INET6, AF_UNIX, SO_ACCEPTCONN, SOL_SOCKET, socket
from typing import Any

from partita.execution.interpreter import file_handlers

IDLE_THREADS = ("jemalloc_bg_thd", "polars-")
"""Names of threads that do nothing until their library is used, so that a fork without them works. Each is tested."""
MAX_TOLD = 5
"""Hazards that are named: one is enough to know what to look for, and a pool of connections leaves many."""
_RISKY = ("socket:", "pipe:", "anon_inode:", "/dev/nvidia")


def find_hazards(own_fds: Collection[int]) -> tuple[str, ...]:
    """Why this process must not be forked, in words for its author; empty when it may.

    Args:
        own_fds: descriptors that are ours and known to survive a fork.
    """
    found = Counter((*_threads(), *_children(), *_descriptors(own_fds)))
    told = [text if count == 1 else f"{text} ({count} times)" for text, count in found.items()]
    more = len(told) - MAX_TOLD
    return (*told[:MAX_TOLD], f"{more} more") if more > 0 else tuple(told)


def _threads() -> Iterator[str]:
    """Every thread but this one: by its name in Python, else by the kernel's, where that is not just the name of the process."""
    me = os.getpid()
    python = {thread.native_id: thread.name for thread in threading.enumerate()}
    for task in sorted(map(int, os.listdir("/proc/self/task"))):  # noqa: PTH208
        with suppress(OSError):  # it ended meanwhile
            name = _task_name(task)
            if task == me or name.startswith(IDLE_THREADS):
                continue
            if task in python:
                yield f"thread {python[task]}"
            else:
                yield "a thread of a C library" + (f" ({name})" if name != _task_name(me) else "")


def _task_name(task: int) -> str:
    return Path(f"/proc/self/task/{task}/comm").read_text().strip()


def _children() -> Iterator[str]:
    with suppress(OSError):
        for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            yield f"child process {pid}"


def _descriptors(own_fds: Collection[int]) -> Iterator[str]:
    expected = {*own_fds, *_log_files()}
    for fd in sorted({int(name) for name in os.listdir("/proc/self/fd")} - expected):  # noqa: PTH208
        with suppress(OSError):  # the one that listed the directory is closed again
            target = str(Path(f"/proc/self/fd/{fd}").readlink())
            flags = int(Path(f"/proc/self/fdinfo/{fd}").read_text().split()[3], 8)
            is_written = flags & os.O_ACCMODE and not target.startswith("/dev/")
            if is_written or target.startswith(_RISKY):
                yield _opened(fd, target)


def _opened(fd: int, target: str) -> str:
    """An open file in words: the kernel's own name of what is no file is a number."""
    kind, _, rest = target.partition(":")
    match kind:
        case "socket":
            return f"an open socket{_place_of(fd)}"
        case "pipe":
            return "an open pipe"
        case "anon_inode":
            return f"an open {rest.strip('[]')}"
        case _:
            return f"open {target}"


def _place_of(fd: int) -> str:
    """Where a socket leads to, as far as it can tell."""
    with suppress(OSError), socket(fileno=os.dup(fd)) as opened:  # not connected, or of a family that says nothing
        if opened.getsockopt(SOL_SOCKET, SO_ACCEPTCONN):
            return f" that listens at {_address(opened.family, opened.getsockname())}"
        address = _address(opened.family, opened.getpeername())
        return f" to {address}" if address else ""
    return ""


def _address(family: int, address: Any) -> str:
    if family == AF_UNIX:  # an abstract name begins with NUL; a pair of sockets has none
        return os.fsdecode(address).replace("\0", "@", 1)
    if family not in {AF_INET, AF_INET6}:
        return ""
    host, port = address[:2]
    return f"[{host}]:{port}" if family == AF_INET6 else f"{host}:{port}"


def _log_files() -> set[int]:
    """Log files may be open: the child opens them anew."""
    return {handler.stream.fileno() for handler in file_handlers() if handler.stream is not None}
