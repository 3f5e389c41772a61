"""Promises about the code itself that the linters do not keep."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("server", "client_tui") for path in (ROOT / folder).rglob("*.py") if "generated" not in path.parts)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
HEAVY = ("sqlalchemy", "alembic", "starlette", "strawberry", "textual", "gql", "pandas")


@pytest.mark.parametrize("module", ["partita", "partita.definitions.assets", "partita.execution.materialize"])
def test_authoring_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert loaded == "[]"


def test_every_public_name_can_be_imported() -> None:
    import partita

    missing = [name for name in partita.__all__ if getattr(partita, name, None) is None]

    assert not missing
    with pytest.raises(AttributeError, match="assset"):
        partita.assset  # noqa: B018


def test_files_stay_short() -> None:
    long = {str(path.relative_to(ROOT)): lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > 500}

    assert not long


def test_functions_stay_short() -> None:
    functions = ((path, node) for path in SOURCES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, FUNCTIONS))
    long = [f"{path.relative_to(ROOT)}:{node.lineno} {node.name}" for path, node in functions if _length(node) > 60]

    assert not long


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of code. A docstring is left out: those of authoring decorators explain twenty parameters."""
    first = node.body[0]
    is_documented = ast.get_docstring(node, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if is_documented else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def test_every_module_says_what_it_is_for() -> None:
    silent = [str(path.relative_to(ROOT)) for path in SOURCES if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))]

    assert not silent
