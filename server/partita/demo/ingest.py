"""Code location *ingest*: the raw tables, flights and weather by day, and files that arrive in a folder."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pandas as pd

import partita as pt
from partita.demo.archive import DAYS, TIMEZONE, Archive, split_by_day
from partita.demo.drops import DropFolder, dropped_flights, new_files
from partita.demo.report import airport_report

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


@pt.asset(
    ins={"raw": pt.In(key="raw/flights")},
    partitions=DAYS,
    group="daily",
    kinds=["parquet"],
    owners=["team:flights"],
    tags={"tier": "1"},
    backfill=pt.Backfill.runs_of(10),
)
def flights(context: pt.AssetContext, raw: pd.DataFrame) -> Frames:
    """Flights by the New York day they were to leave on."""
    return _by_day(context, raw)


@pt.asset(ins={"raw": pt.In(key="raw/weather")}, partitions=DAYS, group="daily", kinds=["parquet"], backfill=pt.Backfill.runs_of(10))
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


daily_tables = pt.asset_job("daily_tables", selection="group:daily")


@pt.schedule(cron="30 4 * * *", target=daily_tables, timezone=TIMEZONE, default_on=True)
def nightly_tables(context: pt.ScheduleContext) -> pt.RunRequest | pt.Skip:
    """The tables of the day before. The data is of 2013, so it is the day before in that year."""
    yesterday = context.due_at.astimezone(ZoneInfo(TIMEZONE)).date() - timedelta(days=1)
    day = f"2013-{yesterday:%m-%d}"
    if yesterday.month == 2 and yesterday.day == 29:
        return pt.Skip("2013 had no 29 February")
    return pt.RunRequest(run_key=f"{yesterday}", partition=day)


ingest = pt.Repository(
    "ingest",
    assets=[raw_airlines, raw_airports, raw_planes, raw_flights, raw_weather, flights, weather, dropped_flights],
    checks=[every_flight_has_a_carrier, planes_are_known],
    jobs=[airport_report, pt.asset_job("refresh_raw", selection="group:raw"), daily_tables],
    schedules=[nightly_tables],
    sensors=[new_files],
    resources={"archive": Archive(), "drop_folder": DropFolder()},
)
