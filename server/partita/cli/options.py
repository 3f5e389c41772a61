"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from partita.workspace.settings import Settings

Command = TypeVar("Command", bound=Callable[..., object])
PRIORITY = click.IntRange(-(2**31), 2**31 - 1)
"""Of runs."""


def workspace_options(command: Command) -> Command:
    """Options that say which workspace and home; what the command gets goes to `settings_of`."""
    home = click.option("--home", type=click.Path(path_type=Path), help="Where database, values and logs are; else .partita. [env: PARTITA_HOME]")
    return code_options(home(command))


def code_options(command: Command) -> Command:
    """Options that say which workspace, for commands that only read its code."""
    options = (
        click.option("-f", "--file", "files", multiple=True, type=click.Path(path_type=Path), help="A Python file as a code location."),
        click.option("-m", "--module", "modules", multiple=True, help="A Python module as a code location."),
        click.option("-w", "--workspace", type=click.Path(path_type=Path), help="The workspace file; else partita.toml or pyproject.toml here."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def address_options(command: Command) -> Command:
    """Options `--host` and `--port` of a server to start."""
    port = click.option("--port", default=4400, show_default=True, type=click.IntRange(0, 65535), help="Port to serve on; 0 takes any free one.")
    host = click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
    return host(port(command))


def json_option(command: Command) -> Command:
    """Option `--json`, given to the command as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(command)


def settings_of(*, files: tuple[Path, ...], modules: tuple[str, ...], workspace: Path | None, home: Path | None = None) -> Settings:
    """The settings that the workspace options ask for; exits with code 2 when they cannot be used."""
    from partita.workspace.settings import Code, load_settings

    if workspace is not None and (files or modules):
        raise click.UsageError("Give either a workspace file (-w) or code (-f, -m).")
    return load_settings(workspace, home=home, code=Code(files=files, modules=modules))


def say_warnings(settings: Settings, tell: Callable[[str], Any]) -> None:
    """Tell what the settings ask for in vain."""
    for line in settings.warnings:
        tell(line)
