"""How answers are printed: one JSON document for programs, tables and short texts for people.

rich is imported when something is printed, so that `--help` of every command is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from partita_client import Run

STYLES = {
    "succeeded": "green",
    "loaded": "green",
    "running": "cyan",
    "starting": "cyan",
    "loading": "cyan",
    "queued": "blue",
    "paused": "yellow",
    "canceling": "yellow",
    "canceled": "yellow",
    "failed": "red",
    "unreachable": "red",
}
LEVEL_STYLES = {"debug": "dim", "warning": "yellow", "error": "red", "critical": "red"}
WIDTH_OF_A_PIPE = 160
"""Columns when standard output is not a terminal: nobody wraps what `grep` reads."""


@cache
def console() -> Console:
    """Standard output for people."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_PIPE)


def print_json(value: Any) -> None:
    """Print `value` as the one JSON document of the command; records of the client may be anywhere in it. Durations are seconds."""
    import orjson

    click.echo(orjson.dumps(value, default=_to_plain, option=orjson.OPT_INDENT_2).decode())


def _to_plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(f"{type(value).__name__} cannot be printed as JSON.")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print a table, or what it means that there are no rows."""
    from rich.table import Table
    from rich.text import Text

    if not rows:
        console().print(empty)
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*[cell if isinstance(cell, Text) else Text(str(cell)) for cell in row])
    console().print(table)


def print_facts(facts: Mapping[str, str]) -> None:
    """Print labelled values, one a line."""
    from rich.text import Text

    width = max(map(len, facts)) + 2
    for label, value in facts.items():
        console().print(Text.assemble((label.ljust(width), "bold"), status_text(value)), soft_wrap=True)
    console().print()


def status_text(status: str) -> Text:
    """A status in its colour."""
    from rich.text import Text

    return Text(status, style=STYLES.get(status, ""))


def age(at: datetime | None) -> str:
    """How long ago, in one unit."""
    if at is None:
        return "-"
    return f"{brief(datetime.now(UTC) - at)} ago"


def brief(span: timedelta | None) -> str:
    """A span of time in one unit, such as `20 ms` or `5 h`."""
    if span is None:
        return "-"
    seconds = max(0.0, span.total_seconds())
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.1f} {unit}" if seconds / size < 10 else f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"


def size(count: int | None) -> str:
    """A number of bytes in one unit, such as `64 MiB`."""
    if count is None:
        return "-"
    for limit, unit in ((1024**2, "KiB"), (1024**3, "MiB")):
        if count < limit:
            return f"{count / (limit / 1024):.0f} {unit}"
    return f"{count / 1024**3:.1f} GiB"


def event_line(event: Any) -> Text:
    """One event as one line: when, at which step, what."""
    from rich.text import Text

    style = LEVEL_STYLES.get(str(event.level), "")
    return Text.assemble((f"{event.at.astimezone():%H:%M:%S}  ", "dim"), (f"{event.step_key or '-':<24} ", "bold"), (event.message, style))


def print_error(what: str, error: Any) -> None:
    """Print an exception that user code raised, as Python would, and what caused it."""
    from rich.text import Text

    stack = "".join(error.stack).rstrip()
    summary = f"{error.class_name}: {error.message}"
    text = f"{what}:\n{stack}\n{summary}" if stack else f"{what}: {summary}"
    console().print(Text(text, style="red"), soft_wrap=True)
    if getattr(error, "cause", None) is not None:
        print_error("caused by", error.cause)


def subject(run: Run) -> str:
    """What a run is about: its job, or its assets, and its partitions."""
    record = run.record
    keys = [asset.key for asset in record.assets]
    what = record.job_name or (", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else ""))
    return what + _partitions(record.partitions)


def _partitions(partitions: Any) -> str:
    if partitions is None or not partitions.count:
        return ""
    return f" [{partitions.keys[0]}]" if partitions.count == 1 else f" [{partitions.count} partitions]"
