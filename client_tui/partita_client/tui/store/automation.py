"""Schedules and sensors as one thing, their ticks, and what of backfills is counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from partita_client.tui.render.spark import tick_cells
from partita_client.tui.render.states import mark_line
from partita_client.tui.render.text import Line, ago, clock, duration, fit, plain, plain_lines, until
from partita_client.tui.store.filters import Filter, parse_filter
from partita_client.tui.store.run_detail import error_lines
from partita_client.tui.store.run_rows import short_id

if TYPE_CHECKING:
    from partita_client.models import TuiAutomation, TuiBackfill, TuiTick

FIELDS = ("kind", "status", "location", "name", "last")
KINDS = ("schedule", "sensor")
LAST = ("succeeded", "skipped", "failed", "started")
STRIP = 18
"""Ticks that a row shows."""


@dataclass(frozen=True, slots=True)
class LastTick:
    """What an automation did last."""

    id: str
    status: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class Automation:
    """A schedule or a sensor."""

    id: str
    """Its code location, repository and name; ticks are told by it."""
    node_id: str
    """What mutations call it."""
    name: str
    kind: str
    is_on: bool
    is_overridden: bool
    default_on: bool
    description: str | None
    target: str
    cadence: str
    location: str
    source: str
    cursor: str | None
    next_at: datetime | None
    last_tick: LastTick | None


def automation_of(record: TuiAutomation) -> Automation:
    """A record of the API as one thing, whichever it is."""
    told: Any = record
    is_schedule = record.type_name == "Schedule"
    place = record.repository
    location = place.code_location.name if place else ""
    targets = [told.target] if is_schedule else list(told.targets)
    source = record.source_location
    return Automation(
        id=automation_key(record),
        node_id=told.id,
        name=record.name,
        kind="schedule" if is_schedule else "sensor",
        is_on=told.status.value == "on",
        is_overridden=told.is_overridden,
        default_on=told.default_status.value == "on",
        description=record.description,
        target=", ".join(map(_target_of, targets)) or "(reports only)",
        cadence=f"{' | '.join(told.cron)} {told.timezone}" if is_schedule else f"every {duration(told.minimum_interval).replace('.0s', 's')}",
        location=location,
        source=f"{source.file}:{source.line}" if source else "",
        cursor=None if is_schedule else told.cursor,
        next_at=told.next_tick_at,
        last_tick=_last_tick(told.last_tick),
    )


def automation_key(record: Any) -> str:
    """The id by which ticks and automations know each other."""
    place = record.repository
    return f"{place.code_location.name}/{place.name}/{record.name}" if place else record.name


def _target_of(target: Any) -> str:
    if target.job is not None:
        return f"job {target.job.name}"
    return target.selection or ", ".join(asset.key for asset in target.assets)


def _last_tick(tick: Any) -> LastTick | None:
    return LastTick(tick.id, tick.status.value, tick.due_at, plain(tick_note(tick), 300)) if tick is not None else None


def tick_note(tick: Any) -> str:
    """What came of a tick, in a few words."""
    if tick.error is not None:
        return f"{tick.error.class_name}: {tick.error.message}"
    if tick.skip_reason:
        return str(tick.skip_reason)
    return f"{tick.run_count} run{'s' if tick.run_count != 1 else ''}" if tick.status.value == "succeeded" else ""


def parse_automation_filter(text: str) -> Filter:
    """A filter of schedules and sensors."""
    return parse_filter(text, FIELDS, words={"kind": KINDS, "status": ("on", "off"), "last": LAST})


def list_automations(found: Mapping[str, Automation], wanted: Filter) -> list[str]:
    """Ids of those that a filter means: schedules, then sensors, by name."""
    shown = [each for each in found.values() if wanted.matches(_values(each), f"{each.name} {each.target} {each.description or ''}")]
    return [each.id for each in sorted(shown, key=lambda each: (each.kind, each.name, each.id))]


def _values(each: Automation) -> dict[str, list[str]]:
    last = [each.last_tick.status] if each.last_tick else []
    return {"kind": [each.kind], "status": ["on" if each.is_on else "off"], "location": [each.location], "name": [each.name], "last": last}


def switch_line(each: Automation) -> Line:
    """Whether it is on, and whether somebody decided so against the code."""
    word = "on" if each.is_on else "off"
    if each.is_overridden:
        return ((f"◉ {word}", "ok" if each.is_on else "missing"),)
    return mark_line("automation", word)


def when_line(each: Automation, now: datetime) -> Line:
    """When it is due, and what it did last."""
    last = each.last_tick
    after: Line = ((f"  last {ago(last.at, now)}", "dim"), (" ✗", "failed") if last.status == "failed" else ("", "")) if last else ()
    if not each.is_on:
        return (("off", "dim"), *after)
    return ((until(each.next_at, now) if each.next_at else "–", ""), *after)


def automation_cells(each: Automation, statuses: Sequence[str], now: datetime) -> tuple[str | Line, ...]:
    """The cells of its row; `statuses` are those of its last ticks, oldest first."""
    return (
        each.name,
        ((each.kind, "dim"),),
        switch_line(each),
        each.target,
        ((each.cadence, "dim"),),
        when_line(each, now),
        tick_cells(statuses[-STRIP:], STRIP),
    )


def automation_lines(each: Automation, now: datetime) -> list[Line]:
    """What is known of it."""
    default = f"the code says {'on' if each.default_on else 'off'}"
    rows: list[tuple[str, Line]] = [
        ("state", (*switch_line(each), (f"   {default}", "dim"))),
        ("next", ((f"{clock(each.next_at, now)}  {until(each.next_at, now)}" if each.next_at and each.is_on else "–", ""),)),
        ("cadence", ((each.cadence, ""),)),
        ("launches", ((each.target, ""),)),
        ("location", ((each.location, ""),)),
        ("code", ((each.source or "–", ""),)),
    ]
    if each.kind == "sensor":
        rows.insert(3, ("cursor", ((each.cursor if each.cursor is not None else "–", ""),)))
    lines: list[Line] = [((fit(label, 10), "dim"), *line) for label, line in rows]
    lines += [((line, "dim"),) for line in plain_lines(each.description or "")]
    return lines


def tick_cells_of(tick: TuiTick, now: datetime) -> tuple[str | Line, ...]:
    """The cells of a tick's row."""
    took = duration(tick.duration) if tick.duration is not None else "–"
    style = "failed" if tick.error else "dim" if tick.skip_reason else ""
    dry = "dry run  " if tick.is_dry_run else ""
    return (clock(tick.due_at, now), mark_line("tick", tick.status.value), str(tick.run_count), took, ((dry + plain(tick_note(tick), 300), style),))


