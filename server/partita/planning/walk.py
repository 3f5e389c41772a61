"""Walking a plan: which steps are ready, and what a finished one means for those behind it.

Both executors of plans use it: the worker, which starts a process per step, and the process that runs a whole plan.
A failure is told at once to everything behind it; a skip is decided when all that a step waits for has ended, so that
a failure always outweighs it. When a step with a dynamic output has succeeded, each template over it is replaced by one
step for each item; a template over nothing is skipped, and what collects it gets an empty list.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from partita.definitions.keys import AssetKey
from partita.planning.mapped import expanded, gathered, mapped_key, mapping_keys, wanted_keys
from partita.planning.plan import Axis, FromCollected, FromOutput, FromSeveral, Plan, Produced, Source, Step
from partita.records.runs import StepStatus


class Unreached(NamedTuple):
    """A step that will not run in this walk, and the steps that are the reason."""

    key: str
    status: StepStatus
    """SKIPPED or UPSTREAM_FAILED."""
    causes: tuple[str, ...]


class Expansion(NamedTuple):
    """What the success of a step with a dynamic output has made of the plan."""

    output: str
    keys: tuple[str, ...]
    """All items, in the order of production."""
    steps: dict[str, tuple[str, ...]]
    """For each template, the steps that have taken its place, in plan order."""


_Rank = tuple[int, int, int]
"""Priority, place in the plan, and number among the steps of one template."""
_SUCCESSFUL = frozenset({StepStatus.SUCCEEDED, StepStatus.SKIPPED})


class Walk:
    """One pass over a plan. Every step ends exactly once; the work is linear in steps and edges.

    Args:
        plan: the whole plan.
        steps: keys to walk; None means all that are not reused. A dependency outside of them counts as satisfied.
        reused: steps taken over from an earlier run: they have succeeded already.
        produced: outputs of reused steps, `(step, output)` and `(step, output, mapping key)`; a reused step without any is
            taken to have produced all its outputs. Of steps outside of the walk, only the items of dynamic outputs count.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        steps: Collection[str] | None = None,
        reused: Collection[str] = (),
        produced: Iterable[tuple[str, str] | tuple[str, str, str | None]] = (),
    ) -> None:
        self._plan = plan
        taken = frozenset(reused)
        wanted = None if steps is None else frozenset(steps)
        inside = [step for step in plan.steps if step.key not in taken and (wanted is None or step.key in wanted)]
        self._steps = {step.key: step for step in inside}
        self._status = dict.fromkeys(self._steps, StepStatus.PENDING)
        self._taken = taken
        self._rank = {step.key: (-step.priority, place, 0) for place, step in enumerate(plan.steps)}
        self._ready: list[tuple[_Rank, str]] = []
        self._running: set[str] = set()
        self._open = len(self._steps)
        self._has_pools = any(step.pool is not None for step in inside)
        self._behind: dict[str, list[str]] = {key: [] for key in self._steps}
        self._waits: dict[str, int] = {}
        before = [Produced(*each) for each in produced]
        self.known_before = _outputs_by_step(before)
        """Outputs of steps of earlier runs, as far as they are remembered."""
        self.produced: dict[str, frozenset[str]] = {key: self._produced_before(plan.by_key[key]) for key in taken if key in plan.by_key}
        """Outputs that each finished step has produced; a skipped step is there with none."""
        self._status.update(dict.fromkeys(self.produced, StepStatus.SUCCEEDED))
        self._reused: dict[str, Step] = {}
        """Reused steps that were made from templates."""
        self._templates: dict[Axis, list[str]] = {}
        self._left: dict[str, int] = {}
        """Of each template that gave way: how many of its steps have not ended yet. What collects them waits for the template."""
        self._expansions: dict[str, list[Expansion]] = {}
        self._gathered: dict[FromCollected, FromSeveral] = {}
        self.mapping_keys: dict[Axis, tuple[str, ...]] = {}
        """Items of the dynamic outputs that stand, in the order of production."""
        self.unreached_at_start: list[Unreached] = []
        """Steps that the reused ones leave without an input, decided before anything runs."""
        self._begin(mapping_keys(before))

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
        return tuple(sorted(self._steps, key=self._place_of)) if self._expansions else tuple(self._steps)

    @property
    def shared(self) -> tuple[AssetKey, ...]:
        """The assets that it will write by steps which have another key than theirs."""
        return tuple(key for step in self._plan.steps if step.is_shared and step.key in self._steps for key in step.others)

    @property
    def reused(self) -> tuple[str, ...]:
        """The steps that are taken over, in plan order."""
        return tuple(sorted((key for key in self._status if key not in self._steps), key=self._place_of))

    @property
    def statuses(self) -> dict[str, StepStatus]:
        """Where every step of the walk stands, the reused ones included, in plan order."""
        return {key: self._status[key] for key in sorted(self._status, key=self._place_of)}

    def __contains__(self, key: str) -> bool:
        return key in self._status

    def step(self, key: str) -> Step:
        """A step of the walk, or a reused one."""
        return self._steps.get(key) or self._reused.get(key) or self._plan.by_key[key]

    def expansions(self, key: str) -> Sequence[Expansion]:
        """What the success of a step has made of the templates over its dynamic outputs."""
        return self._expansions.get(key, ())

    def status(self, key: str) -> StepStatus:
        """Where a step of the walk stands."""
        return self._status[key]

    def ready(self, limit: int | None = None) -> list[Step]:
        """Steps that may start now, higher priority first, then in plan order; at most `limit`. Those that share a pool take turns."""
        if not self._has_pools:
            return [self._steps[key] for _, key in self._ready[:limit]]
        return list(islice(self._in_turn(), limit))

    def start(self, key: str) -> None:
        """The step begins; it is no longer ready."""
        self._ready.remove((self._rank[key], key))
        self._status[key] = StepStatus.RUNNING
        self._running.add(key)

    def succeed(self, key: str, *, produced: Collection[str], mapped: Mapping[str, Sequence[str]] | None = None) -> list[Unreached]:
        """The step did all it owes; those behind it become ready, or are skipped for want of an output.

        `mapped` names the items of its dynamic outputs, in the order of production; one that is missing holds none.
        """
        dynamic = [output.name for output in self._steps[key].dynamic_outputs]
        self.produced[key] = frozenset((*produced, *dynamic))
        self._end(key, StepStatus.SUCCEEDED)
        freed: list[str] = []
        told: list[Unreached] = []
        for name in dynamic:
            self._expand(Axis(key, name), tuple((mapped or {}).get(name, ())), freed=freed, told=told)
        return told + self._advance([key], freed)

    def fail(self, key: str) -> list[Unreached]:
        """The step failed for good; nothing behind it will run."""
        self._end(key, StepStatus.FAILED)
        return self._give_up_behind(key)

    def postpone(self, key: str) -> None:
        """The attempt failed and there will be another: the step waits until `retry`."""
        self._status[key] = StepStatus.WAITING_RETRY
        self._running.discard(key)

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
        rest = [key for key in self.keys if self._status[key] in idle]
        for key in rest:
            self._end(key, StepStatus.CANCELED)
        self._ready.clear()
        return rest

    def _in_turn(self) -> Iterator[Step]:
        """The ready steps whose pool no step of the run uses."""
        used = {self._steps[key].pool for key in self._running}
        for step in (self._steps[key] for _, key in self._ready):
            if step.pool is None or step.pool not in used:
                used.add(step.pool)
                yield step

    def _place_of(self, key: str) -> tuple[int, int]:
        return self._rank[key][1:]

    def _begin(self, known: Mapping[Axis, tuple[str, ...]]) -> None:
        for key, step in self._steps.items():
            self._wait(key, step)
            if step.is_template and step.mapped_over is not None:
                self._templates.setdefault(step.mapped_over, []).append(key)
        told: list[Unreached] = []
        for axis in {**dict.fromkeys(self._templates), **known}:
            if axis.step not in self._steps:
                self._expand(axis, known.get(axis, ()), freed=[], told=told)
        for key in self._taken & self._plan.by_key.keys():
            for output in self._plan.by_key[key].dynamic_outputs:
                self.mapping_keys.setdefault(Axis(key, output.name), ())
        free = [key for key, count in self._waits.items() if count == 0 and self._status[key] is StepStatus.PENDING]
        self.unreached_at_start = told + self._admit(free)

    def _wait(self, key: str, step: Step) -> None:
        """Count what must end before a step, and have it told when it does."""
        before = [each for each in step.needs if self._left.get(each) or self._status.get(each, StepStatus.SKIPPED) not in _SUCCESSFUL]
        self._waits[key] = len(before)
        for each in before:
            self._behind[each].append(key)

    def _expand(self, axis: Axis, keys: tuple[str, ...], *, freed: list[str], told: list[Unreached]) -> None:
        """The items of a dynamic output are known: its templates give way to a step for each of them."""
        self.mapping_keys[axis] = keys
        templates = [self._steps[key] for key in self._templates.pop(axis, ()) if self._status[key] is StepStatus.PENDING]
        siblings = frozenset(each.key for each in templates)
        made: dict[str, tuple[str, ...]] = {}
        for template in templates:
            if wanted := wanted_keys(template, keys):
                made[template.key] = self._replace(template, wanted, freed=freed)
            else:
                self.produced[template.key] = frozenset()
                self._end(template.key, StepStatus.SKIPPED)
                told.append(Unreached(template.key, StepStatus.SKIPPED, (axis.step,)))
            # what is mapped over the same items gives way itself, and looks by then at what it waits for
            self._behind[template.key] = [key for key in self._behind[template.key] if key not in siblings]
            if not self._left.get(template.key):
                self._release(self._behind[template.key], freed)
        self._expansions.setdefault(axis.step, []).append(Expansion(axis.output, keys, made))

    def _replace(self, template: Step, keys: Sequence[str], *, freed: list[str]) -> tuple[str, ...]:
        """Put a step for each item where the template was. Answers their keys."""
        rank = self._rank.pop(template.key)
        for known in (self._steps, self._status, self._waits):
            del known[template.key]
        made = tuple(mapped_key(template.key, key) for key in keys)
        self._left[template.key] = sum(key not in self._taken for key in made) if self._taken else len(made)
        self._open += self._left[template.key] - 1
        for number, (key, mapping_key) in enumerate(zip(made, keys, strict=True)):
            step = expanded(template, mapping_key)
            self._rank[key] = (rank[0], rank[1], number)
            if key in self._taken:
                self._reused[key] = step
                self._status[key] = StepStatus.SUCCEEDED
                self.produced[key] = self._produced_before(step)
                continue
            self._steps[key], self._status[key], self._behind[key] = step, StepStatus.PENDING, []
            self._wait(key, step)
            if self._waits[key] == 0:
                freed.append(key)
        return made

    def _end(self, key: str, status: StepStatus) -> None:
        self._status[key] = status
        self._running.discard(key)
        self._open -= 1

    def _release(self, behind: Iterable[str], freed: list[str]) -> None:
        """One thing less that these steps wait for; those that wait for nothing more are noted."""
        for key in behind:
            # a template that gave way is still behind what it waited for
            if key not in self._waits:
                continue
            self._waits[key] -= 1
            if self._waits[key] == 0 and self._status[key] is StepStatus.PENDING:
                freed.append(key)

    def _release_behind(self, key: str, freed: list[str]) -> None:
        """A step has ended well: what waits for it, or for all the steps of its template, has one thing less to wait for."""
        self._release(self._behind[key], freed)
        template = self._steps[key].template
        if template is not None:
            self._left[template] -= 1
            if self._left[template] == 0:
                self._release(self._behind[template], freed)

    def _advance(self, ended: Iterable[str], freed: list[str]) -> list[Unreached]:
        for key in ended:
            self._release_behind(key, freed)
        return self._admit(freed)

    def _admit(self, free: list[str]) -> list[Unreached]:
        """Steps that wait for nothing more become ready, or are skipped together with what that leaves without input."""
        skipped: list[Unreached] = []
        queue = deque(free)
        while queue:
            key = queue.popleft()
            causes = self._lacking(self._steps[key])
            if not causes:
                self._steps[key] = self._complete(self._steps[key])
                insort(self._ready, (self._rank[key], key))
                continue
            self.produced[key] = frozenset()
            self._end(key, StepStatus.SKIPPED)
            skipped.append(Unreached(key, StepStatus.SKIPPED, causes))
            freed: list[str] = []
            self._release_behind(key, freed)
            queue.extend(freed)
        return skipped

    def _complete(self, step: Step) -> Step:
        """The step with every list of items told one by one."""
        if not any(isinstance(each.source, FromCollected) for each in step.inputs):
            return step
        inputs = tuple(msgspec.structs.replace(each, source=self._listed(each.source)) for each in step.inputs)
        return msgspec.structs.replace(step, inputs=inputs)

    def _listed(self, source: Source) -> Source:
        return self._gather(source) if isinstance(source, FromCollected) else source

    def _gather(self, source: FromCollected) -> FromSeveral:
        """The items of a list; steps that collect the same one share it."""
        if source not in self._gathered:
            self._gathered[source] = gathered(source, self.mapping_keys[source.over])
        return self._gathered[source]

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
                case FromCollected() as collected:
                    by_data.add(collected.step)
                    lacking.extend(self._lacking_items(collected))
        lacking += [key for key in step.depends_on if key not in by_data and self._status.get(key) is StepStatus.SKIPPED]
        return tuple(dict.fromkeys(lacking))

    def _lacking_items(self, collected: FromCollected) -> tuple[str, ...]:
        """Why a list cannot be made: there were items, and nothing came of any of them, or they are not known at all."""
        over = collected.over
        if over not in self.mapping_keys:
            if over.output not in self.known_before.get(over.step, ()):
                return (over.step,)
            self.mapping_keys[over] = ()
        sources = self._gather(collected).sources
        return () if not sources or any(self._has(source) for source in sources) else tuple(source.step for source in sources)

    def _has(self, source: FromOutput) -> bool:
        found = self.produced.get(source.step)
        return found is None or source.output in found

    def _produced_before(self, step: Step) -> frozenset[str]:
        """The outputs that a reused step has produced."""
        known = self.known_before.get(step.key)
        return frozenset(known if known is not None else (output.name for output in step.outputs))

    def _give_up_behind(self, failed: str) -> list[Unreached]:
        lost: list[Unreached] = []
        queue = deque(self._waiting_for(failed))
        while queue:
            key = queue.popleft()
            if self._status.get(key) is not StepStatus.PENDING:
                continue
            self._end(key, StepStatus.UPSTREAM_FAILED)
            lost.append(Unreached(key, StepStatus.UPSTREAM_FAILED, (failed,)))
            queue.extend(self._waiting_for(key))
        return lost

    def _waiting_for(self, key: str) -> list[str]:
        """What is behind a step that is lost; what is behind its template is told once."""
        template = self._steps[key].template
        return self._behind[key] + (self._behind.pop(template, []) if template is not None else [])


def _outputs_by_step(produced: Iterable[Produced]) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    for each in produced:
        known.setdefault(each.step, set()).add(each.output)
    return known
