"""`partita check`: load a project and print all that is wrong with it; for editors, hooks and CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from partita.cli.failures import Exit
from partita.cli.loading import load_workspace
from partita.cli.options import code_options, json_option, settings_of
from partita.cli.output import print_json

if TYPE_CHECKING:
    from partita.records.failures import PythonError
    from partita.workspace.checking import Problem, Workspace
    from partita.workspace.settings import Settings


@click.command()
@code_options
@json_option
def check(*, as_json: bool, **chosen: Any) -> int:
    """Load every code location and print every problem: wrong definitions, failing imports, conflicts between locations.

    Needs no server and writes nothing. Each location is loaded by its own interpreter. Exit code 1 when there is a
    problem; warnings alone are none.
    """
    settings = settings_of(**chosen)
    found = load_workspace(settings)
    if as_json:
        print_json(_as_json(settings, found))
    else:
        _print(settings, found)
    return Exit.FAILED if any(not each.is_warning for each in found.problems) else Exit.DONE


def _print(settings: Settings, found: Workspace) -> None:
    for line in settings.warnings:
        click.echo(f"{click.style('warning:', fg='yellow')} {line}")
    for name in dict.fromkeys(each.location for each in found.problems):
        click.secho(name, bold=True)
        for each in found.problems:
            if each.location == name:
                click.echo(_indented(_told(each)))
    click.echo(_summary(settings, found))


def _told(problem: Problem) -> str:
    place = f"{_short(problem.file)}:{problem.line}: " if problem.file is not None else ""
    label = click.style("warning: ", fg="yellow") if problem.is_warning else click.style("error: ", fg="red")
    return f"{click.style(place, bold=True)}{label}{problem.message}{_trace(problem.error) if problem.error is not None else ''}"


def _trace(error: PythonError) -> str:
    """The frames of the user's own files that led to it, and what caused it."""
    frames = "".join(error.stack).rstrip()
    cause = f"\ncaused by {error.cause.summary}{_trace(error.cause)}" if error.cause is not None else ""
    return (f"\n{frames}" if frames else "") + cause


def _indented(text: str) -> str:
    first, *others = text.splitlines()
    return "\n".join([f"  {first}", *(f"    {line}" for line in others)])


def _short(file: str) -> str:
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def _summary(settings: Settings, found: Workspace) -> str:
    warnings = sum(each.is_warning for each in found.problems) + len(settings.warnings)
    errors = len(found.problems) + len(settings.warnings) - warnings
    counted = [
        _count(len(settings.locations), "location"),
        _count(len(found.catalog.graph), "asset"),
        _count(len(found.catalog.jobs), "job"),
        *(_count(number, kind) for kind, number in _automations(found).items() if number),
    ]
    verdict = _count(errors, "problem") if errors else "no problems"
    verdict += f", {_count(warnings, 'warning')}" if warnings else ""
    return f"{', '.join(counted)}: {click.style(verdict, fg='red' if errors else 'green')}"


def _automations(found: Workspace) -> dict[str, int]:
    repositories = found.catalog.repositories.values()
    return {"schedule": sum(len(each.schedules) for each in repositories), "sensor": sum(len(each.sensors) for each in repositories)}


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _as_json(settings: Settings, found: Workspace) -> dict[str, Any]:
    import msgspec

    loaded = found.catalog.locations
    return {
        "ok": all(each.is_warning for each in found.problems),
        "locations": [{"name": each.name, "is_loaded": each.name in loaded} for each in settings.locations],
        "counts": {"assets": len(found.catalog.graph), "jobs": len(found.catalog.jobs)}
        | {f"{kind}s": number for kind, number in _automations(found).items()},
        "problems": [{**msgspec.to_builtins(each), "is_warning": each.is_warning} for each in found.problems],
        "warnings": list(settings.warnings),
    }
