"""Places in the app: what `:runs status:failed`, `partita://runs?filter=...` and `partita tui runs` mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

from partita_client.errors import did_you_mean

SECTIONS = ("overview", "assets", "runs", "automation", "backfills", "workspace", "health")
TITLES = {
    "overview": "Overview", "assets": "Assets", "runs": "Runs", "automation": "Automation", "backfills": "Backfills", "workspace": "Workspace",
    "health": "Health",
}  # fmt: skip
SHORT_TITLES = {**TITLES, "overview": "Ov", "automation": "Auto", "backfills": "Backf", "workspace": "Wksp"}
WORDS = {
    "overview": "overview", "ov": "overview", "home": "overview",
    "assets": "assets", "asset": "assets", "a": "assets",
    "runs": "runs", "run": "runs", "r": "runs",
    "automation": "automation", "auto": "automation", "schedules": "automation", "schedule": "automation", "sensors": "automation",
    "sensor": "automation",
    "backfills": "backfills", "backfill": "backfills", "bf": "backfills",
    "workspace": "workspace", "ws": "workspace", "locations": "workspace", "location": "workspace", "jobs": "workspace",
    "health": "health", "daemons": "health", "pools": "health", "queue": "health",
}  # fmt: skip
ONE = ("asset", "a", "run", "r", "schedule", "sensor", "backfill", "bf", "location")
"""Words whose argument names one thing; the argument of the others is a filter."""


class UnknownRouteError(ValueError):
    """No place is called so."""


@dataclass(frozen=True, slots=True)
class Route:
    """A section, and in it a list by a filter or one thing."""

    section: str
    id: str = ""
    filter: str = ""
    tab: str = ""

    @property
    def link(self) -> str:
        """The place as an address."""
        path = "/".join([self.section, *([quote(self.id, safe="")] if self.id else [])])
        asked = "&".join(f"{key}={quote(value)}" for key, value in (("filter", self.filter), ("tab", self.tab)) if value)
        return f"partita://{path}" + (f"?{asked}" if asked else "")

    @property
    def words(self) -> str:
        """The place as it is typed."""
        if self.id:
            singular = {"assets": "asset", "runs": "run", "automation": "schedule", "backfills": "backfill", "workspace": "location"}
            return f":{singular.get(self.section, self.section)} {self.id}"
        return f":{self.section} {self.filter}".rstrip()


def parse_route(text: str) -> Route:
    """The place that a typed command or an address means.

    Raises:
        UnknownRouteError: none is called so; the nearest is suggested.
    """
    text = text.strip().removeprefix(":")
    if text.startswith("partita://"):
        return _of_link(text)
    word, _, rest = text.partition(" ")
    section = WORDS.get(word.lower())
    if section is None:
        raise UnknownRouteError(_unknown(word))
    rest = rest.strip()
    if word.lower() in ONE and rest:
        return Route(section, id=rest)
    if word.lower() in ("schedules", "sensors"):
        rest = f"kind:{word.lower().removesuffix('s')} {rest}".strip()
    return Route(section, filter=rest)


def route_of_arguments(arguments: Sequence[str]) -> Route | None:
    """The place that the arguments of a command line mean; None when there are none."""
    return parse_route(" ".join(arguments)) if arguments else None


def _of_link(text: str) -> Route:
    parts = urlsplit(text)
    section = WORDS.get(parts.netloc)
    if section is None:
        raise UnknownRouteError(_unknown(parts.netloc))
    asked = parse_qs(parts.query)
    return Route(section, unquote(parts.path.strip("/")), asked.get("filter", [""])[0], asked.get("tab", [""])[0])


def _unknown(word: str) -> str:
    return f"There is no place {word!r}.{did_you_mean(word.lower(), WORDS)} Places: {', '.join(SECTIONS)}."
