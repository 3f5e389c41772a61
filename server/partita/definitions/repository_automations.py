"""The schedules and sensors of a repository: collected, their targets settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.automation_specs import ScheduleSpec, SensorSpec
from partita.definitions.problems import Problems, standing
from partita.definitions.repository_assets import flatten
from partita.definitions.schedules import Schedule, partitions_of_target
from partita.definitions.sensors import Sensor
from partita.definitions.specs import JobSpec
from partita.errors import DuplicateNameError, NotFoundError


class Automations:
    """The schedules and sensors of one repository, which share their names, and their specs as the repository settled them."""

    def __init__(
        self, schedules: Iterable[Any], sensors: Iterable[Any], *, jobs: Mapping[str, JobSpec], graph: AssetGraph, problems: Problems
    ) -> None:
        self._jobs = jobs
        self._graph = graph
        self._problems = problems
        self._taken: dict[str, Any] = {}
        self.schedules: dict[str, Schedule] = self._collect(schedules, Schedule, "schedules", "pt.Schedule, @pt.schedule or pt.partition_schedule")
        self.sensors: dict[str, Sensor[..., Any]] = self._collect(sensors, Sensor, "sensors", "@pt.sensor, @pt.asset_sensor or @pt.run_status_sensor")
        self.schedule_specs: list[ScheduleSpec] = []
        self.sensor_specs: list[SensorSpec] = []
        for schedule in self.schedules.values():
            with problems.collect(schedule.spec.source, f"schedule {schedule.name!r}"):
                self.schedule_specs.append(self._settle_schedule(schedule))
        for sensor in self.sensors.values():
            with problems.collect(sensor.spec.source, f"sensor {sensor.name!r}"):
                self.sensor_specs.append(self._settle_sensor(sensor))

    def _collect(self, given: Iterable[Any], kind: type[Any], parameter: str, makers: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for each in flatten(given, self._problems):
            if not isinstance(each, kind):
                self._problems.add(f"{each!r} is none. Declare it with {makers}.", source=None, subject=parameter)
                continue
            other = self._taken.setdefault(each.name, each)
            if other is not each:
                problem = f"the name is taken by the {_word(other)}{standing(other.spec.source)}. Rename one of them."
                self._problems.add(problem, source=each.spec.source, subject=f"{_word(each)} {each.name!r}", kind=DuplicateNameError)
            found.setdefault(each.name, each)
        return found

    def _settle_schedule(self, each: Schedule) -> ScheduleSpec:
        spec = msgspec.structs.replace(each.spec, target=each.target.resolve(self._jobs, self._graph))
        if spec.has_function:  # it says which partition of which assets
            return spec
        of_job = {name: job.partitions for name, job in self._jobs.items()}
        of_asset = {key: self._graph.spec(key).partitions for key in spec.target.assets}
        return each.resolve(spec, partitions_of_target(spec, of_job, of_asset))

    def _settle_sensor(self, each: Sensor[..., Any]) -> SensorSpec:
        for name in each.spec.jobs:
            if name not in self._jobs:
                raise NotFoundError("job", name, self._jobs)
        targets = tuple(target.resolve(self._jobs, self._graph) for target in each.targets)
        return msgspec.structs.replace(each.spec, targets=targets)


def _word(each: Schedule | Sensor[..., Any]) -> str:
    return "schedule" if isinstance(each, Schedule) else "sensor"
