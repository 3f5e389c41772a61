"""What each service does once it is a process: the same for `partita dev` and for the commands that run one service."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace

from partita.cli.children import Stop, importing
from partita.cli.console import start_logging
from partita.cli.failures import CommandError, Exit
from partita.workspace.settings import Settings

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SHUTDOWN_SECONDS = 2
"""How long requests in flight may take when the API is asked to stop; subscriptions reconnect to the next one."""


def check_host(host: str) -> None:
    """Nothing, if this version may serve on `host`.

    Raises:
        CommandError: others could reach it.
    """
    if host not in LOOPBACK:
        raise CommandError(
            f"--host {host}: this version serves this machine only, because it has no tokens yet to keep strangers out. "
            "Use 127.0.0.1, and an SSH tunnel to reach it from elsewhere.",
            exit_code=Exit.WRONG_USE,
        )


def listen(host: str, port: int) -> socket.socket:
    """A socket that already takes connections; they wait until the API serves them.

    Raises:
        CommandError: the address is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise CommandError(f"Port {port} of {host} cannot be used: {error.strerror}. Choose another with --port; 0 takes any free one.") from None
    return listener


def url_of(listener: socket.socket) -> str:
    """The address of the API on `listener`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_api(settings: Settings, *, listener: socket.socket, ready: Callable[[], None]) -> int:
    """Serve GraphQL on `listener` until a signal asks to stop; `ready` is called when it answers."""
    with importing():
        import uvicorn

        from partita.api.app import SERVER_OPTIONS, create_app
        from partita.storage.store import Store

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    start_logging("api")
    stop = Stop()  # uvicorn raises the signal again when it has ended
    with Store.open(settings.storage.url) as store:
        config = uvicorn.Config(
            create_app(store, settings=settings),
            log_config=None,
            access_log=False,
            **SERVER_OPTIONS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        Server(config).run(sockets=[listener])
    return stop.exit_code


def run_daemon(settings: Settings) -> int:
    """Watch over runs and records until a signal asks to stop."""
    from partita.automation import daemon

    start_logging("daemon")
    stop = Stop()
    daemon.run_daemon(settings, stop=stop)
    return stop.exit_code


def run_worker(settings: Settings, location: str, *, drain: float = 0.0) -> int:
    """Work for one code location until a signal asks to stop; its runs then have `drain` seconds to end."""
    from partita.automation import worker
    from partita.automation.timing import Timing

    start_logging(location)
    stop = Stop(patience=drain)
    timing = replace(Timing.of(os.environ), drain=drain)
    worker.run_worker(settings, location, stop=stop, hurry=lambda: stop.is_hurried, timing=timing)
    return stop.exit_code


def run_watch(settings: Settings, *, since: float) -> int:
    """See code change (from `since` on, in seconds since the epoch) and tell how locations fare until a signal asks to stop."""
    from partita.cli import watch

    return watch.run_watch(settings, since=since)


def prepare(settings: Settings) -> int:
    """Make the database ready for this version, with the locations that the workspace has now."""
    from partita.storage.store import Store

    start_logging("partita")
    with Store.open(settings.storage.url) as store:
        store.locations.declare([(location.name, location.source) for location in settings.locations])
        store.locations.forget([location.name for location in settings.locations])
    return 0
