"""`Repository`: definitions that belong together, checked as a whole."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, TypeVar

from partita.definitions.asset_graph import AssetGraph
from partita.definitions.assets import Asset
from partita.definitions.checks import Check
from partita.definitions.graph_assets import GraphAsset
from partita.definitions.io import IOManager
from partita.definitions.jobs import Job
from partita.definitions.keys import AssetKey, check_name
from partita.definitions.multi_assets import MultiAsset, without_declared
from partita.definitions.ops import Op
from partita.definitions.policies import ExecutorSpec, expect
from partita.definitions.problems import BrokenDefinition, Problems
from partita.definitions.repository_assets import Found, check_circles, check_mappings, collect_assets, resolve_assets, resolve_checks
from partita.definitions.repository_automations import Automations
from partita.definitions.repository_conditions import check_conditions
from partita.definitions.repository_jobs import Parts, collect_jobs, resolve_job
from partita.definitions.repository_resources import Provisions, check_asset_provisions, check_hook_provisions, check_loading
from partita.definitions.schedules import FunctionSchedule, Schedule
from partita.definitions.sensors import Sensor
from partita.definitions.shared_steps import check_step_circles
from partita.definitions.sources import caller_source
from partita.definitions.specs import AssetSpec, JobSpec, RepositorySpec
from partita.errors import DefinitionError, NotFoundError

T = TypeVar("T")


class Repository:
    """Assets, checks, jobs and what they need, checked as a whole and published under one name.

    Args:
        name: what it is called in its code location.
        assets: assets, and specs of those that are made elsewhere; lists among them are opened.
        checks: checks of these assets, besides those that assets bring.
        jobs: what can be launched by name.
        schedules: what is launched at certain times.
        sensors: what is launched when something happened.
        resources: what functions ask for by parameter name.
        io_managers: what stores and loads values, by the name that assets give; `"io_manager"` replaces the default.
        executor: where steps run unless a job says otherwise; a process each if left out.
        description: Markdown.

    Example:
        ```python
        flights = pt.Repository(
            "flights",
            assets=[pt.AssetSpec("raw/airports"), load_flights, delays],
            jobs=[pt.asset_job("refresh", selection="group:marts")],
            resources={"warehouse": Warehouse(path="flights.db")},
        )
        ```

    Raises:
        DefinitionErrors: all that is wrong, each with file and line; a single error is raised as itself.
    """

    def __init__(
        self,
        name: str,
        *,
        assets: Iterable[Any] = (),
        checks: Iterable[Any] = (),
        jobs: Iterable[Any] = (),
        schedules: Iterable[Any] = (),
        sensors: Iterable[Any] = (),
        resources: Mapping[str, object] | None = None,
        io_managers: Mapping[str, IOManager] | None = None,
        executor: ExecutorSpec | None = None,
        description: str | None = None,
    ) -> None:
        problems = Problems(caller_source())
        self.name = name
        self._executor = ExecutorSpec()
        with problems.collect(None, f"repository {name!r}"):
            check_name("repository", name)
            self._executor = expect(ExecutorSpec, executor, "executor") or self._executor
        self._provisions = Provisions(resources or {}, io_managers or {}, problems)
        self._assets: dict[AssetKey, Found] = resolve_assets(collect_assets(assets, problems), self._provisions.resources, problems)
        own_checks = [checks, *(each.checks for each in self.assets)]
        self._checks: dict[str, Check[..., Any]] = resolve_checks(own_checks, self._assets.keys(), self._provisions.resources, problems)
        self.graph = AssetGraph([each.spec for each in self._assets.values()], [each.spec for each in self._checks.values()])
        """Its assets and the edges between them."""
        if check_circles(self.graph, problems):
            check_step_circles(self.graph, problems)
        check_mappings(self.graph, problems)
        check_conditions(self.graph, problems)
        self._parts = Parts(problems)
        for each in self.assets:
            if isinstance(each, GraphAsset):
                self._parts.add(each.graph)
        self._jobs: dict[str, Job] = {each.name: self._adopt(each, problems) for each in collect_jobs(jobs, problems).values()}
        self._automations = Automations(
            schedules, sensors, jobs={each.name: each.spec for each in self._jobs.values()}, graph=self.graph, problems=problems
        )
        self._check_provisions()
        problems.raise_all(f"Repository {name!r}")
        self.spec = self._describe(description)
        """All it declares, as a value that can be encoded."""

    def __repr__(self) -> str:
        return f"Repository({self.name!r})"

    @property
    def resource_instances(self) -> dict[str, object]:
        """Resources by name."""
        return dict(self._provisions.resources)

    @property
    def io_manager_instances(self) -> dict[str, IOManager]:
        """IO managers by name; the default one only where it was given."""
        return dict(self._provisions.io_managers)

    @property
    def assets(self) -> tuple[Asset[..., Any], ...]:
        """Its assets that can be materialised, in order of definition."""
        return tuple(each for each in self._assets.values() if isinstance(each, Asset))

    @property
    def checks(self) -> tuple[Check[..., Any], ...]:
        """Its checks, in order of definition."""
        return tuple(self._checks.values())

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Its jobs, in order of definition."""
        return tuple(self._jobs.values())

    @property
    def schedules(self) -> tuple[Schedule, ...]:
        """Its schedules, in order of definition."""
        return tuple(self._automations.schedules.values())

    @property
    def sensors(self) -> tuple[Sensor[..., Any], ...]:
        """Its sensors, in order of definition."""
        return tuple(self._automations.sensors.values())

    def asset(self, key: str) -> Asset[..., Any]:
        """The asset that is computed here under `key`.

        Raises:
            NotFoundError: no such asset; names the nearest.
        """
        found = self._assets.get(key)  # type: ignore[call-overload]  # a key compares and hashes as its text
        if not isinstance(found, Asset):
            raise NotFoundError("asset", key, [each.key for each in self.assets])
        return found

    def check(self, step_key: str) -> Check[..., Any]:
        """The check with the step key `asset:check`.

        Raises:
            NotFoundError: no such check; names the nearest.
        """
        return _get("check", step_key, self._checks)

    def op(self, name: str) -> Op[..., Any]:
        """The op that jobs use under `name`.

        Raises:
            NotFoundError: no such op; names the nearest.
        """
        return _get("op", name, self._parts.ops)

    def job(self, name: str) -> Job:
        """The job called `name`.

        Raises:
            NotFoundError: no such job; names the nearest.
        """
        return _get("job", name, self._jobs)

    def schedule(self, name: str) -> Schedule:
        """The schedule called `name`.

        Raises:
            NotFoundError: no such schedule; names the nearest.
        """
        return _get("schedule", name, self._automations.schedules)

    def sensor(self, name: str) -> Sensor[..., Any]:
        """The sensor called `name`.

        Raises:
            NotFoundError: no such sensor; names the nearest.
        """
        return _get("sensor", name, self._automations.sensors)

    def _adopt(self, job: Job, problems: Problems) -> Job:
        """`job` as it is in this repository, with its parts and resources taken in."""
        spec: JobSpec = job.spec
        with problems.collect(job.spec.source, f"job {job.name!r}"):
            spec = resolve_job(job, self.graph)
        if job.graph is not None:
            self._parts.add(job.graph)
        self._provisions.add(job)
        return job.within(self, spec=spec)

    def _check_provisions(self) -> None:
        provisions = self._provisions
        provisions.check_executor("the repository's executor", self._executor, source=None)
        check_asset_provisions(self._assets, provisions)
        stored_with = {key: spec.io_manager for key, spec in self.graph.specs.items()}
        for check in self._checks.values():
            subject = f"check {check.step_key!r}"
            provisions.check(check.signature, source=check.spec.source, subject=subject)
            check_loading(check.spec.inputs, stored_with, provisions, source=check.spec.source, subject=subject)
        for op in self._parts.ops.values():
            subject = f"op {op.name!r}"
            provisions.check(op.signature, source=op.spec.source, subject=subject)
            for output in op.outputs:
                provisions.check_io_manager(output.io_manager, source=op.spec.source, subject=subject)
            check_loading(op.inputs, {}, provisions, source=op.spec.source, subject=subject)
            check_hook_provisions(subject, op.hooks, provisions)
        for job in self.jobs:
            check_hook_provisions(f"job {job.name!r}", job.hooks, provisions)
            if job.spec.executor is not None:
                provisions.check_executor(f"job {job.name!r}", job.spec.executor, source=job.spec.source)
        for schedule in self.schedules:
            if isinstance(schedule, FunctionSchedule):
                provisions.check(schedule.signature, source=schedule.spec.source, subject=f"schedule {schedule.name!r}")
        for sensor in self.sensors:
            provisions.check(sensor.signature, source=sensor.spec.source, subject=f"sensor {sensor.name!r}")

    def _describe(self, description: str | None) -> RepositorySpec:
        return RepositorySpec(
            name=self.name,
            description=description,
            assets=tuple(self.graph.specs.values()),
            checks=tuple(each.spec for each in self._checks.values()),
            ops=tuple(each.spec for each in self._parts.ops.values()),
            graphs=tuple(each.spec for each in self._parts.graphs.values()),
            jobs=tuple(each.spec for each in self._jobs.values()),
            schedules=tuple(self._automations.schedule_specs),
            sensors=tuple(self._automations.sensor_specs),
            resources=self._provisions.specs,
            executor=self._executor,
        )


