"""The private parts of the standard library that making and ending processes needs; `multiprocessing` uses the same."""
# ruff: noqa: SLF001

from __future__ import annotations

import atexit
import logging
import sys
import threading
import weakref
from typing import Any

_atexit: Any = atexit
_finalize: Any = weakref.finalize
_logging: Any = logging
_threading: Any = threading


def file_handlers() -> list[logging.FileHandler]:
    """Every handler of this process that logs to a file."""
    handlers = (reference() for reference in _logging._handlerList)
    return [handler for handler in handlers if isinstance(handler, logging.FileHandler)]


def forget_exit_handlers() -> None:
    """Drop the handlers registered so far, and keep what serves each process: logging, finalizers, multiprocessing.

    Handlers registered while importing belong to the process that imported: run in a child, they would end things that
    it shares with others, such as a temporary directory.
    """
    _atexit._clear()
    for finalizer in list(_finalize._registry):
        finalizer.atexit = False
    atexit.register(_finalize._exitfunc)  # it registers itself only once in its life
    atexit.register(logging.shutdown)
    multiprocessing: Any = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None:
        multiprocessing._finalizer_registry.clear()
        atexit.register(multiprocessing._exit_function)


def run_exit_handlers() -> None:
    """Join the threads that are no daemons, then call the exit handlers, as an interpreter does at its end."""
    _threading._shutdown()
    _atexit._run_exitfuncs()
