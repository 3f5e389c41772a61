"""Authored code is checked by a type checker: right calls pass, wrong ones are found."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDER = Path(__file__).parent / "typing"
EXAMPLE = FOLDER / "authoring.py"


def test_a_type_checker_finds_what_is_wrong_and_nothing_else() -> None:
    # A cache of its own in the checker's folder: the first run takes seconds, every later one half of one.
    options = ["--config-file", FOLDER / "mypy.ini", "--cache-dir", ROOT / ".mypy_cache" / "authoring"]
    output = subprocess.run(
        [sys.executable, "-m", "mypy", *map(str, options), str(EXAMPLE)], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout

    told = {int(line): message for line, message in re.findall(rf"{EXAMPLE.name}:(\d+): error: (.*)", output)}
    lines = EXAMPLE.read_text().splitlines()
    meant = {number: line.split("# E: ")[1] for number, line in enumerate(lines, start=1) if "# E: " in line}

    assert told.keys() == meant.keys(), output
    assert all(meant[line] in told[line] for line in meant), output
