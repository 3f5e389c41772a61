"""What a typed text may mean: places by name, and everything that is known by its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from partita_client.tui.actions import Action
from partita_client.tui.render.states import mark
from partita_client.tui.routes import SECTIONS, TITLES, Route
from partita_client.tui.screens.modals.chooser import Choice
from partita_client.tui.store.run_rows import what_of
from partita_client.tui.store.world import World

MOST = 50
HINTS = {
    "runs": "a filter, such as status:failed job:night*",
    "assets": "a filter, such as group:marts status:failed",
    "automation": "a filter, such as kind:sensor status:on",
    "backfills": "a filter, such as status:running",
}


def jumps(world: World, text: str) -> list[Choice]:
    """Places whose typed form begins with `text`."""
    text = text.strip().removeprefix(":").lower()
    return list(islice((choice for choice in _places(world) if choice.id.lower().startswith(text)), MOST))


def _places(world: World) -> Iterator[Choice]:
    for section in SECTIONS:
        yield Choice(section, section, "section", HINTS.get(section, ""))
    yield Choice("quit", "quit", "app", "leave Partita")
    for key in sorted(world.assets):
        yield Choice(f"asset {key}", f"asset {key}", "asset", world.assets[key].group_name)
    for automation in world.automations.values():
        yield Choice(f"{automation.kind} {automation.id}", f"{automation.kind} {automation.name}", automation.kind)
    for name in sorted(world.locations):
        yield Choice(f"location {name}", f"location {name}", "location")
    for run in sorted(world.runs.values(), key=lambda run: run.created_at, reverse=True):
        yield Choice(f"run {run.id[-8:]}", f"run {run.id[-8:]}", "run", f"{what_of(run)} · {run.status.value}")


def search_everything(world: World, actions: Sequence[tuple[Action, str | None]], text: str) -> list[Choice]:
    """Everything that has all words of `text`, the nearest first. `>` at the start asks for actions only, `@` assets, `#` runs."""
    text = text.strip().lower()
    only = {">": "action", "@": "asset", "#": "run"}.get(text[:1], "")
    words = (text[1:] if only else text).split()
    found = [choice for choice in _everything(world, actions) if (not only or choice.kind == only) and _has(choice, words)]
    if words:
        found.sort(key=lambda choice: (not choice.title.lower().startswith(words[0]), len(choice.title)))
    return found[:MOST]


def _has(choice: Choice, words: Sequence[str]) -> bool:
    text = f"{choice.kind} {choice.title} {choice.note}".lower()
    return all(word in text for word in words)


def _everything(world: World, actions: Sequence[tuple[Action, str | None]]) -> Iterator[Choice]:
    for action, reason in actions:
        if not action.id.startswith("list."):
            yield Choice(f"action\0{action.id}", f"{action.title}", "action", f"{action.key}   {action.operation}", reason or "")
    for section in SECTIONS:
        yield _place(Route(section), TITLES[section], "section", "")
    for key, asset in sorted(world.assets.items()):
        yield _place(Route("assets", id=key), key, "asset", f"{asset.group_name}  {asset.description or ''}")
    for job in world.jobs.values():
        yield _place(Route("workspace", id=job.repository.code_location.name), job.name, "job", job.description or "")
    for automation in world.automations.values():
        yield _place(Route("automation", id=automation.id), automation.name, automation.kind, automation.description or "")
    for backfill in world.backfills.values():
        yield _place(Route("backfills", id=backfill.id), backfill.title or backfill.id[-8:], "backfill", backfill.status.value)
    for name in sorted(world.locations):
        yield _place(Route("workspace", id=name), name, "location", world.locations[name].status.value)
    for run in sorted(world.runs.values(), key=lambda run: run.created_at, reverse=True):
        glyph, word, _ = mark("run", run.status.value)
        note = f"{glyph} {word} {run.error.message if run.error else ''}"
        yield _place(Route("runs", id=run.id), f"{run.id[-8:]} {what_of(run)}", "run", note)


def _place(route: Route, title: str, kind: str, note: str) -> Choice:
    return Choice(f"route\0{route.link}", title, kind, " ".join(note.split())[:120])
