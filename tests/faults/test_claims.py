"""Ten minutes' worth of claims by several workers at once: every run is claimed, and none twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from partita.storage.store import Store
from support.stores import request, url_of

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
RUNS = 3000


def test_no_run_is_claimed_twice(tmp_path: Path) -> None:
    with Store(url_of(tmp_path)) as store:
        launched = [run.id for _ in range(RUNS // 100) for run in store.runs.launch([request("orders") for _ in range(100)]).runs]
        command = [sys.executable, "-m", "support.store_processes", "grab", store.url]
        claimers = [
            subprocess.Popen([*command, f"w{number}", "20"], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]) for number in range(4)
        ]
        said = [claimer.communicate(timeout=150)[0].split("\n") for claimer in claimers]

    assert [claimer.returncode for claimer in claimers] == [0] * 4
    claimed = Counter(line.split()[0] for lines in said for line in lines if line)
    assert set(claimed) == set(launched)
    assert set(claimed.values()) == {1}
    assert sum(len(lines) > 1 for lines in said) > 1, "several of them had a share"
