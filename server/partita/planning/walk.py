"""Walking a plan: which steps are ready, and what a finished one means for those behind it.

Both executors of plans use it: the worker, which starts a process per step, and the process that runs a whole plan.
A failure is told at once to everything behind it; a skip is decided when all that a step waits for has ended, so that
a failure always outweighs it.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Collection, Iterable
from typing import NamedTuple

from partita.planning.plan import FromOutput, FromSeveral, Plan, Step
from partita.records.runs import StepStatus


class Unreached(NamedTuple):
    """A step that will not run in this walk, and the steps that are the reason."""

    key: str
    status: StepStatus
    """SKIPPED or UPSTREAM_FAILED."""
    causes: tuple[str, ...]


_SUCCESSFUL = frozenset({StepStatus.SUCCEEDED, StepStatus.SKIPPED})


class Walk:
    """One pass over a plan. Every step ends exactly once; the work is linear in steps and edges.

    Args:
        plan: the whole plan.
        steps: keys to walk; None means all that are not reused. A dependency outside of them counts as satisfied.
        reused: steps taken over from an earlier run: they have succeeded already.
        produced: `(step, output)` of reused steps; a reused step without any is taken to have produced all its outputs.
    """

    def __init__(
        self, plan: Plan, *, steps: Collection[str] | None = None, reused: Collection[str] = (), produced: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._plan = plan
        taken = frozenset(reused)
        wanted = None if steps is None else frozenset(steps)
        inside = [step for step in plan.steps if step.key not in taken and (wanted is None or step.key in wanted)]
        self._steps = {step.key: step for step in inside}
        self._status = dict.fromkeys(self._steps, StepStatus.PENDING)
        self._rank = {step.key: (-step.priority, place) for place, step in enumerate(inside)}
        self._ready: list[tuple[tuple[int, int], str]] = []
        self._open = len(self._steps)
        self._behind: dict[str, list[str]] = {key: [] for key in self._steps}
        self._waits: dict[str, int] = {}
        self.produced: dict[str, frozenset[str]] = _produced_by(plan, taken, produced)
        """Outputs that each finished step has produced; a skipped step is there with none."""
        self._status.update(dict.fromkeys((key for key in taken if key in plan.by_key), StepStatus.SUCCEEDED))
        self.unreached_at_start: list[Unreached] = []
        """Steps that the reused ones leave without an input, decided before anything runs."""
        self._begin()

    @property
    def is_done(self) -> bool:
        """True when every step has ended."""
        return self._open == 0

    @property
    def has_failed(self) -> bool:
        """True once a step has failed."""
        return any(status is StepStatus.FAILED for status in self._status.values())

    @property
    def keys(self) -> tuple[str, ...]:
        """The steps of this walk in plan order, without the reused ones."""
        return tuple(self._steps)

    @property
    def statuses(self) -> dict[str, StepStatus]:
        """Where every step of the walk stands, the reused ones included."""
        return dict(self._status)

    def status(self, key: str) -> StepStatus:
        """Where a step of the walk stands."""
        return self._status[key]

    def ready(self, limit: int | None = None) -> list[Step]:
        """Steps that may start now, higher priority first, then in plan order; at most `limit`."""
        return [self._steps[key] for _, key in self._ready[:limit]]

    def start(self, key: str) -> None:
        """The step begins; it is no longer ready."""
        self._ready.remove((self._rank[key], key))
        self._status[key] = StepStatus.RUNNING

    def succeed(self, key: str, *, produced: Collection[str]) -> list[Unreached]:
        """The step did all it owes; those behind it become ready, or are skipped for want of an output."""
        self.produced[key] = frozenset(produced)
        self._end(key, StepStatus.SUCCEEDED)
        return self._advance([key])

    def fail(self, key: str) -> list[Unreached]:
        """The step failed for good; nothing behind it will run."""
        self._end(key, StepStatus.FAILED)
        return self._give_up_behind(key)

    def postpone(self, key: str) -> None:
        """The attempt failed and there will be another: the step waits until `retry`."""
        self._status[key] = StepStatus.WAITING_RETRY

    def retry(self, key: str) -> None:
        """The step is ready again."""
        self._status[key] = StepStatus.WAITING_RETRY
        insort(self._ready, (self._rank[key], key))

    def cancel(self, key: str) -> None:
        """The running step was ended because the run is cancelled."""
        self._end(key, StepStatus.CANCELED)

    def cancel_rest(self) -> list[str]:
        """Everything that has not begun, or waits for another attempt, is cancelled; their keys in plan order."""
        idle = {StepStatus.PENDING, StepStatus.WAITING_RETRY}
        rest = [key for key in self._steps if self._status[key] in idle]
        for key in rest:
            self._end(key, StepStatus.CANCELED)
        self._ready.clear()
        return rest

    def _begin(self) -> None:
        for key, step in self._steps.items():
            before = [each for each in _needed_by(step) if each in self._steps]
            self._waits[key] = len(before)
            for each in before:
                self._behind[each].append(key)
        free = [key for key, count in self._waits.items() if count == 0]
        self.unreached_at_start = self._admit(free)

    def _end(self, key: str, status: StepStatus) -> None:
        self._status[key] = status
        self._open -= 1

    def _advance(self, ended: Iterable[str]) -> list[Unreached]:
        free = []
        for key in ended:
            for behind in self._behind[key]:
                self._waits[behind] -= 1
                if self._waits[behind] == 0 and self._status[behind] is StepStatus.PENDING:
                    free.append(behind)
        return self._admit(free)

    def _admit(self, free: list[str]) -> list[Unreached]:
        """Steps that wait for nothing more become ready, or are skipped together with what that leaves without input."""
        skipped: list[Unreached] = []
        queue = deque(free)
        while queue:
            key = queue.popleft()
            causes = self._lacking(self._steps[key])
            if not causes:
                insort(self._ready, (self._rank[key], key))
                continue
            self.produced[key] = frozenset()
            self._end(key, StepStatus.SKIPPED)
            skipped.append(Unreached(key, StepStatus.SKIPPED, causes))
            for behind in self._behind[key]:
                self._waits[behind] -= 1
                if self._waits[behind] == 0 and self._status[behind] is StepStatus.PENDING:
                    queue.append(behind)
        return skipped

    def _lacking(self, step: Step) -> tuple[str, ...]:
        """The steps whose missing outputs keep `step` from running; empty when it can."""
        lacking: list[str] = []
        by_data: set[str] = set()
        for each in step.inputs:
            match each.source:
                case FromOutput() as source:
                    by_data.add(source.step)
                    if not self._has(source):
                        lacking.append(source.step)
                case FromSeveral(sources=sources):
                    by_data.update(source.step for source in sources)
                    if sources and not any(self._has(source) for source in sources):
                        lacking.extend(source.step for source in sources)
        lacking += [key for key in step.depends_on if key not in by_data and self._status.get(key) is StepStatus.SKIPPED]
        return tuple(dict.fromkeys(lacking))

    def _has(self, source: FromOutput) -> bool:
        found = self.produced.get(source.step)
        return found is None or source.output in found

    def _give_up_behind(self, failed: str) -> list[Unreached]:
        lost: list[Unreached] = []
        queue = deque(self._behind[failed])
        while queue:
            key = queue.popleft()
            if self._status[key] is not StepStatus.PENDING:
                continue
            self._end(key, StepStatus.UPSTREAM_FAILED)
            lost.append(Unreached(key, StepStatus.UPSTREAM_FAILED, (failed,)))
            queue.extend(self._behind[key])
        return lost


def _needed_by(step: Step) -> tuple[str, ...]:
    """Every step that must have ended before `step`, each once."""
    from_data: list[str] = []
    for each in step.inputs:
        match each.source:
            case FromOutput() as source:
                from_data.append(source.step)
            case FromSeveral(sources=sources):
                from_data.extend(source.step for source in sources)
    return tuple(dict.fromkeys((*step.depends_on, *step.blocked_by, *from_data)))


def _produced_by(plan: Plan, reused: frozenset[str], produced: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    known: dict[str, set[str]] = {}
    for step, output in produced:
        known.setdefault(step, set()).add(output)
    return {
        key: frozenset(known[key]) if key in known else frozenset(output.name for output in plan.by_key[key].outputs)
        for key in reused
        if key in plan.by_key
    }
