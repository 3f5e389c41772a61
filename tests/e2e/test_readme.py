"""The README's commands and programs, executed as written."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.dev import descendants, is_answering
from support.waiting import eventually

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
URL = "http://127.0.0.1:4400"
ENV = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def blocks(language: str, part: str) -> list[str]:
    """The blocks of a language that hold `part`."""
    return [text for kind, text in BLOCKS if kind == language and part in text]


def bash(commands: str, folder: Path) -> str:
    """What the commands print; they must all succeed."""
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env=ENV,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which the quickstart was typed, with `partita dev` running in the foreground of another terminal."""
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", 4400)) != 0, "something else listens on port 4400"
    folder = tmp_path_factory.mktemp("quickstart")
    (quickstart,) = blocks("bash", "partita init")
    lines = [line for line in quickstart.splitlines() if not line.startswith("pip install")]  # that is how these tests came to run
    assert lines[-1] == "partita dev"
    typed = "\n".join([*lines[:-1], "exec partita dev"])
    process = subprocess.Popen(["bash", "-ec", typed], cwd=folder, env=ENV, stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: process.poll() is not None or is_answering(URL), seconds=30, what="partita dev to answer")
        assert process.poll() is None
        yield folder
    finally:
        left = descendants(process.pid)
        process.terminate()
        process.wait(timeout=30)
        eventually(lambda: not [pid for pid in left if Path(f"/proc/{pid}").exists()], seconds=15, what="all its processes to end")


def test_the_first_commands_are_targets_of_the_makefile() -> None:
    first = next(text for kind, text in BLOCKS if kind == "bash")

    assert first.splitlines() == ["make demo", "make test"]
    for line in first.splitlines():
        assert re.search(rf"^{line.removeprefix('make ')}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_program_of_the_quickstart_runs() -> None:
    (program,) = blocks("python", "import partita as pt")

    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_the_automation_beside_it_is_a_location(tmp_path: Path) -> None:
    (program,), (automation,) = blocks("python", "import partita as pt"), blocks("python", "pt.Schedule(")
    (tmp_path / "shop.py").write_text(program + automation)

    done = subprocess.run(
        [sys.executable, "-c", "from shop import definitions; print(len(definitions.spec.schedules), len(definitions.spec.sensors))"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )

    assert done.stdout.split() == ["1", "1"]


def test_the_commands_of_the_second_terminal_work(shop: Path) -> None:
    (commands,) = blocks("bash", "partita asset list")

    printed = bash(commands, shop)

    assert "succeeded" in printed


def test_the_query_by_hand_is_answered(shop: Path) -> None:
    (command,) = blocks("bash", "curl")

    assert '"status":"LOADED"' in bash(command, shop).replace(" ", "")


def test_the_client_program_runs(shop: Path) -> None:
    (program,) = blocks("python", "from partita_client")

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert "succeeded" in done.stdout


def test_every_command_it_names_exists() -> None:
    for group, names in re.findall(r"`partita (\w+) ([\w|]+)`", README):
        help_text = bash(f"partita {group} --help", ROOT)
        assert all(name in help_text for name in names.split("|"))
