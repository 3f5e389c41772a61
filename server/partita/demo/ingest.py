"""Code location *ingest*: the raw tables, and flights and weather by day."""

from __future__ import annotations

import pandas as pd

import partita as pt
from partita.demo.archive import DAYS, Archive, split_by_day

Frames = pd.DataFrame | dict[str, pd.DataFrame]
"""One day's table, or several by day when a run writes several."""


def _read(context: pt.AssetContext, archive: Archive, table: str) -> pd.DataFrame:
    frame = archive.read(table)
    context.add_metadata({"rows": len(frame), "columns": list(frame.columns)})
    return frame


@pt.asset(key="raw/airlines", group="raw", kinds=["csv"])
def raw_airlines(context: pt.AssetContext, archive: Archive) -> pd.DataFrame:
    """Carrier codes and names."""
    return _read(context, archive, "airlines")


@pt.asset(key="raw/airports", group="raw", kinds=["csv"])
def raw_airports(context: pt.AssetContext, archive: Archive) -> pd.DataFrame:
    """Airports of the United States: code, name, position."""
    return _read(context, archive, "airports")


@pt.asset(key="raw/planes", group="raw", kinds=["csv"])
def raw_planes(context: pt.AssetContext, archive: Archive) -> pd.DataFrame:
    """The register of planes by tail number; it does not know all of them."""
    return _read(context, archive, "planes")


@pt.asset(key="raw/flights", group="raw", kinds=["csv"], owners=["team:flights"])
def raw_flights(context: pt.AssetContext, archive: Archive) -> pd.DataFrame:
    """All 336,776 departures from Newark, LaGuardia and Kennedy in 2013."""
    return _read(context, archive, "flights")


@pt.asset(key="raw/weather", group="raw", kinds=["csv"])
def raw_weather(context: pt.AssetContext, archive: Archive) -> pd.DataFrame:
    """Hourly weather at the three airports; it ends a day before the year does."""
    return _read(context, archive, "weather")


@pt.asset(ins={"raw": pt.In(key="raw/flights")}, partitions=DAYS, group="daily", kinds=["parquet"], owners=["team:flights"], tags={"tier": "1"})
def flights(context: pt.AssetContext, raw: pd.DataFrame) -> Frames:
    """Flights by the New York day they were to leave on."""
    return _by_day(context, raw)


@pt.asset(ins={"raw": pt.In(key="raw/weather")}, partitions=DAYS, group="daily", kinds=["parquet"])
def weather(context: pt.AssetContext, raw: pd.DataFrame) -> Frames:
    """Weather by New York day."""
    return _by_day(context, raw)


def _by_day(context: pt.AssetContext, raw: pd.DataFrame) -> Frames:
    days = split_by_day(raw, context.partition_keys)
    context.add_metadata({"rows": sum(map(len, days.values())), "days": len(days)})
    return days[context.partition_key] if len(days) == 1 else days


def _together(frames: Frames) -> pd.DataFrame:
    return pd.concat(frames.values()) if isinstance(frames, dict) else frames


@pt.asset_check(asset=flights, blocking=True)
def every_flight_has_a_carrier(flights: Frames) -> pt.CheckResult:
    """Without a carrier a flight belongs in no statistic."""
    missing = int(_together(flights)["carrier"].isna().sum())
    return pt.CheckResult(passed=missing == 0, metadata={"without carrier": missing})


@pt.asset_check(asset=flights)
def planes_are_known(flights: Frames, planes: pd.DataFrame) -> pt.CheckResult:
    """The register should know the plane of nine flights in ten; on the real data it knows fewer, so this warns."""
    share = float(_together(flights)["tailnum"].isin(planes["tailnum"]).mean())
    return pt.CheckResult(passed=share >= 0.9, severity=pt.Severity.WARN, metadata={"share known": share})


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


@pt.op
def write_report(context: pt.OpContext, departures: dict[str, int], names: dict[str, str]) -> str:
    """The report as a Markdown table."""
    rows = [f"| {name} | {code} | {departures[code]} |" for code, name in names.items()]
    text = "\n".join(["| airport | code | departures |", "|---|---|---:|", *rows])
    context.log.info("listed %d airports", len(names))
    context.add_metadata({"report": pt.Markdown(text), "airports": len(names)})
    return text


@pt.job(tags={"team": "flights"})
def airport_report() -> None:
    """Where New York flies to: a job of ops with a nested graph."""
    departures = count_departures()
    write_report(departures, rank(departures))


ingest = pt.Repository(
    "ingest",
    assets=[raw_airlines, raw_airports, raw_planes, raw_flights, raw_weather, flights, weather],
    checks=[every_flight_has_a_carrier, planes_are_known],
    jobs=[airport_report, pt.asset_job("refresh_raw", selection="group:raw"), pt.asset_job("daily_tables", selection="group:daily")],
    resources={"archive": Archive()},
)
