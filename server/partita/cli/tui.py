"""`partita tui`: the terminal app, which is part of the client."""

from __future__ import annotations

import sys

import click

from partita.cli.failures import CommandError, Exit
from partita.cli.remote import Server, server_options


@click.command()
@click.argument("place", nargs=-1)
@click.option("--ascii", "is_ascii", is_flag=True, help="Draw with ASCII only.")
@server_options
def tui(*, place: tuple[str, ...], is_ascii: bool, server: Server) -> int:
    """Watch and steer everything on this terminal.

    PLACE is where to begin, such as: runs status:failed · asset raw/orders · run 8f3a21c4 · partita://runs?filter=status:failed
    """
    from partita_client.tui.__main__ import run
    from partita_client.tui.routes import UnknownRouteError

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError("The terminal app needs a terminal on its input and output.", exit_code=Exit.WRONG_USE)
    try:
        run(place, url=server.url, token=server.token, is_ascii=is_ascii)
    except UnknownRouteError as error:
        raise CommandError(str(error), exit_code=Exit.WRONG_USE) from None
    return Exit.DONE
