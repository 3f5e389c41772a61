"""A run as words: what a table, a preview and a title say of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from partita_client.tui.render.spark import progress
from partita_client.tui.render.states import mark, mark_line
from partita_client.tui.render.text import Line, ago, clock, duration, plain, size

if TYPE_CHECKING:
    from partita_client.models import TuiRun


def short_id(run_id: str) -> str:
    """The last eight characters, which every look-up of a run accepts."""
    return run_id[-8:]


def target_of(run: TuiRun) -> str:
    """What it writes: the first asset and how many more; the job where it writes none."""
    keys = [asset.key for asset in run.assets]
    if not keys:
        return "–"
    return keys[0] + (f" +{len(keys) - 1}" if len(keys) > 1 else "")


def what_of(run: TuiRun) -> str:
    """Its job; where there is none, what it writes."""
    return run.job_name or target_of(run)


def partition_of(run: TuiRun) -> str:
    """The partition, the range, or how many."""
    cut = run.partitions
    if cut is None:
        return "–"
    if cut.count == 1 and cut.keys:
        return cut.keys[0]
    return short_range(cut.range[0], cut.range[-1]) if cut.range else f"{cut.count} keys"


def short_range(first: str, last: str) -> str:
    """A range without saying twice what both ends begin with: `2013-04-01..12-31`."""
    same = 0
    for place, (one, other) in enumerate(zip(first, last, strict=False), 1):
        if one != other:
            break
        same = place if one in "-/:|" else same
    return f"{first}..{last[same:]}"


def took(run: TuiRun, now: datetime) -> timedelta | None:
    """How long it took, or takes so far."""
    return (run.ended_at or now) - run.started_at if run.started_at else None


def is_active(run: TuiRun) -> bool:
    """Whether it has not ended."""
    return run.ended_at is None and run.status.value in ("queued", "starting", "running", "canceling")


def steps_of(run: TuiRun, width: int = 8) -> Line:
    """Its progress as a bar and a fraction."""
    stats = run.stats
    if not stats.total_steps:
        return (("–", "dim"),)
    done = stats.succeeded_steps + stats.skipped_steps
    bar = progress(done, stats.total_steps, width, stats.failed_steps) if width else ()
    count = f" ✗{stats.failed_steps}" if stats.failed_steps else f" {done}/{stats.total_steps}"
    return (*bar, (count if width else count.strip(), "failed" if stats.failed_steps else ""))


def launcher_of(run: TuiRun) -> str:
    """Who asked for it."""
    told = run.launched_by
    retry = f" retry {run.attempt - 1}" if run.attempt > 1 else ""
    if told is None:
        return retry.strip() or "–"
    asset = getattr(told, "asset", None)
    name = getattr(told, "name", None) or getattr(told, "title", None) or (asset.key if asset else short_id(getattr(told, "id", "")))
    kind = {"Schedule": "schedule ", "Sensor": "sensor ", "Backfill": "backfill ", "ConditionEvaluation": "condition "}.get(told.type_name, "")
    return f"{kind}{name}{retry}"


def launcher_names(run: TuiRun) -> list[str]:
    """What a filter `by:` may call who asked for it: the sort, the name, both."""
    words = launcher_of(run)
    kind, _, name = words.partition(" ")
    return [words, kind, *([name] if name else [])]


def run_cells(run: TuiRun, now: datetime, *, is_narrow: bool = False) -> tuple[str | Line, ...]:
    """The cells of its row."""
    style = "" if is_active(run) or run.status.value == "failed" else "dim"
    return (
        ((short_id(run.id), "accent"),),
        what_of(run),
        mark_line("run", run.status.value),
        partition_of(run),
        clock(run.started_at or run.created_at, now) if not is_narrow else ago(run.started_at or run.created_at, now),
        ((duration(took(run, now)), style),),
        launcher_of(run),
        steps_of(run, 0 if is_narrow else 6),
    )


def title_of(run: TuiRun) -> str:
    """What it is called in a path."""
    return " ".join(part for part in (short_id(run.id), what_of(run), partition_of(run).replace("–", "")) if part)


def summary(run: TuiRun, now: datetime, *, width: int) -> list[Line]:
    """A few lines on a run: how it stands, what it counts, what went wrong."""
    glyph, word, style = mark("run", run.status.value)
    stats = run.stats
    first: Line = (
        (f"{glyph} {word.upper()}", style),
        (f" {duration(took(run, now))}", "strong") if run.started_at else (f" waits {ago(run.created_at, now)}", "strong"),
        ("   ", ""),
        (f"{stats.succeeded_steps}/{stats.total_steps} steps  ", "") if stats.total_steps else ("no steps yet  ", "dim"),
        *progress(stats.succeeded_steps + stats.skipped_steps, stats.total_steps, max(8, min(24, width // 8)), stats.failed_steps),
        ("   ", ""),
        (f"attempt {run.attempt}", "dim"),
        (f"   {size(stats.peak_memory)}" if stats.peak_memory else "", "dim"),
        (f"   {run.code_location.name}" if run.code_location else "", "dim"),
    )
    lines = [first]
    if run.wait_reason is not None:
        lines.append((("◌ ", "queued"), (plain(run.wait_reason.message, 400), "queued")))
    if run.error is not None:
        lines.append((("✗ ", "failed"), (plain(f"{run.error.class_name}: {run.error.message}", 400), "failed")))
    return lines


def tags_line(pairs: Sequence[tuple[str, str]]) -> Line:
    """Tags on one line."""
    return tuple((plain(f"{key}={value}  ", 120), "dim") for key, value in pairs)
