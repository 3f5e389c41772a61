"""Loading a workspace's code without a server, and saying so where it takes long."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
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
