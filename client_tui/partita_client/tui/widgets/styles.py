"""The styles by name that everything drawn refers to, and their colours in any theme."""

from __future__ import annotations

from textual.color import Color
from textual.theme import Theme

STYLES: dict[str, str] = {
    "ok": "color: $state-ok;",
    "failed": "color: $state-failed;",
    "running": "color: $state-running;",
    "queued": "color: $state-queued;",
    "waiting": "color: $state-waiting;",
    "stale": "color: $state-stale;",
    "skipped": "color: $state-skipped;",
    "canceled": "color: $state-canceled;",
    "missing": "color: $state-missing;",
    "warning": "color: $state-warning;",
    "critical": "color: $accent; text-style: bold;",
    "dim": "color: $foreground 60%;",
    "line": "color: $foreground 45%;",
    "strong": "text-style: bold;",
    "accent": "color: $accent;",
    "title": "color: $primary; text-style: bold;",
    "key": "color: $accent; text-style: bold;",
    "header": "color: $foreground 75%; text-style: bold;",
    "match": "background: $warning 40%; text-style: bold;",
    "range": "background: $accent 30%;",
    "mark": "color: $accent; text-style: bold;",
    "cursor": "background: $foreground 12%;",
    "cell": "background: $foreground 35%; text-style: bold;",
    "pill": "background: $accent; color: $background; text-style: bold;",
}
"""What each style is, as declarations of a style sheet; a state is also told by its sign and its word."""


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


def component(name: str) -> str:
    """The component class of a style."""
    return f"line--{name}"


def style_sheet(widget: str) -> str:
    """The default style sheet of the styles inside `widget`."""
    rules = "\n".join(f"    & > .{component(name)} {{ {rule} }}" for name, rule in STYLES.items())
    focused = f"""    &:focus > .{component("cursor")} {{ background: $primary 35%; text-style: bold; }}
    &:focus > .{component("cell")} {{ background: $primary; color: $background; text-style: bold; }}"""
    return f"{widget} {{\n{rules}\n{focused}\n}}\n"
