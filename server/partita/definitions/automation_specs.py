"""Schedules and sensors as frozen values: when they look, and what they launch."""

from __future__ import annotations

from typing import Any, Literal

from partita.definitions.keys import AssetKey
from partita.definitions.sources import SourceLocation
from partita.definitions.values import Spec

SensorKind = Literal["function", "asset", "run_status"]


class TargetSpec(Spec, frozen=True, kw_only=True):
    """What a schedule or sensor launches: a job, or a selection of assets."""

    job: str | None = None
    selection: str | None = None
    """The selection it was declared with, for people."""
    assets: tuple[AssetKey, ...] = ()
    """What the selection meant when the repository was loaded, in order of definition."""


class ScheduleSpec(Spec, frozen=True, kw_only=True):
    """A schedule: launches its target at the ticks of its cron expressions."""

    name: str
    description: str | None = None
    cron: tuple[str, ...]
    timezone: str = "UTC"
    target: TargetSpec
    config: dict[str, Any] | None = None
    """Run config of the runs of a schedule without function."""
    tags: tuple[tuple[str, str], ...] = ()
    """They go on every run."""
    is_partitioned: bool = False
    """Each tick launches the newest complete partition of the target; no user code is called."""
    has_function: bool = False
    """A user process decides what each tick launches."""
    timeout: float = 60.0
    """Seconds that an evaluation may take."""
    catch_up: int = 5
    """Ticks missed while no daemon ran that are made up for, the newest ones; older ones are dropped."""
    resources: tuple[str, ...] = ()
    default_on: bool = False
    source: SourceLocation | None = None


class SensorSpec(Spec, frozen=True, kw_only=True):
    """A sensor: looks at the world again and again, and launches its targets when something happened."""

    name: str
    description: str | None = None
    kind: SensorKind = "function"
    targets: tuple[TargetSpec, ...] = ()
    """Empty for a sensor that only acts or reports."""
    interval: float = 30.0
    """Seconds between evaluations, at least 1."""
    timeout: float = 60.0
    """Seconds that an evaluation may take."""
    assets: tuple[AssetKey, ...] = ()
    """What an asset sensor watches."""
    run_status: str | None = None
    """What a run status sensor waits for: "started", "succeeded", "failed" or "canceled"."""
    jobs: tuple[str, ...] = ()
    """The jobs of the repository that a run status sensor watches; empty: all runs of the repository."""
    resources: tuple[str, ...] = ()
    default_on: bool = False
    source: SourceLocation | None = None
