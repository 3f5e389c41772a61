"""What a batch of events means for its run: computed first, as a value, and written by `journal`.

A step's outcome is recorded once: whatever comes after it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from partita.definitions.keys import AssetKey
from partita.records.events import (
    AssetMaterialized,
    AssetObserved,
    CheckEvaluated,
    Event,
    PlanMade,
    ProcessStarted,
    RunStatusChanged,
    StepCanceled,
    StepFailed,
    StepSkipped,
    StepsMapped,
    StepStarted,
    StepSucceeded,
    StepUpstreamFailed,
)
from partita.records.failures import PythonError
from partita.records.runs import RunStatus, StepStatus, check_transition


@dataclass(slots=True, kw_only=True)
class StepState:
    """What is known of a step after a batch."""

    status: StepStatus = StepStatus.PENDING
    attempt: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: PythonError | None = None
    memory: int | None = None

    def become(self, event: StepEvent) -> None:
        """Take the state that the event leads to, unless the step is finished."""
        if self.status.is_finished:
            return
        self.status = _status_after(event)
        self.error = event.error if isinstance(event, StepFailed) else None
        self.ended_at = event.at if self.status.is_finished else None
        if isinstance(event, (StepStarted, StepSucceeded, StepFailed)):
            self.attempt = max(self.attempt, event.attempt)
        if isinstance(event, (StepSucceeded, StepFailed)) and event.memory is not None:
            self.memory = max(self.memory or 0, event.memory)
        if isinstance(event, StepStarted) and self.started_at is None:
            self.started_at = event.at


StepEvent = StepStarted | StepSucceeded | StepFailed | StepSkipped | StepUpstreamFailed | StepCanceled


@dataclass(slots=True, kw_only=True)
class Summary:
    """What a batch of events changes. Numbers beside events are their `seq`."""

    run_id: str
    status: RunStatus
    """The run's, after the batch."""
    is_status_new: bool = False
    error: PythonError | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    milestones: list[tuple[RunStatus, datetime]] = field(default_factory=list)
    """That the run started, and that it ended."""
    plan: tuple[str, ...] | None = None
    """Every step in order, when the batch holds the plan."""
    shared: tuple[AssetKey, ...] = ()
    """Assets that the plan in the batch has written by steps of other keys."""
    failed: dict[AssetKey, datetime] = field(default_factory=dict)
    """Assets that are not written because a step of another key has failed, and since when."""
    replaced: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Steps of an earlier batch's plan, each with those that take its place."""
    steps: dict[str, StepState] = field(default_factory=dict)
    processes: dict[str | None, str] = field(default_factory=dict)
    """Where a step runs; under None: all steps without a process of their own."""
    materialized: list[tuple[int, AssetMaterialized]] = field(default_factory=list)
    observed: list[tuple[int, AssetObserved]] = field(default_factory=list)
    checked: list[tuple[int, CheckEvaluated]] = field(default_factory=list)

    @property
    def starts_running(self) -> bool:
        """True when from this batch on the run's partitions are being written, be it that it has ended in it too."""
        return any(status is RunStatus.RUNNING for status, _ in self.milestones) or (self.status is RunStatus.RUNNING and self.plan is not None)

    @property
    def ended_steps(self) -> dict[str, StepState]:
        """The steps that finished."""
        return {key: state for key, state in self.steps.items() if state.status.is_finished}

    @property
    def asset_keys(self) -> set[AssetKey]:
        """The assets that something is recorded of."""
        return {event.asset for _, event in self._about_assets}

    @property
    def partition_keys(self) -> set[str]:
        """The partitions that something is recorded of."""
        return {event.partition for _, event in self._about_assets if event.partition is not None}

    @property
    def _about_assets(self) -> list[tuple[int, AssetMaterialized | AssetObserved | CheckEvaluated]]:
        return [*self.materialized, *self.observed, *self.checked]

    @property
    def is_plain(self) -> bool:
        """True when nothing but the log itself grows."""
        return not (self.is_status_new or self.plan or self.steps or self.processes or self._about_assets)


def summarize(run_id: str, status: RunStatus, events: Sequence[Event], *, first_seq: int) -> Summary:
    """What `events`, numbered from `first_seq`, change in a run that has `status`.

    Raises:
        ConflictError: a status follows that may not.
    """
    summary = Summary(run_id=run_id, status=status)
    for seq, event in enumerate(events, first_seq):
        _add(summary, seq, event)
    return summary


def _add(summary: Summary, seq: int, event: Event) -> None:
    match event:
        case RunStatusChanged():
            _change_status(summary, event)
        case PlanMade():
            _make_plan(summary, event)
        case ProcessStarted():
            summary.processes[event.step] = f"{event.host} {event.pid} ({event.how})"
        case StepsMapped():
            _map_steps(summary, event)
        case AssetMaterialized():
            summary.materialized.append((seq, event))
        case AssetObserved():
            summary.observed.append((seq, event))
        case CheckEvaluated():
            summary.checked.append((seq, event))
        case StepStarted() | StepSucceeded() | StepFailed() | StepSkipped() | StepUpstreamFailed() | StepCanceled() if event.step is not None:
            summary.steps.setdefault(event.step, StepState()).become(event)
            if isinstance(event, StepFailed) and event.retry_after is None:
                summary.failed.update(dict.fromkeys(event.others, event.at))
        case _:
            pass  # said in the log alone


def _change_status(summary: Summary, event: RunStatusChanged) -> None:
    check_transition(summary.run_id, summary.status, event.status)
    summary.status, summary.is_status_new = event.status, True
    if event.status is RunStatus.RUNNING:
        summary.started_at = summary.started_at or event.at
    if event.status.is_finished:
        summary.ended_at, summary.error = event.at, event.error
    if event.status is RunStatus.RUNNING or event.status.is_finished:
        summary.milestones.append((event.status, event.at))


def _make_plan(summary: Summary, event: PlanMade) -> None:
    reused, planned = set(event.reused), set(event.steps)
    summary.plan = (*(key for key in event.reused if key not in planned), *event.steps)
    summary.steps = {key: StepState(status=StepStatus.SUCCEEDED) if key in reused else StepState() for key in summary.plan}
    summary.started_at, summary.shared = event.at, event.shared


def _map_steps(summary: Summary, event: StepsMapped) -> None:
    places = {key: place for place, key in enumerate(summary.plan or ())}
    for template, made in event.steps.items():
        summary.steps.pop(template, None)
        summary.steps.update((key, StepState()) for key in made)
        if template not in places:
            summary.replaced.append((template, made))
    if summary.plan is not None:
        summary.plan = tuple(key for each in summary.plan for key in event.steps.get(each, (each,)))


def _status_after(event: StepEvent) -> StepStatus:
    match event:
        case StepStarted():
            return StepStatus.RUNNING
        case StepSucceeded():
            return StepStatus.SUCCEEDED
        case StepFailed(retry_after=None):
            return StepStatus.FAILED
        case StepFailed():
            return StepStatus.WAITING_RETRY
        case StepSkipped():
            return StepStatus.SKIPPED
        case StepUpstreamFailed():
            return StepStatus.UPSTREAM_FAILED
        case StepCanceled():
            return StepStatus.CANCELED
