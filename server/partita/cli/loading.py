"""Loading a workspace's code without a server, and saying so where it takes long."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from partita.cli.failures import CommandError, Exit

if TYPE_CHECKING:
    from partita.workspace.catalog import Catalog
    from partita.workspace.checking import Workspace
    from partita.workspace.settings import Settings


def load_workspace(settings: Settings) -> Workspace:
    """What came of loading every location; those that are slow are named on standard error meanwhile."""
    from partita.automation.timing import Timing
    from partita.execution.surroundings import import_environ
    from partita.workspace.checking import check_workspace

    return check_workspace(
        settings.locations,
        environ=import_environ(os.environ)[0],
        patience=Timing().silence,
        say_slow=lambda name: click.echo(f"loading {name} ...", err=True),
    )


def load_catalog(settings: Settings) -> Catalog:
    """What the locations declare.

    Raises:
        CommandError: one of them cannot be loaded, or used.
    """
    found = load_workspace(settings)
    wrong = [each for each in found.problems if not each.is_warning]
    if wrong:
        more = f" And {len(wrong) - 1} more." if len(wrong) > 1 else ""
        place = f"{wrong[0].file}:{wrong[0].line}: " if wrong[0].file is not None else ""
        raise CommandError(f"{place}{wrong[0].message}{more} See all with `partita check`.", exit_code=Exit.WRONG_USE)
    return found.catalog
