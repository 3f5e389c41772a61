"""`python -m partita_client.tui [PLACE] [--url URL]`: only arguments are read here; Textual is imported once they are right."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence

from partita_client.tui.routes import UnknownRouteError, route_of_arguments


def run(place: Sequence[str], *, url: str | None = None, token: str | None = None, is_ascii: bool = False) -> None:
    """Run the app until it is left, beginning at a place such as `["runs", "status:failed"]`.

    Raises:
        UnknownRouteError: there is no such place.
    """
    route = route_of_arguments(place)
    # What a library logs would be written across the screen.
    logging.getLogger().addHandler(logging.NullHandler())
    from partita_client.tui.app import PartitaApp  # Textual takes 0.2 s to import: not for `--help` and mistakes

    app = PartitaApp(url, token=token, route=route)
    app.set_class(is_ascii or needs_ascii(os.environ, sys.stdout.encoding), "ascii")
    app.run()


def needs_ascii(environ: Mapping[str, str], encoding: str | None) -> bool:
    """Whether the terminal cannot show more than ASCII: a console of Linux, or one that is not set to UTF-8."""
    return environ.get("TERM") == "linux" or "utf" not in (encoding or "").lower()


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m partita_client.tui", description="The terminal app of Partita.")
    parser.add_argument("place", nargs="*", help="where to begin, such as: runs status:failed, asset raw/orders, partita://runs/…")
    parser.add_argument("--url", help="address of the server; PARTITA_URL or http://127.0.0.1:4400 when left out")
    parser.add_argument("--ascii", action="store_true", dest="is_ascii", help="draw with ASCII only")
    given = parser.parse_args(arguments)
    try:
        run(given.place, url=given.url, is_ascii=given.is_ascii)
    except UnknownRouteError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
