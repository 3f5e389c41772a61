"""`import partita as pt` costs next to nothing, and every public name is there when it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import partita as pt


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_package_loads_nothing_of_it() -> None:
    loaded = loaded_by("import partita")

    assert {each for each in loaded if each.startswith("partita")} == {"partita", "partita.version"}
    assert not loaded & {"pydantic", "msgspec", "yaml", "inspect"}


def test_a_decorator_loads_definitions_only() -> None:
    loaded = loaded_by("from partita import asset, asset_check, op, AssetSpec, Repository")

    own = {each.split(".")[1] for each in loaded if each.startswith("partita.")}
    assert own == {"definitions", "errors", "version"}
    assert not loaded & {"pydantic", "sqlalchemy", "jsonschema", "asyncio"}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="assett"):
        _ = pt.assett


def test_names_for_type_checkers_and_names_at_run_time_are_the_same() -> None:
    source = ast.parse(Path(str(pt.__file__)).read_text())
    block = next(each for each in source.body if isinstance(each, ast.If))
    typed = {alias.name: each.module for each in block.body if isinstance(each, ast.ImportFrom) for alias in each.names}

    assert typed == pt._MODULE_OF
    assert set(pt.__all__) == {*typed, "__version__"}
    assert set(pt.__all__) <= set(dir(pt))
