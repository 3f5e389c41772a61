"""Flights that arrive as CSV files in a folder: a sensor sees a new file, adds a partition for it and asks for a run."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pandas as pd

import partita as pt
from partita.demo.archive import Archive

DROP_FOLDER = "PARTITA_DEMO_DROP"
"""Environment variable that says where files arrive."""

DROPS = pt.DynamicPartitions("drops")
"""One partition for every file that has arrived, called as the file without its `.csv`."""

NEEDED = ("carrier", "dep_delay", "dest", "origin")
"""Columns without which a file holds no flights."""


class DropFolder(pt.Resource):
    """Where files arrive; by default the folder that `PARTITA_DEMO_DROP` names, else `partita-drop` beside other temporary files."""

    directory: str = ""

    @property
    def path(self) -> Path:
        """The folder."""
        return Path(self.directory or os.environ.get(DROP_FOLDER) or Path(tempfile.gettempdir()) / "partita-drop")

    def files(self) -> dict[str, int]:
        """Names of the files that are there, without `.csv`, and when each was last written, in nanoseconds."""
        return {path.stem: path.stat().st_mtime_ns for path in sorted(self.path.glob("*.csv"))}


@pt.asset(partitions=DROPS, group="drops", kinds=["csv"], owners=["team:flights"])
def dropped_flights(context: pt.AssetContext, drop_folder: DropFolder) -> pd.DataFrame:
    """The flights of one file that has arrived."""
    path = drop_folder.path / f"{context.partition_key}.csv"
    frame = pd.read_csv(path)
    missing = [name for name in NEEDED if name not in frame]
    if missing:
        raise pt.Failure(f"{path.name} has no column {', '.join(missing)}.", allow_retry=False)
    context.add_metadata({"file": path, "flights": len(frame), "mean delay": round(float(frame["dep_delay"].mean()), 2)})
    return frame


@pt.sensor(target="dropped_flights", interval=2.0, default_on=True)
def new_files(context: pt.SensorContext, drop_folder: DropFolder) -> pt.SensorResult:
    """A run for every file that is new, or was written again, since the last look."""
    known: dict[str, int] = json.loads(context.cursor or "{}")
    found = drop_folder.files()
    fresh = [name for name, written_at in found.items() if known.get(name) != written_at]
    if not fresh:
        return pt.SensorResult(skip=f"nothing new in {drop_folder.path}")
    context.log.info("%d new files", len(fresh))
    return pt.SensorResult(
        requests=[pt.RunRequest(run_key=f"{name}@{found[name]}", partition=name) for name in fresh],
        partitions=[pt.AddPartitions("drops", fresh)],
        cursor=json.dumps(found),
    )


def drop_day(day: str, folder: Path) -> Path:
    """Write the real flights of a day of 2013 into a folder, as `DAY.csv`: all of the file, or nothing."""
    flights = Archive().read("flights")
    _, month, number = day.split("-")
    chosen = flights[(flights["month"] == int(month)) & (flights["day"] == int(number))]
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{day}.part"
    chosen.to_csv(part, index=False)
    return part.rename(folder / f"{day}.csv")
