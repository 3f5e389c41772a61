"""What the guide to testing shows is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

GUIDE = Path(__file__).parents[3] / "docs" / "testing.md"
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_a_block_of_the_guide_runs(block: str) -> None:
    scope: dict[str, Any] = {"__name__": "guide"}
    exec(compile(block, str(GUIDE), "exec"), scope)
    assert "pt" in scope
