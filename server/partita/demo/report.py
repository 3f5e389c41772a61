"""A job of ops: where New York flies to, with a page for each airport, made side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import partita as pt
from partita.demo.archive import Archive

Airport = dict[str, str]
"""Code and name."""


class ReportConfig(pt.Config):
    """What the airport report holds."""

    airports: int = pt.Field(default=10, ge=1, description="How many destinations to list, busiest first.")


@pt.op
def count_departures(archive: Archive) -> dict[str, int]:
    """Departures by destination."""
    counts = archive.read("flights")["dest"].value_counts()
    return {str(code): int(count) for code, count in counts.items()}


@pt.op
def choose_busiest(departures: dict[str, int], config: ReportConfig) -> list[str]:
    """Codes of the busiest destinations; ties go by code."""
    return sorted(departures, key=lambda code: (-departures[code], code))[: config.airports]


@pt.op
def name_airports(codes: list[str], archive: Archive) -> dict[str, str]:
    """Names of airports by code; the few that the table does not have keep their code."""
    names = archive.read("airports").set_index("faa")["name"]
    return {code: str(names.get(code, code)) for code in codes}


@pt.graph
def rank(departures):  # type: ignore[no-untyped-def]  # a graph's parameters are outputs of other steps
    """The busiest destinations, named."""
    return name_airports(choose_busiest(departures))


@pt.op(out=pt.DynamicOut())
def each_airport(names: dict[str, str]) -> Iterator[pt.DynamicOutput[Airport]]:
    """One output for each airport, so that each gets a step of its own."""
    for code, name in names.items():
        yield pt.DynamicOutput({"code": code, "name": name}, mapping_key=code)


@pt.op(retry=pt.Retry(max_retries=2, delay=1.0, backoff="exponential"))
def describe_airport(context: pt.OpContext, airport: Airport, archive: Archive) -> dict[str, Any]:
    """One airport's numbers: flights, carriers, mean arrival delay, and the day it was worst."""
    flights = archive.read("flights")
    own = flights[flights["dest"] == airport["code"]]
    days = "2013-" + own["month"].astype(str).str.zfill(2) + "-" + own["day"].astype(str).str.zfill(2)
    page = {
        **airport,
        "flights": len(own),
        "carriers": int(own["carrier"].nunique()),
        "mean arrival delay": round(float(own["arr_delay"].mean()), 1),
        "worst day": str(own["arr_delay"].groupby(days).mean().idxmax()),
    }
    context.log.info("%(name)s: %(flights)d flights by %(carriers)d carriers", page)
    return page


@pt.op
def write_report(context: pt.OpContext, departures: dict[str, int], pages: list[dict[str, Any]]) -> str:
    """The report as a Markdown table, busiest first."""
    pages = sorted(pages, key=lambda page: (-departures[page["code"]], page["code"]))
    rows = [f"| {page['name']} | {page['code']} | {page['flights']} | {page['mean arrival delay']} | {page['worst day']} |" for page in pages]
    text = "\n".join(["| airport | code | flights | mean delay | worst day |", "|---|---|---:|---:|---|", *rows])
    context.log.info("listed %d airports", len(pages))
    context.add_metadata({"report": pt.Markdown(text), "airports": len(pages)})
    return text


@pt.job(tags={"team": "flights"})
def airport_report() -> None:
    """Where New York flies to: a nested graph chooses the airports, and each is described by a step of its own."""
    departures = count_departures()
    pages = each_airport(rank(departures)).map(describe_airport).collect()
    write_report(departures, pages)
