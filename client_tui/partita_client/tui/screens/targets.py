"""From something chosen to the dialog that launches it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from partita_client.models.generated import operations
from partita_client.tui.render.text import plain
from partita_client.tui.routes import Route
from partita_client.tui.screens.base import PlaceScreen
from partita_client.tui.screens.launch import LaunchScreen
from partita_client.tui.screens.modals.confirm import Confirm
from partita_client.tui.store.launching import Target
from partita_client.tui.store.words import many

__all__ = ["Target", "launch_or_ask", "open_backfill", "open_launch"]


def open_launch(screen: PlaceScreen, target: Target, *, partitions: str = "") -> None:
    """The dialog with partitions, config and tags."""
    screen.app.push_screen(LaunchScreen(screen.desk, target, section=screen.route.section, partitions=partitions))


def open_backfill(screen: PlaceScreen, target: Target, *, partitions: str = "") -> None:
    """The same dialog, for many partitions."""
    screen.app.push_screen(LaunchScreen(screen.desk, target, section=screen.route.section, is_backfill=True, partitions=partitions))


def launch_or_ask(screen: PlaceScreen, target: Target) -> None:
    """Launch at once after asking; where there are partitions, the dialog asks which."""
    assets = [screen.desk.world.assets[key] for key in target.keys if key in screen.desk.world.assets]
    if any(asset.partitions for asset in assets):
        open_launch(screen, target)
        return
    screen.run_worker(_materialize(screen, target), group="action", exit_on_error=False)


async def _materialize(screen: PlaceScreen, target: Target) -> None:
    keys = target.keys
    downstream = {each.key for key in keys if key in screen.desk.world.assets for each in screen.desk.world.assets[key].downstream} - set(keys)
    lines = [((plain(key, 100), "accent"),) for key in keys[:10]]
    lines += [((f"… and {len(keys) - 10} more", "dim"),)] if len(keys) > 10 else []
    lines += [(("", ""),), ((f"computed from it, and left as it is: {many(len(downstream), 'asset')}", "dim"),)]
    title = f"Materialize {len(keys)} assets?" if len(keys) > 1 else f"Materialize {keys[0]}?"
    if await screen.app.push_screen_wait(Confirm(title, lines, ways=[("go", "materialize")])) is None:
        return
    given: Any = {"selection": target.selection, "idempotencyKey": uuid4().hex}
    answer = await screen.asked(screen.desk.feed.execute(operations.materialize_assets(input=given)))
    if answer is not None:
        opened(screen, [run.id for run in answer.materialize_assets.runs], [error.message for error in answer.materialize_assets.errors])


def opened(screen: PlaceScreen, run_ids: Sequence[str], problems: Sequence[str]) -> None:
    """Go to what was launched, or say why nothing was."""
    if problems:
        screen.say("\n".join(problems), is_bad=True)
    elif len(run_ids) == 1:
        screen.desk.go(Route("runs", id=run_ids[0]))
    elif run_ids:
        screen.say(f"{len(run_ids)} runs are queued")
        screen.desk.go(Route("runs"))
