"""What a claimed tick is evaluated with, and what its verdict means: planned under the code that it was evaluated by."""

from __future__ import annotations

from collections.abc import Callable

from partita.automation.code import CodeVersion
from partita.automation.scopes import scope_of, spec_of
from partita.automation.watches import latest_materializations, latest_runs, new_materializations, new_runs
from partita.definitions.automation_specs import ScheduleSpec, SensorSpec
from partita.definitions.specs import RepositorySpec
from partita.errors import NotFoundError
from partita.execution.evaluation import Evaluation
from partita.planning.dynamic import dynamic_sets
from partita.planning.effects import check_additions, check_reports
from partita.planning.ticks import requests_of, requests_of_schedule
from partita.records.assets import Materialization
from partita.records.automations import Automation
from partita.records.runs import Run
from partita.records.verdicts import Verdict
from partita.storage.store import Store
from partita.storage.tick_rows import Outcome, TickClaim
from partita.workspace.catalog import Catalog

MAX_LOG = 64_000
"""Characters that are kept of what a function logged, the last ones."""
NOTHING_NEW = "Nothing has come of what it watches."


class Verdicts:
    """Knows, of a worker's own code and of what the other locations have published, what ticks need and ask for."""

    def __init__(self, store: Store, workspace_for: Callable[[CodeVersion], Catalog]) -> None:
        self._store = store
        self._workspace_for = workspace_for

    def evaluation_of(self, claim: TickClaim, version: CodeVersion) -> Evaluation | Outcome:
        """What a process of the user's code is to evaluate; or what the tick comes to, when that code need not be asked.

        Raises:
            RequestError: the code does not have the schedule or sensor any more, or its target cannot be run.
            OperationError: the database does not answer.
        """
        automation, tick = claim.automation, claim.tick
        spec = spec_of(_repository_of(version, automation), automation)
        materializations: tuple[Materialization, ...] = ()
        runs: tuple[Run, ...] = ()
        if isinstance(spec, ScheduleSpec):
            if not spec.has_function:
                return self._plain(spec, claim, self._workspace_for(version))
        elif spec.kind != "function":
            materializations, runs = self._news(spec, claim)
            if not materializations and not runs:
                return Outcome(skip_reason=NOTHING_NEW)
        return Evaluation(
            location=automation.location,
            repository=automation.repository,
            kind=automation.kind.value,
            name=automation.name,
            tick_id=tick.id,
            due_at=tick.due_at,
            cursor=claim.given,
            last_tick_at=claim.last_tick_at,
            materializations=materializations,
            runs=runs,
            timeout=spec.timeout,
        )

    def outcome_of(self, claim: TickClaim, version: CodeVersion, verdict: Verdict) -> Outcome:
        """What a tick comes to whose function has answered.

        Raises:
            RequestError: it asks for what does not exist, or cannot be run.
            OperationError: the database does not answer.
        """
        logs = logs_of(verdict)
        if verdict.error is not None:
            return Outcome(error=verdict.error, logs=logs)
        if not (verdict.requests or verdict.partitions or verdict.events):  # as of most sensors, most of the time
            return Outcome(skip_reason=verdict.skip, cursor=verdict.cursor, sets_cursor=verdict.sets_cursor, logs=logs)
        workspace = self._workspace_for(version)
        if verdict.partitions:
            check_additions(verdict.partitions, dynamic_sets(workspace.repositories.values()))
        check_reports(verdict.events, workspace.graph.specs)
        scope = scope_of(self._store, workspace, claim.automation, added=verdict.partitions)
        spec = spec_of(scope.repository, claim.automation)
        targets, tags = ((spec.target,), dict(spec.tags)) if isinstance(spec, ScheduleSpec) else (spec.targets, {})
        return Outcome(
            asks=requests_of(targets, verdict.requests, scope, tags=tags, now=claim.tick.due_at),
            skip_reason=verdict.skip,
            cursor=verdict.cursor,
            sets_cursor=verdict.sets_cursor,
            partitions=verdict.partitions,
            reports=verdict.events,
            logs=logs,
        )

    def _plain(self, spec: ScheduleSpec, claim: TickClaim, workspace: Catalog) -> Outcome:
        scope = scope_of(self._store, workspace, claim.automation)
        asks, skip_reason = requests_of_schedule(spec, scope, due_at=claim.tick.due_at)
        return Outcome(asks=asks, skip_reason=skip_reason)

    def _news(self, spec: SensorSpec, claim: TickClaim) -> tuple[tuple[Materialization, ...], tuple[Run, ...]]:
        """What a sensor is shown that watches assets or runs."""
        if spec.kind == "asset":
            return self._materializations(spec, claim), ()
        return (), self._runs(claim.automation, spec, claim)

    def _materializations(self, spec: SensorSpec, claim: TickClaim) -> tuple[Materialization, ...]:
        if claim.through is None:
            return tuple(latest_materializations(self._store, spec))
        return tuple(each for _, each in new_materializations(self._store, spec, after=claim.after or 0, through=claim.through))

    def _runs(self, sensor: Automation, spec: SensorSpec, claim: TickClaim) -> tuple[Run, ...]:
        if claim.through is None:
            return tuple(latest_runs(self._store, sensor, spec))
        return tuple(run for _, run in new_runs(self._store, sensor, spec, after=claim.after or 0, through=claim.through))


def _repository_of(version: CodeVersion, automation: Automation) -> RepositorySpec:
    found = {repository.name: repository for repository in version.catalog.repositories}
    if automation.repository not in found:
        raise NotFoundError("repository", automation.repository, found)
    return found[automation.repository]


def logs_of(verdict: Verdict) -> str:
    """What a function logged, one record a line."""
    lines = [f"{record.at:%H:%M:%S} {record.level.value.upper()} {record.message}" for record in verdict.logs]
    return "\n".join(lines)[-MAX_LOG:]
