"""A run as its events tell it: steps and their attempts, and the log as lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from partita_client.tui.render.gantt import Attempt, GanttRow
from partita_client.tui.render.text import Line, duration, plain

if TYPE_CHECKING:
    from partita_client.models import AnyRunEvent, PythonError, RunStep

FINISHED = ("succeeded", "failed", "canceled")
_STATUS_OF = {
    "started": "running", "succeeded": "succeeded", "failed": "failed", "skipped": "skipped", "upstream_failed": "upstream_failed",
    "canceled": "canceled",
}  # fmt: skip
_NAMES = {
    "StatusEvent": "RUN",
    "PlanEvent": "PLAN",
    "MaterializationEvent": "MATERIALIZED",
    "ObservationEvent": "OBSERVED",
    "CheckEvent": "CHECK",
    "LogEvent": "LOG",
    "ProgressEvent": "PROGRESS",
}


_ABOUT_DATA = ("MaterializationEvent", "ObservationEvent")


@dataclass(slots=True)
class StepSeen:
    """A step as far as the events have told."""

    key: str
    status: str = "pending"
    attempts: list[Attempt] = field(default_factory=list)
    error: PythonError | None = None
    retry_after: timedelta | None = None
    progress: tuple[float, float | None] | None = None
    is_listed: bool = False
    """Whether it is known from the list of steps only, not from events."""
    is_reused: bool = False

    @property
    def duration(self) -> timedelta | None:
        """How long its last attempt took; None while it runs or before."""
        last = self.attempts[-1] if self.attempts else None
        return last.ended_at - last.started_at if last and last.ended_at and last.started_at else None

    def begin(self, at: datetime) -> None:
        """An attempt began."""
        self.attempts.append(Attempt(at, None, "running"))

    def end(self, at: datetime, status: str) -> None:
        """The last attempt ended."""
        if self.attempts and self.attempts[-1].ended_at is None:
            self.attempts[-1] = Attempt(self.attempts[-1].started_at, at, status)


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event as a line of the log."""

    cursor: str
    step: str
    level: str
    line: Line
    details: tuple[str, ...]


@dataclass(slots=True)
class RunDetail:
    """What the events of one run have told so far."""

    status: str = ""
    steps: dict[str, StepSeen] = field(default_factory=dict)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    event_count: int = 0
    is_caught_up: bool = False

    @property
    def is_finished(self) -> bool:
        """Whether nothing more can happen."""
        return self.status in FINISHED

    def take(self, events: Iterable[AnyRunEvent]) -> list[EventLine]:
        """Take the next events; their lines."""
        lines = []
        for event in events:
            self.event_count += 1
            self._fold(event)
            lines.append(event_line(event))
        return lines

    def _fold(self, event: Any) -> None:
        kind = event.type_name
        if kind == "StatusEvent":
            self.status = event.status.value
            if self.status == "running" and self.started_at is None:
                self.started_at = event.at
            if self.is_finished:
                self.ended_at = event.at
        elif kind == "PlanEvent":
            for key in event.step_keys:
                self._told(key)
            for key in event.reused_step_keys:
                step = self._told(key)
                step.status, step.is_reused = "succeeded", True
        elif kind == "StepEvent" and event.step_key:
            self._fold_step(self._told(event.step_key), event)
        elif kind == "ProgressEvent" and event.step_key:
            self._told(event.step_key).progress = (event.done, event.total)

    def _told(self, key: str) -> StepSeen:
        """The step that an event is about; what was only listed is told from its beginning now."""
        step = self.steps.get(key)
        if step is None or step.is_listed:
            step = self.steps[key] = StepSeen(key)
        return step

    def _fold_step(self, step: StepSeen, event: Any) -> None:
        kind = event.kind.value
        if kind not in _STATUS_OF:
            return
        status = _STATUS_OF[kind]
        if kind == "started":
            step.begin(event.at)
            step.progress = step.retry_after = None
        else:
            step.end(event.at, status)
        if kind == "failed" and event.retry_after is not None:
            status, step.retry_after = "waiting_retry", event.retry_after
        step.status, step.error = status, event.error

    def take_steps(self, steps: Iterable[RunStep]) -> None:
        """Take steps as the server lists them; they only add what the events have not told yet."""
        for step in steps:
            if step.key not in self.steps:
                attempts = [Attempt(step.started_at, step.ended_at, step.status.value)] if step.started_at else []
                self.steps[step.key] = StepSeen(step.key, step.status.value, attempts, step.error, is_listed=True)

    def rows(self) -> list[GanttRow]:
        """The steps for the Gantt chart: in order of their start, then those that have not started in the order of the plan.

        A step that stands for several, whose number a step before it decides, gives way to them.
        """
        order = {key: place for place, key in enumerate(self.steps)}
        shown = self._shown()
        begun = sorted((step for step in shown if step.attempts), key=lambda step: (_start(step), order[step.key]))
        steps = [*begun, *(step for step in shown if not step.attempts)]
        return [GanttRow(step.key, plain(step.key, 200), step.status, tuple(step.attempts), _note(step)) for step in steps]

    def _shown(self) -> list[StepSeen]:
        """All steps but those that gave way to what they stood for."""
        mapped = {key.partition("[")[0] for key in self.steps if "[" in key}
        return [step for step in self.steps.values() if step.status != "pending" or step.key not in mapped]

    def counts(self) -> Mapping[str, int]:
        """How many steps stand in each way."""
        found: dict[str, int] = {}
        for step in self._shown():
            found[step.status] = found.get(step.status, 0) + 1
        return found

    def failures(self) -> list[StepSeen]:
        """Steps whose last attempt failed, oldest first."""
        return [step for step in self.steps.values() if step.error is not None and step.status in ("failed", "waiting_retry")]


