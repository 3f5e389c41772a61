"""Texts in conditions: selections that are read once, so that a mistake is told where it was made, and crons as they are shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from partita.definitions.keys import AssetKey
from partita.definitions.selection_terms import Named, Or
from partita.definitions.selection_text import parse_selection, render_selection
from partita.errors import DefinitionError, SelectionError


def selection_text(given: Any, where: str) -> str:
    """A selection as text.

    Raises:
        DefinitionError: it cannot be read, or names nothing.
    """
    try:
        if isinstance(given, str):
            return render_selection(parse_selection(given))
        if hasattr(given, "term"):
            return str(given)
    except SelectionError as error:
        raise DefinitionError(f".{where}(...): {error}") from error
    listed = [given] if hasattr(given, "spec") else list(given) if isinstance(given, Iterable) else []
    if not listed:
        raise DefinitionError(f".{where}({given!r}): give a selection such as 'group:raw', or a list of assets.")
    return render_selection(Or(tuple(Named(AssetKey(getattr(each, "key", each))) for each in listed)))


def shown_cron(cron: str | Sequence[str], timezone: str) -> str:
    """Expressions, and their zone unless it is UTC."""
    shown = cron if isinstance(cron, str) else ", ".join(cron)
    return f"'{shown}'" + (f" {timezone}" if timezone != "UTC" else "")
