"""`partita api`, `daemon`, `worker`: one service each, for machines that run them apart."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import Any

import click

from partita.cli import services
from partita.cli.children import follow_parent, set_process_name
from partita.cli.console import say
from partita.cli.failures import CommandError, Exit
from partita.cli.lock import make_home
from partita.cli.options import address_options, settings_of, workspace_options
from partita.workspace.settings import Settings

DRAIN_HELP = "Seconds that runs under way have to end when it is told to stop; a second signal ends the wait."


@click.command()
@workspace_options
@address_options
@click.option("--fd", type=int, hidden=True, help="An inherited socket that already listens.")
@click.option("--ready-fd", type=int, hidden=True, help="An inherited pipe to write to when the API answers.")
def api(*, host: str, port: int, fd: int | None, ready_fd: int | None, **workspace: Any) -> int:
    """Serve GraphQL over HTTP and WebSocket at /graphql. Imports no user code; several may share one database."""
    services.check_host(host)
    settings = _begin("api", workspace)
    listener = services.listen(host, port) if fd is None else socket.socket(fileno=fd)

    def ready() -> None:
        if ready_fd is None:
            say("api", f"GraphQL at {services.url_of(listener)}/graphql")
        else:
            announce(ready_fd)

    return services.run_api(settings, listener=listener, ready=ready)


@click.command()
@workspace_options
def daemon(**workspace: Any) -> int:
    """Make due ticks, carry backfills on, end runs that lost their worker, prune what is old. Several may run; leases decide who acts."""
    return services.run_daemon(_begin("daemon", workspace))


@click.command()
@workspace_options
@click.option("--location", help="Name of the code location; may be left out when there is only one.")
@click.option("--drain", type=click.FloatRange(min=0, max=86400), default=30.0, show_default=True, help=DRAIN_HELP)
def worker(*, location: str | None, drain: float, **workspace: Any) -> int:
    """Load a code location, publish what it declares, and execute its runs. A location may have several; see `workers` in partita.toml."""
    settings = _begin("worker", workspace)
    return services.run_worker(settings, _choose(settings, location), drain=drain)


@click.command()
@workspace_options
@click.option("--since", type=float, help="Seconds since the epoch: code that changed later is loaded again. Now, unless given.")
def watch(*, since: float | None, **workspace: Any) -> int:
    """Ask for a reload when code changes, and tell how code locations fare."""
    began = time.time() if since is None else since
    return services.run_watch(_begin("watch", workspace), since=began)


def announce(fd: int) -> None:
    """Tell whoever holds the other end of the pipe that the API answers."""
    with suppress(BrokenPipeError):
        os.write(fd, b"1")


def _begin(name: str, workspace: dict[str, Any]) -> Settings:
    settings = settings_of(**workspace)
    make_home(settings.home)
    follow_parent()
    set_process_name(f"partita-{name}")
    for line in settings.warnings:
        say(name, line)
    return settings


def _choose(settings: Settings, location: str | None) -> str:
    names = [each.name for each in settings.locations]
    if location is None:
        if len(names) == 1:
            return names[0]
        raise CommandError(
            f"This workspace has {len(names)} code locations: {', '.join(names)}. Say which one with --location.", exit_code=Exit.WRONG_USE
        )
    if settings.location(location) is None:
        from partita.errors import NotFoundError

        raise NotFoundError("code location", location, names)
    return location
