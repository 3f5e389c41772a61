"""What the guides for authors show is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs"
BLOCKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name in ("testing", "subprocesses", "staleness", "executors")
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", (DOCS / f"{name}.md").read_text(), re.DOTALL))
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_the_guide_runs(block: str) -> None:
    scope: dict[str, Any] = {"__name__": "guide"}
    exec(compile(block, "guide", "exec"), scope)
    assert "pt" in scope


@pytest.mark.parametrize(("name", "count"), [("conditions", 4), ("assets", 5)])
def test_a_guide_runs_from_top_to_bottom(name: str, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / f"{name}.md").read_text(), re.DOTALL)
    scope: dict[str, Any] = {"__name__": "guide"}

    for block in blocks:
        exec(compile(block, "guide", "exec"), scope)

    assert len(blocks) == count