def load_assets(module: ModuleType | str) -> list[Asset[..., Any] | MultiAsset[..., Any] | AssetSpec]:
    """Every asset and asset spec in a module, or in all modules of a package, in order of definition.

    Args:
        module: the module or package, or its name.

    Example:
        `pt.Repository("flights", assets=pt.load_assets(flights.tables))`

    Raises:
        DefinitionError: it is no module.
    """
    if not isinstance(module, ModuleType | str):
        raise DefinitionError(f"load_assets({module!r}): give a module or package, or its name.")
    root = importlib.import_module(module) if isinstance(module, str) else module
    found: dict[int, Any] = {}
    for each in _modules(root):
        for value in vars(each).values():
            for definition in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(definition, (Asset, MultiAsset, AssetSpec, BrokenDefinition)):
                    found[id(definition)] = definition
    return without_declared(found.values())


def _modules(root: ModuleType) -> list[ModuleType]:
    path = getattr(root, "__path__", None)
    names = [] if path is None else [each.name for each in pkgutil.walk_packages(path, prefix=f"{root.__name__}.")]
    # A package's `__main__` is a program: importing it would run it.
    return [root, *(importlib.import_module(name) for name in names if not name.endswith(".__main__"))]


def _get(kind: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise NotFoundError(kind, name, known)
    return known[name]
