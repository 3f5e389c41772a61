"""A tour in a real terminal against a real server: launch, follow, cancel, lose the server and find it again, resize, leave."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from support.dev import COMMAND, ENVIRON, descendants, free_port, is_answering
from support.terminal import HAS_TMUX, Terminal, terminal
from support.waiting import eventually

pytestmark = [pytest.mark.skipif(not HAS_TMUX, reason="tmux is not installed"), pytest.mark.timeout(240)]
CODE = '''
import time
from pathlib import Path

import partita as pt

HERE = Path(__file__).parent


@pt.op
def wait(context: pt.OpContext) -> None:
    """Wait until the test allows it to end."""
    print("[/ waiting for a word", flush=True)
    context.log.info("still here [type=x]")
    while not (HERE / "go").exists():
        time.sleep(0.02)


@pt.job
def slow() -> None:
    wait()


@pt.asset(group="raw")
def orders() -> int:
    """Orders as they came."""
    return 3


repository = pt.Repository("main", assets=[orders], jobs=[slow])
'''


class Server:
    """`partita dev` on one port, started as often as a test needs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "dev.log").open("ab") as log:
            command = [*COMMAND, "dev", "--home", str(self.folder / "home"), "--port", str(self.port)]
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=ENVIRON)
        eventually(lambda: is_answering(self.url), seconds=40, what="the server to answer")

    def kill(self) -> None:
        """At once, with everything that it started."""
        assert self.process is not None
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "code.py").write_text(dedent(CODE))
    (tmp_path / "partita.toml").write_text('[[location]]\nname = "main"\nfile = "code.py"\n')
    made = Server(tmp_path)
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def app(server: Server, *place: str, size: tuple[int, int] = (120, 36)) -> Iterator[Terminal]:
    command = [*COMMAND, "tui", *place, "--url", server.url]
    with terminal(command, size=size, env={"TERM": "tmux-256color", "LANG": "C.UTF-8"}, folder=server.folder) as made:
        yield made


def test_a_tour(server: Server) -> None:
    with app(server) as it:
        it.shows("no server yet at", "◌ connecting")
        server.start()
        it.press("C-r")
        it.shows("● live", "0 of 1 materialized", "missing")

        it.press("6")
        it.shows("[6 Workspace]", "loaded", "Jobs 1")
        it.press("]")
        it.shows("[Jobs 1]", "slow")
        it.press("x")
        it.shows("Launch slow", "launches job slow as a run")
        it.press("F5")
        it.shows("Runs ▸", "RUNNING", "STARTED", "still here [type=x]", "following")
        it.press("o")
        it.shows("stdout of wait", "[/ waiting for a word")

        it.resize(80, 24)
        it.shows("[3 Runs] 4 Auto", "stdout of wait", "RUNNING")
        it.resize(50, 12)
        it.shows("terminal too small (50x12, need 60x16)")
        it.resize(120, 36)
        it.shows("3 Runs", "4 Automation", "stdout of wait")

        server.kill()
        it.shows("⚠ disconnected", "showing data as of", "retry in", "wait")
        it.press("c")
        it.shows("cancel: the server does not answer")
        server.start()
        it.press("C-r")
        it.shows("● live")
        it.hides("disconnected")

        it.press("3")
        it.shows("[3 Runs]", "slow")
        it.type(":")
        it.shows("─ jump ─")
        it.type("location main")
        it.press("Enter")
        it.shows("[Jobs 1]", "slow")  # as it was left
        it.press("x")
        it.shows("Launch slow", "launches job slow as a run")
        it.press("F5")
        it.shows("RUNNING", "STARTED")
        it.press("c")
        it.shows("Cancel run", "unfinished  1 step will not")
        it.press("Enter")
        it.shows("CANCELED")

        it.press("q")
        it.shows("[3 Runs]", "canceled", "2 runs")
        it.press("q")
        assert it.shows("left with 0").strip().startswith("left with 0"), "the terminal is as it was"


def test_a_signal_ends_it_and_restores_the_terminal(server: Server) -> None:
    with app(server, "runs") as it:
        it.shows("[3 Runs]", "no server yet")
        pid = int(it.tmux("display-message", "-p", "-t", "it", "#{pane_pid}"))
        [found] = [each for each in descendants(pid) if b"tui" in Path(f"/proc/{each}/cmdline").read_bytes()]
        os.kill(found, signal.SIGTERM)
        assert it.shows("left with 0").strip().startswith("left with 0")


def test_an_interrupt_ends_it_from_anywhere(server: Server) -> None:
    with app(server, size=(80, 24)) as it:
        it.shows("[1 Ov]")
        it.type(":")
        it.shows("─ jump ─")
        it.press("C-c")
        it.shows("left with 0")


def test_an_unknown_place_is_refused_before_anything_is_drawn(server: Server) -> None:
    with app(server, "rusn") as it:
        it.shows("There is no place 'rusn'. Did you mean", "left with 2")
