"""Words for numbers of things, and for what was meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from partita_client.tui.render.text import count


def many(number: int, noun: str) -> str:
    """So many of them: `1 asset`, `2 assets`."""
    return f"{count(number)} {noun}{'s' * (number != 1)}"


def meant(word: str, known: Collection[str]) -> str:
    """The nearest of what there is as a question, after a full stop; nothing where none is near."""
    close = get_close_matches(word, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""
