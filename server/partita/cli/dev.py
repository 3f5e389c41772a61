"""`partita dev`: api, daemon, workers and the watch on code, from one warm process that keeps them alive."""

from __future__ import annotations

import os
import signal
import socket
import time
from functools import partial
from typing import Any

import click

from partita.cli import services
from partita.cli.children import Service, can_fork, follow_parent, fork, is_single_threaded, set_process_name, spawn
from partita.cli.console import say
from partita.cli.failures import Exit
from partita.cli.lock import HomeLock
from partita.cli.options import address_options, settings_of, workspace_options
from partita.cli.serve import announce
from partita.cli.supervision import ServiceGroup
from partita.workspace.settings import Settings

NAME = "partita"
STORE = "partita.storage.store"


@click.command()
@workspace_options
@address_options
@click.option("--spawn", "is_spawning", is_flag=True, hidden=True, help="Start services as fresh interpreters, as where forking is not safe.")
def dev(*, host: str, port: int, is_spawning: bool, **workspace: Any) -> int:
    """Run everything on this machine: API, daemon, the workers of every code location, with reload when code changes.

    Ends with Ctrl-C. Services that die are started again.
    """
    services.check_host(host)
    follow_parent()
    settings = settings_of(**workspace)
    lock = HomeLock(settings.home)
    lock.acquire()
    listener = services.listen(host, port)
    url = services.url_of(listener)
    lock.tell(url=url)
    set_process_name("partita-dev")
    for line in settings.warnings:
        say(NAME, line)
    is_forking = not is_spawning and can_fork()
    failed = _prepare(settings, is_forking=is_forking)
    if failed:
        return failed
    asked = _run(settings, listener, is_forking=is_forking, workspace=workspace)
    lock.release()
    return Exit.INTERRUPTED if asked == signal.SIGINT else Exit.DONE


def _prepare(settings: Settings, *, is_forking: bool) -> int:
    """Make the database ready. In a fork, because a process that had it open could not be forked any more."""
    if not is_forking:
        return services.prepare(settings)
    pid = fork(Service(name="prepare", run=partial(services.prepare, settings), arguments=(), imports=(STORE,)), owned=())
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def _run(settings: Settings, listener: socket.socket, *, is_forking: bool, workspace: dict[str, Any]) -> int:
    """Keep every service alive until a signal asks to stop; the number of that signal."""
    answers, ready = os.pipe()
    offered = _services(settings, listener, ready=ready, arguments=_arguments(workspace))

    def start(service: Service) -> int:
        if is_forking and is_single_threaded():
            return fork(service, owned=(*group.descriptors, answers, ready, listener.fileno()))
        return spawn(service)

    def tell_url() -> None:
        os.read(answers, 64)
        group.start_patient()
        say(NAME, f"GraphQL at {services.url_of(listener)}/graphql. Ctrl-C stops everything.")

    group = ServiceGroup(offered, start=start, say=partial(say, NAME))
    group.on_readable(answers, tell_url)
    asked = group.run()
    listener.close()
    return asked


def _services(settings: Settings, listener: socket.socket, *, ready: int, arguments: tuple[str, ...]) -> list[Service]:
    api = Service(
        name="api",
        run=partial(services.run_api, settings, listener=listener, ready=partial(announce, ready)),
        arguments=("api", *arguments, "--fd", str(listener.fileno()), "--ready-fd", str(ready)),
        imports=(STORE,),
        keeps=(listener.fileno(), ready),
        is_last=True,
    )
    workers = [
        Service(
            name=f"worker {location.name}" if number == 1 else f"worker {location.name} {number}",
            run=partial(services.run_worker, settings, location.name),
            arguments=("worker", *arguments, "--location", location.name, "--drain", "0"),
            imports=("partita.automation.worker",),
        )
        for location in settings.locations
        for number in range(1, location.workers + 1)
    ]
    daemon = Service(
        name="daemon",
        run=partial(services.run_daemon, settings),
        arguments=("daemon", *arguments),
        imports=("partita.automation.daemon",),
        is_patient=True,
    )
    began = time.time()  # before any worker loads: what changes while they do is loaded again
    watch = Service(
        name="watch",
        run=partial(services.run_watch, settings, since=began),
        arguments=("watch", *arguments, "--since", str(began)),
        imports=("partita.workspace.catalog",),
        is_patient=True,
    )
    return [api, *workers, daemon, watch]


def _arguments(workspace: dict[str, Any]) -> tuple[str, ...]:
    """The workspace options as they were given, for services that are started anew."""
    given = [("--file", path) for path in workspace["files"]] + [("--module", name) for name in workspace["modules"]]
    given += [(f"--{key}", workspace[key]) for key in ("workspace", "home") if workspace[key] is not None]
    return tuple(str(part) for pair in given for part in pair)
