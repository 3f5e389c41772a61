"""What `partita demo` does once its server is up: materialise a year of flights through the client, then print what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from partita_client import Client

JANUARY = ("2013-01-01", "2013-01-31")
REST_OF_YEAR = ("2013-02-01", "2013-12-31")
MONTHS = tuple(f"2013-{month:02}-01" for month in range(1, 13))


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One line of the tour: what is materialised, and how it is launched."""

    title: str
    launch: Callable[[Client], Sequence[Any]]


STAGES = (
    Stage(title="Raw tables", launch=lambda client: [client.materialize("group:raw")]),
    Stage(title="January, day by day", launch=lambda client: client.materialize_all("flights or weather", partition=JANUARY)),
    Stage(title="January, joined with weather", launch=lambda client: client.materialize_all("flights_weather", partition=JANUARY)),
    Stage(title="February to December", launch=lambda client: [client.materialize("flights or weather", partition=REST_OF_YEAR)]),
    Stage(title="... joined with weather", launch=lambda client: [client.materialize("flights_weather", partition=REST_OF_YEAR)]),
    Stage(title="Punctuality by month", launch=lambda client: client.materialize_all("carrier_punctuality", partition=(MONTHS[0], MONTHS[-1]))),
    Stage(title="Model of delays", launch=lambda client: [client.materialize("delay_model")]),
    Stage(title="Airport report, a job of ops", launch=lambda client: [client.launch("airport_report")]),
)


def tour(client: Client, console: Console) -> bool:
    """Run every stage with a progress bar, then print the numbers; False when a run did not succeed."""
    columns = (TextColumn("{task.description:<30}"), BarColumn(), MofNCompleteColumn(), TextColumn("runs"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        for stage in STAGES:
            if not _run_stage(client, stage, progress, console):
                return False
    _print_numbers(client, console)
    return True


def _run_stage(client: Client, stage: Stage, progress: Progress, console: Console) -> bool:
    task = progress.add_task(stage.title, total=None)
    runs = stage.launch(client)
    progress.update(task, total=len(runs))
    for run in runs:
        ended = run.wait()
        if ended.status != "succeeded":
            console.print(f"[red]Run {ended.id} {ended.status}[/]. See why with: partita run show {ended.id}", highlight=False)
            return False
        progress.advance(task)
    return True


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
