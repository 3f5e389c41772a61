"""What `partita demo` does once its server is up: materialise a year of flights through the client, then print what they say."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from partita.demo.drops import drop_day
from partita_client import Backfill, Client

JANUARY = ("2013-01-01", "2013-01-31")
FIRST_QUARTER = ("2013-01-01", "2013-03-31")
REST_OF_YEAR = ("2013-04-01", "2013-12-31")
LAST_MONTHS = ("2013-04-01", "2013-12-01")
DROPPED_DAY = "2013-07-04"
LOOK_EVERY = 0.2
PATIENCE = 60.0
"""Seconds that the sensor has to see the file that the tour drops."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One line of the tour: what is written, and how it is launched."""

    title: str
    launch: Callable[[Client], Sequence[Any]]
    """Answers runs or backfills."""


STAGES = (
    Stage(title="Raw tables", launch=lambda client: [client.materialize("group:raw")]),
    Stage(title="January, day by day", launch=lambda client: client.materialize_all("flights or weather", partition=JANUARY)),
    Stage(
        title="First quarter, a backfill",
        launch=lambda client: [client.backfill("group:daily or flights_weather or carrier_punctuality", partitions=FIRST_QUARTER)],
    ),
    Stage(title="April to December", launch=lambda client: [client.materialize("flights or weather", partition=REST_OF_YEAR)]),
    Stage(title="... joined with weather", launch=lambda client: [client.materialize("flights_weather", partition=REST_OF_YEAR)]),
    Stage(title="Punctuality by month", launch=lambda client: client.materialize_all("carrier_punctuality", partition=LAST_MONTHS)),
    Stage(title="Model of delays", launch=lambda client: [client.materialize("delay_model")]),
    Stage(title="Airport report, a fan-out", launch=lambda client: [client.launch("airport_report")]),
)


def tour(client: Client, console: Console, *, drop_folder: Path) -> bool:
    """Run every stage with a progress bar, then print the numbers; False when something did not succeed."""
    columns = (TextColumn("{task.description:<30}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        for stage in STAGES:
            if not _run_stage(client, stage, progress, console):
                return False
        if not _drop_a_file(client, drop_folder, progress, console):
            return False
    _print_numbers(client, console)
    return True


def _run_stage(client: Client, stage: Stage, progress: Progress, console: Console) -> bool:
    task = progress.add_task(stage.title, total=None, unit="runs")
    launched = stage.launch(client)
    progress.update(task, total=len(launched))
    for each in launched:
        if isinstance(each, Backfill):
            _show_backfill(each, progress, task)
        ended = each.wait()
        if ended.status != "succeeded":
            _tell(console, ended)
            return False
        if not isinstance(each, Backfill):
            progress.advance(task)
    return True


def _show_backfill(backfill: Backfill, progress: Progress, task: TaskID) -> None:
    progress.update(task, total=backfill.record.partition_count, unit="partitions")
    for now in backfill.changes():
        progress.update(task, completed=now.counts["succeeded"])
    progress.update(task, completed=backfill.counts["succeeded"])


def _drop_a_file(client: Client, folder: Path, progress: Progress, console: Console) -> bool:
    """Put a file of flights into the folder that the sensor watches, and wait for the run that it launches."""
    task = progress.add_task("A file, seen by a sensor", total=1, unit="runs")
    began = datetime.now(UTC)
    drop_day(DROPPED_DAY, folder)
    run_id = _run_of_sensor(client, "new_files", since=began)
    if run_id is None:
        console.print(f"[red]The sensor new_files did not see the file in {folder}[/]. See why with: partita sensor ticks new_files", highlight=False)
        return False
    ended = client.run(run_id).wait()
    progress.advance(task)
    if ended.status != "succeeded":
        _tell(console, ended)
    return ended.status == "succeeded"


def _run_of_sensor(client: Client, sensor: str, *, since: datetime) -> str | None:
    """The run that a sensor has launched since a moment; None when it launches none in time."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for tick in client.ticks(sensor, status="succeeded", limit=1):
            if tick.due_at >= since and tick.requests and tick.requests[0].run is not None:
                return tick.requests[0].run.id
        time.sleep(LOOK_EVERY)
    return None


def _tell(console: Console, ended: Any) -> None:
    word = "backfill" if isinstance(ended, Backfill) else "run"
    console.print(f"[red]{word.capitalize()} {ended.id} {ended.status}[/]. See why with: partita {word} show {ended.id}", highlight=False)


def _print_numbers(client: Client, console: Console) -> None:
    newest: dict[str, list[dict[str, Any]]] = {}
    for month in client.asset("carrier_punctuality").materializations():  # newest first, and a home may hold several tours
        newest.setdefault(month.partition or "", month.metadata["table"])
    carriers = _by_carrier([row for rows in newest.values() for row in rows])
    table = Table("carrier", "name", "flights", "mean delay", title="Departures from New York, 2013", title_justify="left")
    for column in table.columns[2:]:
        column.justify = "right"
    for carrier in carriers:
        table.add_row(carrier.code, carrier.name, f"{carrier.flights:,}", f"{carrier.mean_delay:.1f} min")
    console.print(table)
    model = client.asset("delay_model").latest
    flights = sum(carrier.flights for carrier in carriers)
    console.print(f"{flights:,} flights in all.", highlight=False)
    if model is not None:
        console.print(
            f"Model of delays: error {model.metadata['rmse']:.2f} minutes, {model.metadata['rmse of the mean']:.2f} for the mean.", highlight=False
        )


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """A carrier over the whole year."""

    code: str
    name: str
    flights: int
    mean_delay: float


def _by_carrier(rows: list[dict[str, Any]]) -> list[Carrier]:
    carriers = []
    for code in sorted({row["carrier"] for row in rows}):
        months = [row for row in rows if row["carrier"] == code]
        departed = sum(row["departed"] for row in months)
        delay = sum(row["delay_minutes"] for row in months)
        carriers.append(
            Carrier(
                code=code, name=months[0]["name"], flights=sum(row["flights"] for row in months), mean_delay=delay / departed if departed else 0.0
            )
        )
    return sorted(carriers, key=lambda carrier: -carrier.flights)
