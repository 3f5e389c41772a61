"""What runs write, without walking their plans: all that a simulation needs to know of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from partita.definitions.keys import AssetKey
from partita.definitions.partitions import Partitions, PartitionSet
from partita.planning.plan import Plan, Step, StepKind
from partita.records.runs import RunRequest

Cut = Callable[[str], Partitions]
"""How an asset, or what a check is of, is cut."""
Written = tuple[tuple[str, PartitionSet | None], ...]
"""Assets or checks, and their partitions; None where there are none."""


class RunWrites(NamedTuple):
    """What a run that succeeds writes."""

    assets: tuple[AssetKey, ...]
    """All of them, and those that it looks at, in the order of its steps."""
    together: frozenset[str]
    """The same, to look one up."""
    values: Written
    checks: Written


class KnownWrites:
    """What the runs write that are asked for again and again, planned once.

    Partitions come to exist and never cease to: a request that can be planned can always be planned later, and to the same writes. What its
    steps read may be other partitions each time, and is not kept.

    Args:
        plan: plans a request at a time.
        cut: how subjects are cut.
    """

    def __init__(self, plan: Callable[[RunRequest, datetime], Plan], cut: Cut) -> None:
        self._plan = plan
        self._cut = cut
        self._known: dict[tuple[object, ...], tuple[tuple[str, ...], RunWrites]] = {}

    def of(self, request: RunRequest, now: datetime) -> RunWrites:
        """What a run writes that is asked for now.

        Raises:
            RequestError: it cannot be run; the message says why.
        """
        what = (request.job, request.assets, repr(request.config) if request.config else "")
        known = self._known.get(what)
        # One partition of each is kept: schedules ask for the newest until there is a newer one, and never for an older one again.
        if known is not None and known[0] == request.partition_keys:
            return known[1]
        found = _writes_of(self._plan(request, now), self._cut)
        self._known[what] = (request.partition_keys, found)
        return found


def _writes_of(plan: Plan, cut: Cut) -> RunWrites:
    assets = tuple(key for step in plan.steps for key in step.subjects)
    return RunWrites(
        assets=assets,
        together=frozenset(assets),
        values=tuple((key, _keys(key, step, cut)) for step in plan.steps for key in step.writes),
        checks=tuple((step.definition, _keys(step.definition, step, cut)) for step in plan.steps if step.kind is StepKind.CHECK),
    )


def _keys(subject: str, step: Step, cut: Cut) -> PartitionSet | None:
    return cut(subject).set_of(step.partition_keys) if step.partition_keys else None
