"""How fast the terminal app is and what it weighs, over a real server with many runs: `python tests/benchmarks/tui_app.py`."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from textual.events import Key

from partita_client.tui.app import PartitaApp
from partita_client.tui.routes import parse_route
from support.dev import COMMAND, ENVIRON
from support.screens import WIDE, until

SERVER = """
import sys, tempfile
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from partita.records.runs import RunRequest
from support.api import serving

with tempfile.TemporaryDirectory() as home, serving(Path(home)) as api:
    request = RunRequest(location="ingest", repository="main", job="nightly")
    for _ in range(int(sys.argv[2]) // 500):
        api.store.runs.launch([request] * 500)
    print(api.port, flush=True)
    sys.stdin.read()
"""
"""Serves a small workspace with so many runs until its input ends, in a process of its own so that the app has its loop alone."""


@contextmanager
def server(runs: int) -> Iterator[str]:
    """The address of a server with so many runs."""
    command = [sys.executable, "-c", SERVER, str(Path(__file__).parents[1]), str(runs)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        assert process.stdin is not None
        process.stdin.close()


@dataclass
class Session:
    """The app on a terminal, in a process of its own."""

    pid: int
    file: int
    began: float
    seen: bytes = b""

    def wait_for(self, text: str, seconds: float = 30) -> float:
        """Seconds from the start of the process until a text is drawn."""
        deadline = time.perf_counter() + seconds
        while text.encode() not in self.seen:
            left = deadline - time.perf_counter()
            assert left > 0, f"{text!r} was not drawn"
            if select.select([self.file], [], [], left)[0]:
                self.seen += os.read(self.file, 65_536)
        return time.perf_counter() - self.began

    def press(self, keys: str) -> None:
        """Press keys, and forget what was drawn before."""
        self.drain(0.2)
        self.seen = b""
        os.write(self.file, keys.encode())

    def drain(self, seconds: float) -> None:
        """Take what is drawn for a while."""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            if select.select([self.file], [], [], left)[0]:
                self.seen += os.read(self.file, 65_536)

    def memory(self) -> float:
        """Megabytes that it holds."""
        return psutil.Process(self.pid).memory_info().rss / 2**20


@contextmanager
def session(url: str, *place: str) -> Iterator[Session]:
    """`partita tui` on a pseudo-terminal."""
    began = time.perf_counter()
    pid, file = pty.fork()
    if pid == 0:
        os.execve(COMMAND[0], [*COMMAND, "tui", *place, "--url", url], {**ENVIRON, "TERM": "xterm-256color", "LANG": "C.UTF-8"})
    columns, rows = WIDE
    fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    made = Session(pid, file, began)
    try:
        yield made
    finally:
        os.write(file, b"\x03")
        with suppress(OSError):  # the other end is closed
            made.drain(5)
        os.close(file)
        os.waitpid(pid, 0)


def first_paint(times: int = 7, runs: int = 1_000) -> dict[str, float]:
    """Milliseconds from the command to its first frame, and to live data in it."""
    painted, live = [], []
    with server(runs) as url:
        for _ in range(times + 1):
            with session(url) as it:
                painted.append(it.wait_for("Needs attention") * 1000)
                live.append(it.wait_for("live") * 1000)
    return {"first paint ms": median(painted[1:]), "live ms": median(live[1:])}


def memory(runs: int = 10_000) -> dict[str, float]:
    """Megabytes with the first pages of so many runs, and with all of them read."""
    with server(runs) as url, session(url, "runs") as it:
        it.wait_for("nightly")
        it.drain(3)
        first = it.memory()
        it.press("G")
        it.drain(20)  # 50 pages
        return {"at first MB": first, "all read MB": it.memory()}


class TimedApp(PartitaApp):
    """The app, which knows when it was last painted."""

    painted_at = 0.0

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        self.painted_at = time.perf_counter()


async def key_to_repaint(runs: int = 10_000, keys: int = 300) -> dict[str, float]:
    """Milliseconds from a key to the painted screen in the list of runs, all of them read."""
    with server(runs) as url:
        app = TimedApp(url, route=parse_route("runs"))
        spans = []
        async with app.run_test(size=WIDE) as pilot:
            await until(pilot, lambda: len(app.desk.world.runs) >= min(runs, 200), seconds=60)
            await pilot.press("G")
            await until(pilot, lambda: len(app.desk.world.runs) >= runs, seconds=120)
            await asyncio.sleep(1)
            for number in range(keys):
                await asyncio.sleep(0.01)
                began = time.perf_counter()
                app.post_message(Key("k", "k") if number % 10 else Key("pageup", None))
                while app.painted_at <= began:  # noqa: ASYNC110  an event would be set before the loop comes back to it
                    await asyncio.sleep(0.0005)
                spans.append((app.painted_at - began) * 1000)
    cuts = quantiles(spans, n=20)
    return {"p50 ms": cuts[9], "p95 ms": cuts[18], "longest ms": max(spans)}


async def section_switch(runs: int = 10_000, times: int = 30) -> dict[str, float]:
    """Milliseconds from a number key to the section that it names."""
    with server(runs) as url:
        app = TimedApp(url)
        spans = []
        async with app.run_test(size=WIDE) as pilot:
            await until(pilot, lambda: app.desk.is_connected, seconds=60)
            for key in "2345671":
                await pilot.press(key)
            for number in range(times):
                section = ("runs", "assets", "overview")[number % 3]
                began = time.perf_counter()
                app.post_message(Key({"runs": "3", "assets": "2", "overview": "1"}[section], None))
                while app.current_mode != section or app.painted_at <= began:  # noqa: ASYNC110  as above
                    await asyncio.sleep(0.0005)
                spans.append((app.painted_at - began) * 1000)
                await asyncio.sleep(0.1)
    return {"p50 ms": median(spans), "p95 ms": quantiles(spans, n=20)[18]}


def main() -> None:
    """Measure everything and print it."""
    measures: dict[str, Callable[[], dict[str, float]]] = {
        "first paint": first_paint,
        "memory": memory,
        "key to repaint": lambda: asyncio.run(key_to_repaint()),
        "section switch": lambda: asyncio.run(section_switch()),
    }
    for name, measure in measures.items():
        sys.stdout.write(f"{name:16} " + "  ".join(f"{what} {value:.1f}" for what, value in measure().items()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