def _start(step: StepSeen) -> datetime | None:
    return step.attempts[0].started_at if step.attempts else None


def _note(step: StepSeen) -> str:
    if step.is_reused:
        return "taken over"
    if step.error is not None:
        retry = f"again in {duration(step.retry_after)}: " if step.status == "waiting_retry" else ""
        return retry + plain(f"{step.error.class_name}: {step.error.message}", 200)
    if step.progress is not None and step.status == "running":
        done, total = step.progress
        return f"{done:g} of {total:g}" if total else f"{done:g}"
    return f"attempt {len(step.attempts)}" if len(step.attempts) > 1 else ""


def event_line(event: Any) -> EventLine:
    """An event as a line: when, which step, what, and the message."""
    name = _NAMES.get(event.type_name) or (event.kind.value.upper() if event.type_name == "StepEvent" else event.type_name)
    level = event.level.value
    pieces: Line = (
        (f"{event.at:%H:%M:%S}.{event.at.microsecond // 1000:03} ", "dim"),
        (f"{plain(event.step_key or '·', 24):<24.24} ", "accent" if event.step_key else "dim"),
        (f"{name:<13.13} ", _style(event, level)),
        (plain(event.message), ""),
    )
    return EventLine(event.cursor, event.step_key or "", level, pieces, tuple(_details(event)))


def _style(event: Any, level: str) -> str:
    if level in ("error", "critical"):
        return "failed"
    if level == "warning":
        return "warning"
    kind = event.kind.value if event.type_name == "StepEvent" else ""
    return "ok" if kind == "succeeded" or event.type_name in _ABOUT_DATA else "running" if kind == "started" else "dim"


def _details(event: Any) -> Iterator[str]:
    if getattr(event, "error", None) is not None:
        yield from error_lines(event.error)
    if event.type_name in _ABOUT_DATA:
        written = event.observation if event.type_name == "ObservationEvent" else event.materialization
        yield f"asset {written.asset.key}" + (f" [{written.partition_key}]" if written.partition_key else "")
        yield from (f"{entry.label}: {entry.value}" for entry in written.metadata)
    elif event.type_name == "CheckEvent":
        result = event.result
        yield f"check {event.check.name} on {event.check.asset.key}: {'passed' if result.passed else 'failed'}"
        if result.description:
            yield result.description
        yield from (f"{entry.label}: {entry.value}" for entry in result.metadata)
    elif event.type_name == "StepEvent":
        yield from (f"{entry.label}: {entry.value}" for entry in event.metadata)
    elif event.type_name == "LogEvent":
        if event.logger:
            yield f"logger {event.logger}"
        yield from (f"{key}: {value}" for key, value in (event.fields or {}).items())
    elif event.type_name == "PlanEvent":
        yield "steps " + ", ".join(event.step_keys)


def error_lines(error: PythonError) -> Iterator[str]:
    """A Python error as lines: what, and where from, outermost frame first."""
    for each in (error, error.cause):
        if each is None:
            continue
        if each is not error:
            yield "caused by"
        for frame in each.stack:
            yield from frame.rstrip("\n").split("\n")
        yield f"{each.class_name}: {each.message}"
