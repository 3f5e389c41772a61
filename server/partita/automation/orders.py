"""What a user process is told to do: some steps, or the whole plan. Only what it needs is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partita.automation.planned import PlannedRun
from partita.execution.protocol import Order
from partita.planning.plan import Produced
from partita.planning.portion import portion_of, sources_of
from partita.planning.walk import Walk
from partita.workspace.settings import LARGEST_OUTPUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where user processes write."""

    values: Path
    logs: Path
    max_output: int = LARGEST_OUTPUT
    """Bytes of one stream of one attempt that are kept."""

    def logs_of(self, run_id: str) -> Path:
        """The directory of what a run's processes and steps print."""
        return self.logs / run_id


def order_for_steps(planned: PlannedRun, walk: Walk, attempts: Mapping[str, int], *, places: Places) -> Order:
    """One attempt at each of some steps, by their keys; the number says which attempt it is."""
    steps = [walk.step(key) for key in attempts]
    sources = dict.fromkeys(source for step in steps for source in sources_of(step))
    produced = [Produced(source, output) for source in sources for output in sorted(walk.produced.get(source, ()))]
    outside = (source for source in sources if source not in walk.produced)
    produced += [Produced(source, output) for source in outside for output in sorted(walk.known_before.get(source, ()))]
    return _order(
        planned,
        places,
        plan=portion_of(planned.plan, steps),
        steps=dict(attempts),
        produced=tuple(produced),
        reused=tuple(source for source in sources if source in planned.reused),
        output_runs={source: planned.output_runs[source] for source in sources if _is_from_before(planned, source)},
    )


def order_for_plan(planned: PlannedRun, *, places: Places) -> Order:
    """The whole plan in one process."""
    return _order(
        planned,
        places,
        plan=planned.plan,
        steps=None,
        produced=planned.produced,
        reused=planned.reused,
        output_runs={key: run_id for key, run_id in planned.output_runs.items() if _is_from_before(planned, key)},
    )


def _order(planned: PlannedRun, places: Places, **rest: Any) -> Order:
    run = planned.run
    return Order(
        run_id=run.id,
        job=run.job,
        repository=run.request.repository,
        location=run.request.location,
        tags=run.request.tags,
        values_url=str(places.values),
        logs_directory=str(places.logs_of(run.id)),
        **rest,
    )


def _is_from_before(planned: PlannedRun, key: str) -> bool:
    """A step that this run executes itself has its outputs here, whatever the runs before had."""
    return key in planned.output_runs and (key in planned.reused or not planned.plan.executes(key))
