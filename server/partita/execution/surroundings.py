"""What a fresh user process puts right after the fork, so that user code finds what a new interpreter would give it."""

from __future__ import annotations

import ctypes
import logging
import os
import random
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from partita.execution.interpreter import file_handlers, forget_exit_handlers, run_exit_handlers
from partita.execution.processes import flush_c_streams

IMPORT_ENVIRON = {
    # jemalloc's own thread would forbid forks; these two libraries bring one.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "_RJEM_MALLOC_CONF": "background_thread:false",
    # BLAS and OpenMP pools do not survive a fork; they are given their threads in the child.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""Set while user modules are imported into a zygote; children get back what the user has set."""

_THREAD_SETTERS = {
    "openblas": ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads", "openblas_set_num_threads"),
    "libgomp": ("omp_set_num_threads",),
    "libomp": ("omp_set_num_threads",),
    "libiomp5": ("omp_set_num_threads",),
    "libmkl_rt": ("MKL_Set_Num_Threads",),
}

ThreadSetter = Callable[[int], Any]


def import_environ(environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str | None]]:
    """The environment to import user modules in, and what its changed variables were before."""
    return {**environ, **IMPORT_ENVIRON}, {name: environ.get(name) for name in IMPORT_ENVIRON}


def find_thread_setters() -> list[ThreadSetter]:
    """Functions of the loaded numeric libraries that set how many threads they use.

    They read their environment variables once, when they are loaded.
    """
    mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if ".so" in line}
    setters: list[ThreadSetter] = []
    for path in sorted(mapped):
        for part, names in _THREAD_SETTERS.items():
            if part in Path(path).name:
                library = ctypes.CDLL(path)
                setters += [getattr(library, name) for name in names if hasattr(library, name)]
    return setters


def restore(*, environ: Mapping[str, str | None], added: Mapping[str, str], setters: list[ThreadSetter]) -> None:
    """Put environment, threads, seeds, logging and exit handlers right in a process that was just forked.

    Args:
        environ: variables as they were before `import_environ`; what user modules have set since is kept.
        added: variables for this process alone.
    """
    restore_environ(environ, added)
    count = _thread_count()
    for setter in setters:
        setter(count)
    _reseed()
    for handler in file_handlers():
        _reopen(handler)
    forget_exit_handlers()


def restore_environ(environ: Mapping[str, str | None], added: Mapping[str, str]) -> None:
    """Undo `import_environ` where nobody has changed the value since, then add."""
    for name, before in environ.items():
        if os.environ.get(name) != IMPORT_ENVIRON.get(name):
            continue
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before
    os.environ.update(added)


def end_process(code: int, *, before: Callable[[], None]) -> NoReturn:
    """End as an interpreter would, except for freeing its heap: that would copy every page shared with the zygote.

    `before` is called first: joining threads and calling exit handlers may take as long as user code likes.
    """
    try:
        before()
        run_exit_handlers()
    except BaseException:  # also a cancellation while threads are joined; the exit code must stand
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                code = code or 1  # the disk is full, or user code has closed or replaced it
        flush_c_streams()
        os._exit(code)


def _thread_count() -> int:
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        if (text := os.environ.get(name, "")).isdigit() and int(text) > 0:
            return int(text)
    return len(os.sched_getaffinity(0))


def _reseed() -> None:
    """Forks of one zygote would all draw the same numbers."""
    random.seed()
    if numpy := sys.modules.get("numpy.random"):
        numpy.seed()
    if torch := sys.modules.get("torch"):
        torch.seed()


def _reopen(handler: logging.FileHandler) -> None:
    if handler.stream is None:
        return
    handler.stream.close()
    handler.mode = "a"  # opened on the next record; "w" would empty the file in every process
    handler.stream = None
