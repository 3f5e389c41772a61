"""`partita init`: a new project that loads and whose tests pass."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template

import click

from partita.cli.failures import CommandError, Exit

TEMPLATES = Path(__file__).parent / "template"
FILES = {
    "partita.toml": "partita.toml.txt",
    "pyproject.toml": "pyproject.toml.txt",
    ".gitignore": "gitignore.txt",
    "README.md": "README.md.txt",
    "$package/__init__.py": "package.py.txt",
    "$package/definitions.py": "definitions.py.txt",
    "tests/test_definitions.py": "test_definitions.py.txt",
}
"""Path in the project and the file it is made from; both may hold `$name`, `$package` and `$start`."""
DAYS_OF_HISTORY = 30
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@click.command()
@click.argument("name", type=click.Path(path_type=Path))
def init(name: Path) -> None:
    """Make a new project in the directory NAME: a few assets, a check, a job, a test.

    `partita dev` in it serves them and `pytest` in it passes.
    """
    package = _package_name(name.name)
    if name.exists() and (not name.is_dir() or any(name.iterdir())):
        raise _refusal(f"{name} exists and is not empty. Choose another name, or remove it first.")
    start = (datetime.now(UTC) - timedelta(days=DAYS_OF_HISTORY)).date()
    _write(name, values={"name": name.name, "package": package, "start": str(start)})
    click.echo(f"Made {name}. Next:\n\n  cd {name}\n  partita dev\n\nThe code is in {package}/definitions.py; its README says what else can be done.")


def _package_name(name: str) -> str:
    package = name.replace("-", "_").lower()
    if not _NAME.fullmatch(name) or keyword.iskeyword(package):
        raise _refusal(f"{name!r} is not a name for a project: begin with a letter, go on with letters, digits, '-' and '_'.")
    if package in sys.stdlib_module_names or package in {"partita", "partita_client", "tests"}:
        raise _refusal(f"A project cannot be called {name!r}: its package {package!r} would hide a module of that name.")
    return package


def _write(directory: Path, *, values: Mapping[str, str]) -> None:
    try:
        for target, source in FILES.items():
            path = directory / Template(target).substitute(values)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template((TEMPLATES / source).read_text()).substitute(values))
    except OSError as error:
        raise CommandError(f"{directory} cannot be written: {error.strerror}.") from None


def _refusal(message: str) -> CommandError:
    return CommandError(message, exit_code=Exit.WRONG_USE)