def tick_lines(tick: TuiTick, now: datetime) -> Iterator[Line]:
    """Everything that a tick tells."""
    dry = "   dry run: nothing was launched" if tick.is_dry_run else ""
    yield (
        *mark_line("tick", tick.status.value),
        (f"   due {clock(tick.due_at, now)}", ""),
        (f"   took {duration(tick.duration)}" if tick.duration is not None else "", ""),
        (f"   attempt {tick.attempt}" if tick.attempt > 1 else "", "warning"),
        (dry, "warning"),
    )
    if tick.skip_reason:
        yield (("skipped  ", "dim"), (tick.skip_reason, ""))
    if tick.cursor is not None:
        yield (("cursor   ", "dim"), (tick.cursor, ""))
    for request in tick.requests:
        yield _request_line(request)
    for added in tick.added_partitions:
        yield (("adds     ", "dim"), (f"partitions {', '.join(added.keys)} to {added.set_name}", ""))
    if tick.error is not None:
        lines = list(error_lines(tick.error))
        yield from (((f"  {line}", ""),) for line in lines[:-1])
        yield ((f"▸ {lines[-1]}", "failed"),)
    if tick.logs.strip():
        yield (("logs", "title"),)
        yield from (((f"  {line}", ""),) for line in plain_lines(tick.logs))


def _request_line(request: Any) -> Line:
    what = f"job {request.job_name}" if request.job_name else ", ".join(request.asset_keys or ()) or "its target"
    cut = f" [{request.partition_key}]" if request.partition_key else ""
    key = f"  key {request.run_key}" if request.run_key else ""
    run: Line = (("  → ", "dim"), (short_id(request.run.id), "accent"), (f" {request.run.status.value}", "dim")) if request.run else ()
    note = "  launched before" if request.is_already_launched else ""
    return (("run      ", "dim"), (plain(what, 100) + plain(cut, 60), ""), (plain(key, 80), "dim"), *run, (note, "warning"))


def backfill_counts(backfill: TuiBackfill) -> dict[str, int]:
    """How many partitions of a backfill stand in each way."""
    return {each.status.value: each.count for each in backfill.status_counts}


def keep_ticks(known: Sequence[TuiTick], seen: Iterable[TuiTick], most: int) -> list[TuiTick]:
    """The newest ticks, oldest first, each as it was told last; dry runs are not history."""
    by_id = {tick.id: tick for tick in known}
    by_id.update({tick.id: tick for tick in seen if not tick.is_dry_run})
    return sorted(by_id.values(), key=lambda tick: (tick.due_at, tick.id))[-most:]
