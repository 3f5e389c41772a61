"""Draw the pictures of the terminal app from a running `partita demo`: `python docs/pictures.py [URL]`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from textual.pilot import Pilot

from partita_client import Client
from partita_client.tui.app import PartitaApp
from partita_client.tui.routes import parse_route

FOLDER = Path(__file__).parent / "images"
SIZE = (120, 36)
SETTLED = 2.0
"""Seconds until all is loaded and drawn, on a machine that does nothing else."""


async def draw(url: str, name: str, place: str, keys: Sequence[str] = ()) -> None:
    """One picture of one place, after keys."""
    app = PartitaApp(url, route=parse_route(place))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
        (FOLDER / f"{name}.svg").write_text(app.export_screenshot(title="partita tui"))


async def settle(pilot: Pilot[None]) -> None:
    """Let it load and draw."""
    await asyncio.sleep(SETTLED)
    await pilot.pause()


async def main(url: str) -> None:
    """All pictures."""
    with Client(url) as client:
        report = next(run for run in client.runs(limit=200) if run.job == "airport_report")
        backfill = next(iter(client.backfills()))
    FOLDER.mkdir(exist_ok=True)
    await draw(url, "overview", "overview")
    await draw(url, "assets", "assets", ["down"] * 4)
    await draw(url, "run", f"run {report.id}")
    await draw(url, "backfill", f"backfill {backfill.id}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:4400"))
