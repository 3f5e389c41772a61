"""How fast the terminal app is and what it weighs, over a real server with many runs."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from textual.events import Key

from benchmarks.figures import Figure
from partita_client.client import Client
from partita_client.tui.app import PartitaApp
from partita_client.tui.routes import parse_route
from support.dev import COMMAND, ENVIRON
from support.screens import WIDE, screen_text, until

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
TALKATIVE = """
import sys, tempfile, threading, time
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from support.api import serving
from support.stores import log

with tempfile.TemporaryDirectory() as home, serving(Path(home)) as api:
    writer = api.begin("fetch")
    print(api.port, flush=True)
    rate, ended = int(sys.argv[2]), threading.Event()

    def write():
        written, began = 0, time.monotonic()
        while not ended.wait(0.05):
            due = int((time.monotonic() - began) * rate)
            writer.send(*(log(f"loaded part {number}", step="fetch") for number in range(written, due)))
            written = due

    thread = threading.Thread(target=write)
    thread.start()
    sys.stdin.read()
    ended.set()
    thread.join()
"""
"""Serves a run that writes so many events a second."""


@contextmanager
def server(number: int, script: str = SERVER) -> Iterator[str]:
    """The address of a server with so many runs, or of what another script serves."""
    command = [sys.executable, "-c", script, str(Path(__file__).parents[1]), str(number)]
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


def measure_tui() -> Iterator[Figure]:
    """The command on a terminal, and the app in this process where its loop is watched."""
    painted, live = first_paint()
    yield Figure(what="`partita tui` to its first frame", incumbent="", reach="< 600 ms", values=painted)
    yield Figure(what="`partita tui` to live data, 1,000 runs", incumbent="", reach="", values=live)
    yield Figure(what="key to repaint, 10,000 runs", incumbent="", reach="p95 < 50 ms", values=asyncio.run(key_to_repaint()))
    yield Figure(what="number key to the section it names, 10,000 runs", incumbent="", reach="", values=asyncio.run(section_switch()))
    stalls, shown = asyncio.run(followed_events())
    yield Figure(what=f"longest stall while following a run of 2,000 events/s ({shown:,} seen)", incumbent="", reach="< 50 ms", values=[max(stalls)])
    first, whole = memory()
    yield Figure(what="memory (RSS) of the app, 10,000 runs", incumbent="", reach="< 100 MB", values=[first], unit="MB")
    yield Figure(what="the same with all 10,000 scrolled through", incumbent="", reach="< 100 MB", values=[whole], unit="MB")


def first_paint(times: int = 7, runs: int = 1_000) -> tuple[list[float], list[float]]:
    """Milliseconds from the command to its first frame, and to live data in it."""
    painted, live = [], []
    with server(runs) as url:
        for _ in range(times + 1):
            with session(url) as it:
                painted.append(it.wait_for("Needs attention") * 1000)
                live.append(it.wait_for("live") * 1000)
    return painted[1:], live[1:]


def memory(runs: int = 10_000) -> tuple[float, float]:
    """Megabytes with the first pages of so many runs, and with all of them read."""
    with server(runs) as url, session(url, "runs") as it:
        it.wait_for("nightly")
        it.drain(3)
        first = it.memory()
        it.press("G")
        it.drain(20)  # 50 pages
        return first, it.memory()


class TimedApp(PartitaApp):
    """The app, which knows when it was last painted."""

    painted_at = 0.0

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        self.painted_at = time.perf_counter()


async def key_to_repaint(runs: int = 10_000, keys: int = 300) -> list[float]:
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
    return spans


async def section_switch(runs: int = 10_000, times: int = 30) -> list[float]:
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
    return spans


async def followed_events(rate: int = 2_000, seconds: float = 5.0) -> tuple[list[float], int]:
    """Milliseconds that the app's loop was held up, each time, while it follows a run's events; and how many events it took in."""
    with server(rate, TALKATIVE) as url:
        with Client(url) as client:
            run_id = next(iter(client.runs())).id
        app = PartitaApp(url, route=parse_route(f"run {run_id}"))
        stalls: list[float] = []
        async with app.run_test(size=WIDE) as pilot:
            await until(pilot, lambda: "loaded part" in screen_text(app), seconds=30)
            await asyncio.sleep(2)
            before = shown_number(app)
            ends = time.perf_counter() + seconds
            while (began := time.perf_counter()) < ends:
                await asyncio.sleep(0.001)
                stalls.append((time.perf_counter() - began) * 1000 - 1)
            return stalls, shown_number(app) - before


def shown_number(app: PartitaApp) -> int:
    """The number of the last event on the screen."""
    return max(int(number) for number in re.findall(r"loaded part (\d+)", screen_text(app)))
