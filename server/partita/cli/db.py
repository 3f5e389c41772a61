"""`partita db`: looking after the database."""

from __future__ import annotations

from typing import Any

import click

from partita.cli.lock import make_home
from partita.cli.options import settings_of, workspace_options
from partita.storage import schema


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
