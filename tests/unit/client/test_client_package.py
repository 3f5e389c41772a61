"""What the package promises about itself: light, on its own, alike in its two forms."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import partita_client
from partita_client import Asset, AsyncAsset, AsyncClient, AsyncPartitions, AsyncRun, Client, Partitions, Run

PACKAGE = Path(partita_client.__file__).parent
ROOT = Path(__file__).parents[3]


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_importing_the_client_loads_nothing_heavy() -> None:
    heavy = ("gql", "graphql", "aiohttp", "pydantic", "asyncio", "partita", "textual")
    code = f"import sys; from partita_client import Client, AsyncClient; print([name for name in {heavy!r} if name in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert loaded == "[]"


def test_the_client_never_imports_the_orchestrator() -> None:
    guilty = [str(path) for path in PACKAGE.rglob("*.py") if "partita" in imports_of(path)]

    assert not guilty


def test_only_the_connection_imports_gql() -> None:
    users = {path.name for path in PACKAGE.rglob("*.py") if "tui" not in path.parts and imports_of(path) & {"gql", "graphql", "aiohttp"}}

    assert users == {"live.py"}


def test_every_public_name_can_be_imported() -> None:
    missing = [name for name in partita_client.__all__ if getattr(partita_client, name, None) is None]

    assert not missing
    with pytest.raises(AttributeError, match="Cliant"):
        partita_client.Cliant  # noqa: B018


@pytest.mark.parametrize(("blocking", "awaited"), [(Client, AsyncClient), (Run, AsyncRun), (Asset, AsyncAsset), (Partitions, AsyncPartitions)])
def test_both_forms_have_the_same_names_and_parameters(blocking: type, awaited: type) -> None:
    def shape(owner: type) -> dict[str, Any]:
        public = {name: member for name, member in vars(owner).items() if not name.startswith("_")}
        return {
            name: list(inspect.signature(member).parameters.values()) if inspect.isfunction(member) else type(member).__name__
            for name, member in public.items()
        }

    assert shape(blocking) == shape(awaited)


def test_generated_files_are_what_the_schema_and_the_documents_make() -> None:
    done = subprocess.run([sys.executable, "-m", "codegen", "--check"], cwd=ROOT / "client_tui", capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
