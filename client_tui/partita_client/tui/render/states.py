"""How each state is shown: a sign, a word and a style, so that a state is never told by colour alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

from partita_client.tui.render.text import Line, plain

Kind: TypeAlias = Literal["run", "step", "partition", "tick", "backfill", "item", "location", "check", "automation", "asset", "level"]


class Mark(NamedTuple):
    """What stands for one state."""

    glyph: str
    word: str
    style: str


def _marks(*rows: tuple[str, str, str]) -> dict[str, Mark]:
    return {word: Mark(glyph, word.replace("_", " "), style) for word, glyph, style in rows}


_OVER = (("succeeded", "✓", "ok"), ("failed", "✗", "failed"), ("canceled", "⏹", "canceled"))
_MARKS: dict[Kind, dict[str, Mark]] = {
    "run": _marks(*_OVER, ("queued", "◌", "queued"), ("starting", "◌", "running"), ("running", "▓", "running"), ("canceling", "⏹", "warning")),
    "step": _marks(
        *_OVER,
        ("pending", "◌", "queued"),
        ("running", "▓", "running"),
        ("waiting_retry", "↻", "warning"),
        ("skipped", "–", "skipped"),
        ("upstream_failed", "–", "skipped"),
    ),
    "partition": _marks(
        ("materialized", "■", "ok"), ("failed", "✗", "failed"), ("running", "▓", "running"), ("stale", "◷", "stale"), ("missing", "□", "missing")
    ),
    "tick": _marks(("succeeded", "■", "ok"), ("failed", "✗", "failed"), ("skipped", "·", "skipped"), ("started", "▓", "running")),
    "backfill": _marks(*_OVER, ("requested", "◌", "queued"), ("running", "▓", "running"), ("paused", "⏸", "warning"), ("canceling", "⏹", "warning")),
    "item": _marks(
        ("succeeded", "■", "ok"),
        ("failed", "✗", "failed"),
        ("canceled", "⏹", "canceled"),
        ("waiting", "░", "queued"),
        ("running", "▓", "running"),
        ("skipped", "–", "skipped"),
        ("absent", "□", "missing"),
    ),
    "location": _marks(("loaded", "●", "ok"), ("failed", "✗", "failed"), ("loading", "▓", "running"), ("unreachable", "⚠", "warning")),
    "check": _marks(
        ("passed", "✓", "ok"), ("failed", "✗", "failed"), ("warned", "⚠", "warning"), ("missing", "◌", "missing"), ("running", "▓", "running")
    ),
    "automation": _marks(("on", "●", "ok"), ("off", "○", "missing")),
    "asset": _marks(
        ("materialized", "✓", "ok"),
        ("failed", "✗", "failed"),
        ("running", "▓", "running"),
        ("stale", "◷", "stale"),
        ("missing", "◌", "missing"),
        ("warning", "⚠", "warning"),
        ("external", "◇", "waiting"),
    ),
    "level": _marks(("debug", "·", "dim"), ("info", "·", ""), ("warning", "⚠", "warning"), ("error", "✗", "failed"), ("critical", "✗", "failed")),
}
# A picture cell that stands for several partitions shows the state that most wants to be seen.
_SEVERITY = ("failed", "running", "started", "stale", "canceled", "skipped", "waiting", "missing", "succeeded", "materialized", "absent")
_RANK = {word: rank for rank, word in enumerate(_SEVERITY)}


def mark(kind: Kind, word: str) -> Mark:
    """What stands for the state `word` of a `kind`; a word of a newer server is shown as it is."""
    known = _MARKS[kind].get(str(word))
    return known if known is not None else Mark("?", plain(str(word), 40), "dim")


def mark_line(kind: Kind, word: str) -> Line:
    """The sign and the word of a state."""
    glyph, text, style = mark(kind, word)
    return ((f"{glyph} {text}", style),)


def words(kind: Kind) -> tuple[str, ...]:
    """All states of a `kind`, in the order in which they are counted."""
    return tuple(_MARKS[kind])


def worst(states: Iterable[str]) -> str:
    """The state that most wants to be seen; a failure is never averaged away."""
    return min(states, key=lambda word: _RANK.get(word, 0), default="missing")
