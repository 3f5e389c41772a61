"""Runs in this process, told in few words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import partita as pt
from partita.execution.latest import latest_in
from partita.execution.order import Order
from partita.execution.run import run_order
from partita.execution.scope import Outside
from partita.planning.build import build_plan
from partita.planning.plan import Plan
from partita.records.events import Event
from partita.records.runs import RunRequest

NOW = datetime(2026, 5, 17, 12, tzinfo=UTC)


def kinds(events: Iterable[Event]) -> list[str]:
    """What happened, by the word each event is stored under."""
    return [str(type(event).__struct_config__.tag) for event in events]


def kinds_of(events: Iterable[Event], step: str) -> list[str]:
    """What happened to one step."""
    return kinds(event for event in events if event.step == step)


def started(events: Iterable[Event]) -> list[str]:
    """The steps that began, in order, once for each attempt."""
    return [str(event.step) for event in events if kinds([event]) == ["step_started"]]


def a_chain(length: int) -> list[Any]:
    """Assets `a0`, `a1`, ... of which each adds one to the one before."""
    assets: list[Any] = []
    for number in range(length):
        names: dict[str, Any] = {}
        source = f"def a{number}(a{number - 1}): return a{number - 1} + 1" if number else "def a0(): return 0"
        exec(source, names)
        assets.append(pt.asset(names[f"a{number}"]))
    return assets


def plan_of(repository: pt.Repository, **request: Any) -> Plan:
    """The plan of a request to `repository`; references and `now` may be given too."""
    references, now = request.pop("references", {}), request.pop("now", NOW)
    asked = RunRequest(location="here", repository=repository.name, **request)
    return build_plan(repository.spec, asked, references=references, now=now)


def run_here(
    repository: pt.Repository,
    plan: Plan,
    *,
    directory: Any,
    steps: Sequence[str] | None = None,
    is_cancelled: Callable[[], bool] = lambda: False,
    events: list[Event] | None = None,
    **order: Any,
) -> tuple[bool, list[Event]]:
    """What a user process does with an order: its answer and the events it tells, which are also added to `events`."""
    attempt = order.pop("attempt", 1)
    events = events if events is not None else []
    made = Order(
        run_id=order.pop("run_id", "run_1"),
        job=order.pop("job", None),
        repository=repository.name,
        location="here",
        plan=plan,
        steps=dict.fromkeys(steps, attempt) if steps is not None else None,
        values_url=str(directory / "values"),
        logs_directory=str(directory / "logs"),
        **order,
    )
    told = events
    outside = Outside(told.extend, is_cancelled, lambda key, partition: latest_in(told, made.run_id, key, partition))
    return run_order(made, [repository], outside), told
