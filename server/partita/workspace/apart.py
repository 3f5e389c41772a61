"""Asking a location's own interpreter something that needs its code, in a process of its own that ends with the answer.

The process is `python -m MODULE FILE`: it reads the question from standard input and leaves its answer in FILE, for standard output belongs
to the user's code.
"""

from __future__ import annotations

import faulthandler
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from partita.errors import WorkspaceError
from partita.workspace.settings import LocationSettings

TAIL = 2_000
"""Characters of a dead process's output that are shown."""


def ask_apart(module: str, location: LocationSettings, question: bytes, *, environ: Mapping[str, str]) -> bytes:
    """What the process of a location answers.

    Raises:
        WorkspaceError: it cannot be started, or ends without an answer; names the location, and shows what it has printed last.
    """
    with tempfile.TemporaryDirectory(prefix="partita-apart-") as directory:
        answer, output = Path(directory, "answer"), Path(directory, "output")
        command = [location.python or sys.executable, "-u", "-P", "-m", module, str(answer)]
        try:
            with output.open("wb") as stream:
                done = subprocess.run(
                    command,
                    input=question,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    cwd=location.directory,
                    env=dict(environ),
                    check=False,
                )
        except OSError as error:
            raise WorkspaceError(f"Code location {location.name!r}: {command[0]} cannot be started: {error.strerror}.") from error
        if answer.exists():
            return answer.read_bytes()
        said = output.read_bytes()[-4 * TAIL :].decode(errors="replace")[-TAIL:].strip()
    how = f"exited with code {done.returncode}" if done.returncode >= 0 else f"was ended by signal {-done.returncode}"
    last = f" Its last output:{os.linesep}{said}" if said else ""
    raise WorkspaceError(f"Code location {location.name!r}: the process that imports it {how} before it had answered.{last}")


def answer_apart(path: str, answer: Callable[[bytes], bytes]) -> NoReturn:
    """Be that process: answer the question on standard input, and end."""
    faulthandler.enable()  # a crash leaves its traceback in the output
    body = answer(sys.stdin.buffer.read())
    part = Path(f"{path}.part")
    part.write_bytes(body)
    part.rename(path)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # exit handlers and threads of user modules have nothing to do with this
