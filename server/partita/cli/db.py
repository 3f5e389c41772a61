"""`partita db`: looking after the database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from partita.cli.failures import CommandError, Exit
from partita.cli.lock import make_home
from partita.cli.options import json_option, settings_of, workspace_options
from partita.cli.output import console, print_facts, print_json, print_table, size
from partita.storage import schema

if TYPE_CHECKING:
    from partita.storage.store import Store
    from partita.workspace.settings import Settings

PATIENCE = 3600.0
"""Seconds that looking through everything may take."""
PAUSE = 0.02
"""Seconds between portions that are removed, in which others write."""


def _age(context: click.Context, parameter: click.Parameter, value: str | None) -> timedelta | None:
    """The span of time of an option; a mistake is named with it."""
    from partita.workspace.tables import parse_duration

    try:
        return None if value is None else parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx=context, param=parameter) from None


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@workspace_options
def upgrade(**workspace: Any) -> None:
    """Bring the workspace's database to the schema of this version, creating it if there is none."""
    settings = settings_of(**workspace)
    make_home(settings.home)
    before = schema.upgrade(settings.storage.url)
    if before.is_current:
        click.echo(f"The database is at revision {before.needed} already.")
    else:
        click.echo(f"The database is at revision {before.needed} now; it was {f'at {before.found}' if before.found else 'empty'}.")


@db.command()
@json_option
@workspace_options
def stats(as_json: bool, **workspace: Any) -> None:
    """Show how much the database holds, by table, and the home folder beside it."""
    with _opened(settings_of(**workspace)) as (settings, store):
        found = store.maintenance.size()
        folders = {"values": _bytes_in(settings.values_directory), "logs": _bytes_in(settings.logs_directory)}
        place = store.place
    if as_json:
        print_json(
            {"place": place, "revision": found.revision, "bytes": found.bytes, "rows": found.rows, "oldest_event": found.oldest_event, **folders}
        )
        return
    oldest = f"{found.oldest_event.astimezone():%Y-%m-%d %H:%M}" if found.oldest_event else "-"
    facts = {"Database": place, "Schema": found.revision, "Size": size(found.bytes), "Oldest event": oldest}
    print_facts({**facts, "Values": size(folders["values"]), "Logs": size(folders["logs"])})
    rows = sorted(found.rows.items(), key=lambda row: (-row[1], row[0]))
    print_table(("Table", "        Rows"), [(name, f"{count:>12,}") for name, count in rows if count], empty="Every table is empty.")


@db.command()
@click.option(
    "--events", callback=_age, metavar="AGE", help="Keep events of runs that ended within this time, such as 30d, whatever the workspace says."
)
@json_option
@workspace_options
def prune(events: timedelta | None, as_json: bool, **workspace: Any) -> None:
    """Remove now what retention no longer keeps; daemons do so once an hour.

    Runs, what assets are known to hold and which run keys were used stay; of old runs the events and the captured output go.
    """
    from dataclasses import asdict, replace

    from partita.automation.retention import Retention
    from partita.automation.timing import Timing
    from partita.storage.retention import Pruned

    with _opened(settings_of(**workspace)) as (settings, store):
        if events is not None:
            settings = replace(settings, retention=replace(settings.retention, events=events))
        total = Pruned()
        with console().status("Removing old records") as status:
            for portion in Retention(store, settings, timing=Timing()).all(datetime.now(UTC)):
                total += portion
                status.update(f"Removing old records: {total.total:,} so far")
                time.sleep(PAUSE)
    if as_json:
        print_json(asdict(total))
        return
    said = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in asdict(total).items() if count)
    click.echo(f"Removed: {said}." if said else "Nothing is older than what is kept.")


@db.command()
@json_option
@workspace_options
def check(as_json: bool, **workspace: Any) -> None:
    """Look through the whole database for damage, and for records that contradict each other."""
    with _opened(settings_of(**workspace)) as (_, store), console().status("Looking through the database"):
        problems = store.maintenance.problems()
        place = store.place
    if as_json:
        print_json({"place": place, "problems": problems})
    for problem in () if as_json else problems:
        click.echo(problem)
    if problems:
        raise CommandError(f"{place} has {len(problems):,} problem{'s' * (len(problems) > 1)}.")
    if not as_json:
        click.echo(f"{place} is sound.")


@db.command()
@click.argument("to", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@workspace_options
def backup(to: Path, force: bool, **workspace: Any) -> None:
    """Copy the database into the file TO, while everything goes on.

    To restore it, stop every Partita process and put the copy in the database's place, without the files ending in -wal and -shm.
    """
    if to.exists() and not force:
        raise CommandError(f"{to} is there already. Choose another name, or replace it with --force.", exit_code=Exit.WRONG_USE)
    if not to.absolute().parent.is_dir():
        raise CommandError(f"The folder {to.absolute().parent} does not exist.", exit_code=Exit.WRONG_USE)
    with _opened(settings_of(**workspace)) as (_, store), console().status("Copying the database"):
        store.maintenance.backup(to.absolute())
        place = store.place
    click.echo(f"{place} is copied into {to} ({size(to.stat().st_size)}). Values and logs are files beside it: copy those as well.")


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Settings, Store]]:
    from partita.storage.store import Store

    with Store(settings.storage.url, migrate=False, deadline=PATIENCE) as store:
        yield settings, store


def _bytes_in(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
