"""`partita tui` where it cannot run, and its help."""

from __future__ import annotations

import subprocess
import sys

import pytest

from partita_client.tui.__main__ import needs_ascii
from support.dev import COMMAND


def test_without_a_terminal_it_says_so() -> None:
    done = subprocess.run([*COMMAND, "tui"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 2
    assert "The terminal app needs a terminal" in done.stderr


@pytest.mark.parametrize("command", [[*COMMAND, "tui"], [sys.executable, "-m", "partita_client.tui"]])
def test_its_help_names_places(command: list[str]) -> None:
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True, timeout=60)

    assert "runs status:failed" in " ".join(done.stdout.split())


def test_the_module_refuses_an_unknown_place() -> None:
    done = subprocess.run([sys.executable, "-m", "partita_client.tui", "rusn"], capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 2
    assert "There is no place 'rusn'" in done.stderr


@pytest.mark.parametrize(
    ("environ", "encoding", "is_ascii"), [({}, "utf-8", False), ({"TERM": "linux"}, "utf-8", True), ({}, "ascii", True), ({}, None, True)]
)
def test_ascii_is_for_terminals_that_know_no_more(environ: dict[str, str], encoding: str | None, is_ascii: bool) -> None:
    assert needs_ascii(environ, encoding) is is_ascii
