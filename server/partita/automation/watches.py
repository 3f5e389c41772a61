"""What sensors that watch assets or runs have not seen yet."""

from __future__ import annotations

from partita.definitions.automation_specs import SensorSpec
from partita.records.assets import Materialization
from partita.records.automations import Automation, launcher_of
from partita.records.filters import RunFilter
from partita.records.pages import PageRequest
from partita.records.runs import FINISHED, Run, RunStatus
from partita.storage.arrivals import NO_END, RunWatch
from partita.storage.store import Store

AT_ONCE = 100
"""What one evaluation looks at, at most; the next one goes on from there."""
_REACHED = {"started": RunStatus.RUNNING, "succeeded": RunStatus.SUCCEEDED, "failed": RunStatus.FAILED, "canceled": RunStatus.CANCELED}
_AFTER_START = (RunStatus.RUNNING, RunStatus.CANCELING, *sorted(FINISHED))


def new_materializations(store: Store, spec: SensorSpec, *, after: int, through: int = NO_END) -> list[tuple[int, Materialization]]:
    """Materialisations that an asset sensor has not seen, with their numbers, the oldest first."""
    return store.arrivals.materializations(spec.assets, after=after, through=through, limit=AT_ONCE)


def new_runs(store: Store, sensor: Automation, spec: SensorSpec, *, after: int, through: int = NO_END) -> list[tuple[int, Run]]:
    """Runs that reached the status that a run status sensor waits for, with its number; not those that the sensor itself launched."""
    watch = RunWatch(location=sensor.location, repository=sensor.repository, status=_REACHED[spec.run_status or ""], jobs=spec.jobs)
    own = launcher_of(sensor.kind, sensor.id)
    while True:
        found = store.arrivals.runs(watch, after=after, through=through, limit=AT_ONCE)
        others = [(number, run) for number, run in found if run.request.launched_by != own]
        if others or len(found) < AT_ONCE:
            return others
        after = found[-1][0]


def latest_materializations(store: Store, spec: SensorSpec) -> list[Materialization]:
    """The newest of each asset that a sensor watches, the oldest first: what a dry run is shown."""
    states = store.assets.states(spec.assets).values()
    return sorted((state.latest for state in states if state.latest is not None), key=lambda latest: latest.at)


def latest_runs(store: Store, sensor: Automation, spec: SensorSpec) -> list[Run]:
    """The newest run that reached the status, if it is among the last ones: what a dry run is shown."""
    reached = _REACHED[spec.run_status or ""]
    statuses = _AFTER_START if reached is RunStatus.RUNNING else (reached,)
    jobs = tuple((sensor.location, sensor.repository, job) for job in spec.jobs) or None
    found = store.runs.list(RunFilter(statuses=statuses, jobs=jobs), page=PageRequest(first=AT_ONCE)).items
    place = (sensor.location, sensor.repository)
    is_end = reached is not RunStatus.RUNNING
    return [run for run in found if (run.request.location, run.request.repository) == place and (is_end or run.started_at is not None)][:1]
