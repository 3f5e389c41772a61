"""A user process is told what it needs and no more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import partita as pt
from partita.automation.orders import Places, order_for_plan, order_for_steps
from partita.automation.planned import PlannedRun
from partita.planning.build import build_plan
from partita.planning.plan import Produced
from partita.records.runs import Run, RunRequest, RunStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLACES = Places(values=Path("/home/values"), logs=Path("/home/logs"))


class Limit(pt.Config):
    limit: int = 1


@pt.op
def first(config: Limit) -> int:
    return config.limit


@pt.op
def second(a: int, config: Limit) -> int:
    return a


@pt.op
def third(b: int) -> int:
    return b


@pt.job
def chain() -> None:
    third(second(first()))


def planned(*, reused: tuple[str, ...] = (), output_runs: dict[str, str] | None = None, steps: tuple[str, ...] | None = None) -> PlannedRun:
    config = {"steps": {"first": {"limit": 1}, "second": {"limit": 2}}} if steps is None else {}
    parent = "run_0" if output_runs else None
    request = RunRequest(location="here", repository="main", job="chain", config=config, tags={"team": "bees"}, steps=steps, parent_id=parent)
    plan = build_plan(pt.Repository("main", jobs=[chain]).spec, request, now=NOW)
    run = Run(id="run_1", request=request, status=RunStatus.STARTING, created_at=NOW)
    produced = tuple(Produced(step, "result") for step in output_runs or {})
    return PlannedRun(run=run, plan=plan, reused=reused, output_runs=output_runs or {}, produced=produced)


def test_a_step_is_sent_with_the_steps_it_loads_from_and_its_own_config() -> None:
    run = planned()
    walk = run.walk()
    walk.start("first")
    walk.succeed("first", produced=["result"])

    order = order_for_steps(run, walk, {"second": 2}, places=PLACES)

    assert (order.run_id, order.job, order.location, order.repository, order.tags) == ("run_1", "chain", "here", "main", {"team": "bees"})
    assert order.steps == {"second": 2}
    assert [step.key for step in order.plan.steps] == ["first", "second"]
    assert order.plan.config == {"steps": {"second": {"limit": 2}}}
    assert order.produced == (Produced("first", "result"),)
    assert (order.values_url, order.logs_directory) == ("/home/values", "/home/logs/run_1")


def test_the_whole_plan_is_sent_with_all_its_config() -> None:
    run = planned()

    order = order_for_plan(run, places=PLACES)

    assert order.steps is None
    assert order.plan == run.plan


def test_a_step_that_was_taken_over_is_loaded_from_the_run_that_executed_it() -> None:
    run = planned(reused=("first", "second"), output_runs={"first": "run_0", "second": "run_00", "third": "run_0"})

    order = order_for_steps(run, run.walk(), {"third": 1}, places=PLACES)

    assert order.reused == ("second",)
    assert order.output_runs == {"second": "run_00"}
    assert order.produced == (Produced("second", "result"),)
    assert order_for_plan(run, places=PLACES).output_runs == {"first": "run_0", "second": "run_00"}


def test_a_step_outside_of_the_plan_is_loaded_from_the_run_before() -> None:
    run = planned(output_runs={"first": "run_0", "second": "run_0", "third": "run_0"}, steps=("third",))

    order = order_for_steps(run, run.walk(), {"third": 1}, places=PLACES)

    assert [step.key for step in order.plan.steps] == ["third"]
    assert order.output_runs == {"second": "run_0"}
    assert order.produced == (Produced("second", "result"),)
