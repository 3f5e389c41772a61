"""What every screen works with: what is known, where more comes from, and how to go somewhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from partita_client.tui.feed import Feed
from partita_client.tui.routes import Route
from partita_client.tui.store.world import World


@dataclass(frozen=True, slots=True)
class Desk:
    """Given to each screen when it is made."""

    world: World
    feed: Feed
    now: Callable[[], datetime]
    go: Callable[[Route], None]
    """Open a place, and remember it in the history."""

    @property
    def is_connected(self) -> bool:
        """Whether the server answers."""
        return self.world.connection.is_connected
