"""How long a warm location takes from a committed launch to a committed success: `python tests/benchmarks/launch_latency.py [times]`."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import quantiles

sys.path.insert(0, str(Path(__file__).parents[1]))

from partita.records.events import Event, PlanMade, ProcessStarted, RunStatusChanged, StepStarted, StepSucceeded
from support.sites import Site, a_site

TRIVIAL = """
@pt.op
def trivial() -> int:
    return 1


@pt.job
def trivial_job() -> None:
    trivial()
"""
PHASES = (RunStatusChanged, PlanMade, ProcessStarted, StepStarted, StepSucceeded)


def main(times: int) -> None:
    """Launch one run after another and print how long they took."""
    with tempfile.TemporaryDirectory() as folder, a_site(Path(folder), main=TRIVIAL) as site:
        site.work()
        runs = [launch(site) for _ in range(times + 5)][5:]
    show("launch committed to success committed", [seen for seen, _ in runs])
    for name in ("claimed", "planned", "process ready", "step started", "step succeeded", "run succeeded"):
        show(f"  until {name}", [phases[name] for _, phases in runs])


def launch(site: Site) -> tuple[float, dict[str, float]]:
    """Milliseconds until the success was seen in the database, and when each phase began by its own clock."""
    began = time.monotonic()
    run = site.launch(job="trivial_job")
    with site.store.bell() as bell:
        while not (now := site.store.runs.get(run.id)).status.is_finished:
            bell.wait(0.002)
    seen = time.monotonic() - began
    assert now.status == "succeeded", now
    time.sleep(0.05)
    return seen * 1000, phases(run.created_at, site.events(run))


def phases(start: datetime, events: list[Event]) -> dict[str, float]:
    """Milliseconds from the launch to each phase."""
    names = iter(("queued", "claimed", "planned", "running", "process ready", "step started", "step succeeded", "run succeeded"))
    return {next(names): (event.at - start).total_seconds() * 1000 for event in events if isinstance(event, PHASES)}


def show(what: str, values: list[float]) -> None:
    """One line of percentiles."""
    cuts = quantiles(values, n=20)
    print(f"{what:40} p50 {cuts[9]:6.1f} ms   p95 {cuts[18]:6.1f} ms")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
