"""What people may want to be told of, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from partita.automation.run_retries import delay_of_retry
from partita.definitions.keys import AssetKey
from partita.definitions.specs import JobSpec
from partita.records.alerts import AlertKind, Trouble
from partita.records.assets import CheckResult
from partita.records.automations import Automation, AutomationKind
from partita.records.ids import short_id
from partita.records.locations import DaemonRecord, LocationRecord, LocationStatus
from partita.records.runs import Run, RunStep, StepStatus
from partita.records.ticks import Tick
from partita.workspace.catalog import Catalog

MOST_ASSETS = 3
"""Assets that a title names."""
OPTIONAL_ROLES = frozenset({"retention"})
"""Roles of the daemon that nothing waits for."""


def failed_run(run: Run, steps: Sequence[RunStep], written: Sequence[AssetKey]) -> Trouble:
    """A run that has failed, and what it was to write."""
    assets = [str(key) for key in run.request.assets]
    more = f" and {len(assets) - MOST_ASSETS} more" if len(assets) > MOST_ASSETS else ""
    target = f"job {run.job}" if run.job is not None else f"{', '.join(assets[:MOST_ASSETS])}{more}"
    partitions = run.request.partition_keys
    what = f"{target} [{partitions[0]}{' ...' if len(partitions) > 1 else ''}]" if partitions else target
    broken = next((step for step in steps if step.status is StepStatus.FAILED and step.error is not None), None)
    why = f"step {broken.key}: {broken.error.summary}" if broken is not None and broken.error is not None else ""
    why = why or (run.error.summary if run.error is not None else "no reason is recorded")
    return Trouble(
        kind=AlertKind.RUN_FAILED,
        subject=f"{run.request.location}/{run.request.repository}/{run.job or ','.join(assets)}",
        title=f"Run of {target} failed",
        detail=f"{what}: {why} (partita run show {short_id(run.id)})",
        at=run.ended_at or run.created_at,
        names=[str(name) for name in (run.job, *written, run.request.location) if name is not None],
        run_id=run.id,
    )


def assets_of(run: Run, workspace: Catalog) -> Sequence[AssetKey]:
    """What a run was to write, as far as that is declared."""
    if run.request.assets or (job := _job_of(run, workspace)) is None:
        return run.request.assets
    return job.assets


def is_tried_again(run: Run, workspace: Catalog, *, now: datetime) -> bool:
    """Whether a failed run is executed again by itself."""
    job = _job_of(run, workspace)
    return job is not None and delay_of_retry(run, job.run_retry, now=now) is not None


def _job_of(run: Run, workspace: Catalog) -> JobSpec | None:
    repository = workspace.repositories.get((run.request.location, run.request.repository))
    return None if repository is None else next((job for job in repository.jobs if job.name == run.job), None)


def failed_check(result: CheckResult) -> Trouble:
    """A check that has failed."""
    name = f"{result.asset}:{result.check}"
    where = "" if result.partition is None else f" [{result.partition}]"
    run = "" if result.run_id is None else f" (partita run show {short_id(result.run_id)})"
    return Trouble(
        kind=AlertKind.CHECK_FAILED,
        subject=name,
        title=f"Check {name} failed",
        detail=f"{name}{where}: {result.description or f'it is a check of severity {result.severity.value}'}{run}",
        at=result.at,
        names=[str(result.asset), result.check, name],
        run_id=result.run_id,
    )


def stale_assets(overdue: Mapping[AssetKey, datetime], workspace: Catalog) -> Iterable[Trouble]:
    """Assets that were fresh once and are not any more, since when."""
    for key, since in overdue.items():
        policy = workspace.graph.spec(key).freshness if key in workspace.graph else None
        if policy is not None:
            yield Trouble(
                kind=AlertKind.FRESHNESS_LOST,
                subject=str(key),
                title=f"Asset {key} is not fresh any more",
                detail=f"{key}: too old since {_moment(since)} ({policy})",
                at=since,
                names=[str(key)],
            )


def failing_automation(automation: Automation, tick: Tick) -> Trouble:
    """A schedule or sensor whose last tick has failed."""
    is_schedule = automation.kind is AutomationKind.SCHEDULE
    word = "Schedule" if is_schedule else "Sensor"
    why = tick.error.summary if tick.error is not None else "no reason is recorded"
    return Trouble(
        kind=AlertKind.SCHEDULE_FAILING if is_schedule else AlertKind.SENSOR_FAILING,
        subject=automation.id,
        title=f"{word} {automation.name} is failing",
        detail=f"{automation.name} at {_moment(tick.due_at)}: {why}",
        at=tick.ended_at or tick.due_at,
        names=[automation.name, automation.location],
    )


def broken_location(record: LocationRecord, at: datetime) -> Trouble | None:
    """A location that cannot be loaded, or for which nobody works; None when it is well."""
    if record.status is LocationStatus.FAILED:
        title, why = f"Code location {record.name} cannot be loaded", record.error.summary if record.error is not None else ""
    elif record.status is LocationStatus.UNREACHABLE:
        title, why = f"Nobody works for code location {record.name}", "No worker has renewed its lease. Is one running?"
    else:
        return None
    return Trouble(kind=AlertKind.LOCATION_BROKEN, subject=record.name, title=title, detail=f"{record.name}: {why}", at=at, names=[record.name])


def silent_daemons(records: Sequence[DaemonRecord], *, now: datetime, silence: timedelta, own: Iterable[str] = ()) -> list[Trouble]:
    """Roles of the daemon that do not do their work: one trouble when that is all of them. `own` are those of whoever asks."""
    needed = [record for record in records if record.role not in {*OPTIONAL_ROLES, *own}]
    silent = [record for record in needed if record.heartbeat_at is None or now - record.heartbeat_at > silence]
    if silent and len(silent) == len(needed):
        last = max((record.heartbeat_at for record in silent if record.heartbeat_at is not None), default=now)
        detail = f"The last was heard of at {_moment(last)}. Nothing is launched by itself meanwhile."
        return [_gone("daemon", "No daemon is running", detail, last)]
    troubles = []
    for record in silent:
        detail = f"Last done at {_moment(record.heartbeat_at or now)}."
        troubles.append(_gone(record.role, f"Nobody does the {record.role} of the daemon", detail, record.heartbeat_at or now))
    broken = [record for record in needed if record.error is not None and record not in silent]
    for record in broken:
        assert record.error is not None
        troubles.append(_gone(record.role, f"The daemon cannot do its {record.role}", record.error.summary, now))
    return troubles


def _gone(subject: str, title: str, detail: str, at: datetime) -> Trouble:
    return Trouble(kind=AlertKind.DAEMON_GONE, subject=subject, title=title, detail=detail, at=at, names=["daemon", subject])


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
