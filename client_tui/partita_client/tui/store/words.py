"""Words for numbers of things."""

from __future__ import annotations

from partita_client.tui.render.text import count


def many(number: int, noun: str) -> str:
    """So many of them: `1 asset`, `2 assets`."""
    return f"{count(number)} {noun}{'s' * (number != 1)}"
