"""What runs write, without walking their plans: all that a simulation needs to know of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from partita.definitions.keys import AssetKey
from partita.definitions.partitions import Partitions, PartitionSet, PartitionsSpec
from partita.errors import RequestError
from partita.planning.plan import FromAsset, Plan, Step, StepKind
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


class _Known(NamedTuple):
    """What was planned last of several requests that differ in their partitions alone."""

    partition_keys: tuple[str, ...]
    writes: RunWrites
    cut: Partitions | None
    """How all that is written is cut that has partitions, and the request's own keys with it."""
    can_move: bool
    """The same does for every other partition, as nothing is read that has any."""


class KnownWrites:
    """What the runs write that are asked for again and again, planned once.

    Partitions come to exist and never cease to: a request that can be planned can always be planned later. It writes the same then, unless
    something is cut otherwise than the request's keys, whose partitions may have come to exist since. What its steps read may be other
    partitions each time, and is not kept.

    Args:
        plan: plans a request at a time.
        cut: how subjects are cut.
        job_cut: how a job is cut, where it has partitions of its own.
    """

    def __init__(self, plan: Callable[[RunRequest, datetime], Plan], cut: Cut, job_cut: Callable[[str], PartitionsSpec | None]) -> None:
        self._plan = plan
        self._cut = cut
        self._job_cut = job_cut
        self._known: dict[tuple[object, ...], _Known] = {}

    def of(self, request: RunRequest, now: datetime) -> RunWrites:
        """What a run writes that is asked for now.

        Raises:
            RequestError: it cannot be run; the message says why.
        """
        what = (request.job, request.assets, repr(request.config) if request.config else "")
        known = self._known.get(what)
        # Those of one partition are kept: schedules ask for the newest until there is a newer one, and never for an older one again.
        if known is not None and known.partition_keys == request.partition_keys:
            return known.writes
        found = _moved(known, request.partition_keys, now) if known is not None and known.can_move else None
        if found is None:
            plan = self._plan(request, now)
            found = _Known(request.partition_keys, _writes_of(plan, self._cut), *self._lasting(plan, request))
        if found.cut is not None or not request.partition_keys:
            self._known[what] = found
        return found.writes

    def _lasting(self, plan: Plan, request: RunRequest) -> tuple[Partitions | None, bool]:
        """The one way in which all is cut, and whether that is all that matters."""
        written = [step for step in plan.steps if step.partition_keys or step.partitions is not None]
        cuts = {self._cut(subject) for step in written for subject in _subjects(step)}
        own = None if request.job is None else self._job_cut(request.job)
        (cut,) = cuts if len(cuts) == 1 else (None,)
        if cut is None or own not in {None, cut.spec}:
            return None, False
        return cut, not any(map(_reads_partitions, plan.steps))


def _moved(known: _Known, keys: tuple[str, ...], now: datetime) -> _Known | None:
    """The same for other partitions, if they exist; who plans tells why they do not."""
    if known.cut is None or not keys:
        return None
    try:
        chosen = known.cut.select(keys, now=now)
    except RequestError:
        return None
    values, checks = (tuple((subject, None if each is None else chosen) for subject, each in some) for some in known.writes[2:])
    return _Known(keys, known.writes._replace(values=values, checks=checks), known.cut, can_move=True)


def _reads_partitions(step: Step) -> bool:
    return any(isinstance(each.source, FromAsset) and each.source.partitions is not None for each in step.inputs)


def _writes_of(plan: Plan, cut: Cut) -> RunWrites:
    assets = tuple(key for step in plan.steps for key in step.subjects)
    writing = [step for step in plan.steps if step.partition_keys or step.partitions is None]
    return RunWrites(
        assets=assets,
        together=frozenset(assets),
        values=tuple((key, _keys(key, step, cut)) for step in writing for key in step.writes),
        checks=tuple((check, _keys(check, step, cut)) for step in writing for check in _checks(step)),
    )


def _keys(subject: str, step: Step, cut: Cut) -> PartitionSet | None:
    return cut(subject).set_of(step.partition_keys) if step.partition_keys else None


def _checks(step: Step) -> tuple[str, ...]:
    return (step.definition,) if step.kind is StepKind.CHECK else ()


def _subjects(step: Step) -> tuple[str, ...]:
    return (*step.writes, *_checks(step))
