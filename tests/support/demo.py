"""The demo as a user runs it, and its home opened again afterwards."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import partita.demo
from support.dev import COMMAND, ENVIRON, free_port, running_dev

WORKSPACE = Path(partita.demo.__file__).parent / "partita.toml"


@dataclass(frozen=True, kw_only=True)
class DemoRun:
    """A demo that has ended, and the server that shows what it left."""

    returncode: int
    output: str
    url: str


@contextmanager
def run_demo_once(folder: Path) -> Iterator[DemoRun]:
    """`partita demo --once` on a home in `folder`, then `partita dev` on the same home."""
    home = folder / ".partita"
    demo = subprocess.run(
        [*COMMAND, "demo", "--once", "--home", str(home), "--port", str(free_port())],
        cwd=folder,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        env=ENVIRON,
        check=False,
    )
    with running_dev(folder, workspace=WORKSPACE) as dev:
        yield DemoRun(returncode=demo.returncode, output=demo.stdout + demo.stderr, url=dev.url)
