"""The styles by name that everything drawn refers to, and their colours in any theme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.style import Style
from textual.color import Color
from textual.theme import Theme


@dataclass(frozen=True)
class Look:
    """A style: colours are variables of the theme, with the share of them that is seen."""

    color: str = ""
    share: float = 1
    background: str = ""
    background_share: float = 1
    is_bold: bool = False

    def on(self, behind: Color, variables: Mapping[str, str]) -> Style:
        """The style in the colours of a theme, on what is behind it."""
        paper = behind + _colour(self.background, self.background_share, variables) if self.background else behind
        return Style(
            color=(paper + _colour(self.color, self.share, variables)).rich_color if self.color else None,
            bgcolor=paper.rich_color if self.background else None,
            bold=self.is_bold or None,
        )


STYLES: dict[str, Look] = {
    **{
        name: Look(f"state-{name}") for name in ("ok", "failed", "running", "queued", "waiting", "stale", "skipped", "canceled", "missing", "warning")
    },
    "critical": Look("accent", is_bold=True),
    "dim": Look("foreground", 0.6),
    "line": Look("foreground", 0.45),
    "strong": Look(is_bold=True),
    "accent": Look("accent"),
    "title": Look("primary", is_bold=True),
    "key": Look("accent", is_bold=True),
    "header": Look("foreground", 0.75, is_bold=True),
    "match": Look(background="warning", background_share=0.4, is_bold=True),
    "range": Look(background="accent", background_share=0.3),
    "mark": Look("accent", is_bold=True),
    "cursor": Look(background="foreground", background_share=0.12),
    "cell": Look(background="foreground", background_share=0.35, is_bold=True),
    "pill": Look("background", background="accent", is_bold=True),
}
"""What each style is; a state is also told by its sign and its word.

They are not component classes: Textual would match each of them, for every widget, against every rule whenever one of them changes.
"""
FOCUSED: dict[str, Look] = {
    "cursor": Look(background="primary", background_share=0.35, is_bold=True),
    "cell": Look("background", background="primary", is_bold=True),
}
"""What is different in a widget that has the focus."""


def _colour(name: str, share: float, variables: Mapping[str, str]) -> Color:
    return Color.parse(variables[name]).multiply_alpha(share)


def state_colours(theme: Theme) -> dict[str, str]:
    """The variables that the styles use, from what `theme` calls success, error and warning; its own variables come before them."""
    ok, bad, warning = (_on(theme, colour) for colour in (theme.success or theme.primary, theme.error or "red", theme.warning or "yellow"))
    faint = "#8b929c" if theme.dark else "#6b7280"
    return {
        "state-ok": ok,
        "state-failed": bad,
        "state-running": "#4db2ff" if theme.dark else "#0b63b5",
        "state-queued": "#8fa6bd" if theme.dark else "#55708a",
        "state-waiting": "#8fa6bd" if theme.dark else "#55708a",
        "state-stale": warning,
        "state-warning": warning,
        "state-skipped": faint,
        "state-canceled": faint,
        "state-missing": faint,
    }


def _on(theme: Theme, colour: str) -> str:
    """A colour that is read on the background of `theme`: those of light themes are made for surfaces, and too pale for letters."""
    return colour if theme.dark or theme.ansi else Color.parse(colour).darken(0.14).hex
