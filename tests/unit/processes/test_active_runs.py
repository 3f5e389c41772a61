"""What a worker decides for one run: when steps start, what a lost process means, how a run ends. No process is made."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import partita as pt
from partita.automation.active_run import ActiveRun
from partita.automation.orders import Places
from partita.automation.planned import PlannedRun
from partita.automation.timing import Timing
from partita.definitions.policies import ExecutorSpec
from partita.execution.children import Child, Death, Stage
from partita.execution.protocol import Assignment, Load, Order
from partita.planning.build import build_plan
from partita.records.events import (
    Event,
    LogLevel,
    LogWritten,
    OutputSaved,
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
from partita.records.runs import Run, RunRequest, RunStatus
from partita.workspace.settings import LocationSettings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOOM = PythonError(class_name="ValueError", message="boom")
LOAD = Load(location=LocationSettings(name="main", directory="/"), worker=1)


@pt.asset(retry=pt.Retry(max_retries=1, delay=0.01))
def first() -> int:
    return 1


@pt.asset(timeout=0.05)
def second(first: int) -> int:
    return first


@pt.asset
def third(second: int) -> int:
    return second


@pt.asset
def other() -> int:
    return 1


class FakeProcesses:
    """Remembers what is asked for."""

    def __init__(self) -> None:
        self.launched: list[Child] = []
        self.ended: list[tuple[Child, float]] = []
        self.is_ready = True
        self.is_behind = False
        """The worker has not heard all that was told."""

    def can_launch(self) -> bool:
        return self.is_ready

    def launch(self, order: Order, *, number: int, output: Path) -> Child:
        child = Child(assignment=Assignment(load=LOAD, marker=f"{order.run_id}:{number}", order=order), output=output, stage=Stage.READY)
        self.launched.append(child)
        return child

    def end(self, child: Child, *, grace: float) -> None:
        self.ended.append((child, grace))

    def has_news(self, child: Child) -> bool:
        return self.is_behind


class Log:
    """Takes events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, events: Iterable[Event]) -> None:
        self.events += events


class Play:
    """A run in the hands of the test."""

    def __init__(self, *assets: Any, executor: ExecutorSpec | None = None, timeout: float | None = None, reused: tuple[str, ...] = ()) -> None:
        repository = pt.Repository("main", assets=[first, second, third, other], executor=executor or pt.processes(2))
        request = RunRequest(location="main", repository="main", assets=tuple(asset.key for asset in assets))
        plan = build_plan(repository.spec, request, now=NOW)
        plan = type(plan)(**{**{name: getattr(plan, name) for name in plan.__struct_fields__}, "timeout": timeout})
        run = Run(id="run_1", request=request, status=RunStatus.STARTING, created_at=NOW)
        planned = PlannedRun(run=run, plan=plan, reused=reused, output_runs=dict.fromkeys(reused, "run_0"))
        self.processes = FakeProcesses()
        self.log = Log()
        self.run = ActiveRun(
            planned,
            log=self.log,  # type: ignore[arg-type]  # only `add` is called
            processes=self.processes,
            places=Places(values=Path("/values"), logs=Path("/logs")),
            timing=Timing(lease=timedelta(seconds=9), cancel=7, linger=0.05, overdue=0.01, last=3),
        )
        self.run.begin()
        self.run.proceed()

    @property
    def launched(self) -> list[tuple[tuple[str, ...] | None, int]]:
        orders = [child.assignment.order for child in self.processes.launched]
        return [(None, 1) if order.steps is None else (tuple(order.steps), max(order.steps.values())) for order in orders]

    def child(self, step: str | None = None) -> Child:
        """The newest process for a step, or for the whole plan."""
        steps = [(child, child.assignment.order.steps) for child in self.processes.launched]
        return [child for child, keys in steps if (keys is None if step is None else list(keys or ()) == [step])][-1]

    def tell(self, child: Child, *events: Event) -> None:
        self.run.hear_facts(child, events)

    def end(self, child: Child, death: Death) -> None:
        self.run.hear_end(child, death)
        self.run.proceed()

    def succeed(self, step: str) -> None:
        child = self.child(step)
        self.run.hear_ready(child)
        self.tell(child, started(step), OutputSaved(at=NOW, step=step, output="result"), succeeded(step))
        self.end(child, Death(code=0))

    def fail(self, step: str, *, retry_after: float | None = None) -> None:
        child = self.child(step)
        self.run.hear_ready(child)
        self.tell(child, started(step), StepFailed(at=NOW, step=step, error=BOOM, duration=1, retry_after=retry_after))
        self.end(child, Death(code=1))

    def told(self, *kinds: type[Any]) -> list[Any]:
        return [event for event in self.log.events if isinstance(event, kinds)]

    @property
    def last(self) -> RunStatusChanged:
        event = self.log.events[-1]
        assert isinstance(event, RunStatusChanged)
        return event


def started(step: str, attempt: int = 1) -> StepStarted:
    return StepStarted(at=NOW, step=step, attempt=attempt)


def succeeded(step: str) -> StepSucceeded:
    return StepSucceeded(at=NOW, step=step, duration=1)


def steps(events: Iterable[Any]) -> list[str]:
    return [event.step for event in events]


def test_a_run_tells_its_plan_before_its_first_process() -> None:
    play = Play(first, second)

    plan, running = play.log.events[:2]

    assert isinstance(plan, PlanMade)
    assert plan.steps == ("first", "second")
    assert isinstance(running, RunStatusChanged)
    assert running.status is RunStatus.RUNNING
    assert play.launched == [(("first",), 1)]


def test_what_comes_next_waits_until_the_process_before_is_gone() -> None:
    play = Play(first, second)
    child = play.child("first")
    play.tell(child, started("first"), succeeded("first"))
    play.run.proceed()
    assert len(play.launched) == 1

    play.end(child, Death(code=0))

    assert play.launched[1:] == [(("second",), 1)]


def test_no_more_processes_live_at_once_than_the_executor_allows() -> None:
    play = Play(first, other, executor=pt.processes(1))
    assert play.launched == [(("first",), 1)]

    play.succeed("first")

    assert play.launched == [(("first",), 1), (("other",), 1)]


def test_no_process_is_asked_for_while_the_code_is_being_loaded_again() -> None:
    play = Play(first, second)
    play.processes.is_ready = False
    play.succeed("first")
    assert len(play.launched) == 1

    play.processes.is_ready = True
    play.run.proceed()

    assert len(play.launched) == 2


def test_a_run_whose_steps_succeed_succeeds_once() -> None:
    play = Play(first, second)

    play.succeed("first")
    play.succeed("second")

    assert play.run.is_over
    assert play.last.status is RunStatus.SUCCEEDED
    assert [event.pid for event in play.told(ProcessStarted)] == [0, 0]
    play.run.proceed()
    assert len(play.told(RunStatusChanged)) == 2


def test_a_failed_step_keeps_those_behind_it_from_running_and_no_others() -> None:
    play = Play(first, second, third, other)

    play.fail("first")
    play.succeed("other")

    assert [(event.step, event.causes) for event in play.told(StepUpstreamFailed)] == [("second", ("first",)), ("third", ("first",))]
    assert play.last.status is RunStatus.FAILED
    assert play.last.error is not None
    assert play.last.error.message == "Step 'first' failed: ValueError: boom"
    assert play.last.error.cause == BOOM


def test_several_failures_are_all_named() -> None:
    play = Play(first, other)
    play.fail("first")
    play.fail("other")

    assert play.last.error is not None
    assert play.last.error.message == "2 steps failed: first, other"


def test_a_step_that_is_to_be_tried_again_gets_another_process_after_the_wait() -> None:
    play = Play(first)
    play.fail("first", retry_after=0.02)
    assert len(play.launched) == 1
    assert not play.run.is_over

    time.sleep(0.03)
    play.run.proceed()

    assert play.launched == [(("first",), 1), (("first",), 2)]
    play.succeed("first")
    assert play.last.status is RunStatus.SUCCEEDED


def test_a_process_that_dies_before_its_step_is_done_fails_it_and_its_retries_count() -> None:
    play = Play(first)
    play.run.hear_ready(play.child("first"))
    play.end(play.child("first"), Death(signum=9))
    time.sleep(0.02)
    play.run.proceed()
    play.run.hear_ready(play.child("first"))
    play.end(play.child("first"), Death(code=7))

    one, two = play.told(StepFailed)
    assert one.error.message == "The process of step 'first' was killed by signal 9 (SIGKILL); out of memory is the usual reason."
    assert (one.attempt, one.retry_after) == (1, 0.01)
    assert two.error.message == "The process of step 'first' exited with code 7 before it was done."
    assert (two.attempt, two.retry_after) == (2, None)
    assert play.last.status is RunStatus.FAILED


def test_a_process_that_could_not_begin_says_why() -> None:
    play = Play(other)
    child = play.child("other")
    child.error = BOOM

    play.end(child, Death(code=1))

    assert [event.error for event in play.told(StepFailed)] == [BOOM]


def test_a_process_that_dies_after_its_step_succeeded_changes_nothing() -> None:
    play = Play(other)
    child = play.child("other")
    play.tell(child, started("other"), succeeded("other"))

    play.end(child, Death(signum=11))

    assert play.last.status is RunStatus.SUCCEEDED


def test_a_step_that_runs_too_long_is_told_to_stop_and_fails_as_such() -> None:
    play = Play(first, second)
    play.succeed("first")
    child = play.child("second")
    play.run.hear_ready(child)
    time.sleep(0.07)

    play.run.proceed()
    play.run.proceed()
    assert play.processes.ended == [(child, 3)]
    play.tell(child, StepFailed(at=NOW, step="second", error=BOOM, duration=1), StepCanceled(at=NOW, step="second"))
    play.end(child, Death(code=143, was_ended=True))

    [failed] = play.told(StepFailed)
    assert failed.error.summary == "StepTimeoutError: Step 'second' ran longer than its timeout of 0.05 s and was ended."
    assert not play.told(StepCanceled)


def test_a_worker_that_hears_late_ends_nothing_that_is_over_already() -> None:
    play = Play(first, second)
    play.succeed("first")
    child = play.child("second")
    play.run.hear_ready(child)
    play.processes.is_behind = True
    time.sleep(0.07)
    play.run.proceed()
    assert play.processes.ended == []

    late = PythonError(class_name="StepTimeoutError", message="by itself")
    play.tell(child, started("second"), StepFailed(at=NOW, step="second", error=late, duration=1))
    play.processes.is_behind = False
    play.run.proceed()

    assert play.processes.ended == []
    assert [event.error for event in play.told(StepFailed)] == [late]


def test_a_step_that_goes_on_telling_after_its_time_is_ended_however_much_it_tells() -> None:
    play = Play(first, second)
    play.succeed("first")
    child = play.child("second")
    play.run.hear_ready(child)
    play.processes.is_behind = True
    time.sleep(0.07)

    later = datetime.now(UTC) + timedelta(seconds=1)
    play.tell(child, LogWritten(at=later, step="second", level=LogLevel.INFO, logger="x", message="still here"))
    play.run.proceed()

    assert play.processes.ended == [(child, 3)]


def test_a_process_that_does_not_end_after_its_work_is_told_to_stop() -> None:
    play = Play(other)
    child = play.child("other")
    play.tell(child, started("other"), succeeded("other"))
    play.run.proceed()
    assert play.processes.ended == []

    time.sleep(0.06)
    play.run.proceed()

    assert play.processes.ended == [(child, 7)]
    play.end(child, Death(signum=9, was_ended=True))
    assert play.last.status is RunStatus.SUCCEEDED


def test_a_cancelled_run_waits_for_its_processes_and_starts_nothing() -> None:
    play = Play(first, second, executor=pt.processes(1))
    play.run.cancel(is_forced=False)
    play.run.proceed()
    assert play.processes.ended == [(play.child("first"), 7)]
    assert not play.run.is_over

    play.end(play.child("first"), Death(code=143, was_ended=True))

    assert steps(play.told(StepCanceled)) == ["first", "second"]
    assert play.last.status is RunStatus.CANCELED
    assert len(play.launched) == 1


def test_force_leaves_no_grace() -> None:
    play = Play(first)
    play.run.cancel(is_forced=False)

    play.run.cancel(is_forced=True)

    assert [grace for _, grace in play.processes.ended] == [7, 0]


def test_a_run_that_succeeds_before_the_cancellation_reaches_it_has_succeeded() -> None:
    play = Play(other)
    play.tell(play.child("other"), started("other"), succeeded("other"))
    play.run.cancel(is_forced=False)

    play.end(play.child("other"), Death(code=0, was_ended=True))

    assert play.last.status is RunStatus.SUCCEEDED


def test_a_run_that_waits_for_another_attempt_can_be_cancelled() -> None:
    play = Play(first)
    play.fail("first", retry_after=60)

    play.run.cancel(is_forced=False)
    play.run.proceed()

    assert steps(play.told(StepCanceled)) == ["first"]
    assert play.last.status is RunStatus.CANCELED


def test_a_run_that_takes_too_long_fails_with_what_runs() -> None:
    play = Play(first, second, timeout=0.03)
    play.run.hear_ready(play.child("first"))
    time.sleep(0.04)
    play.run.proceed()

    play.end(play.child("first"), Death(code=143, was_ended=True))

    [failed] = play.told(StepFailed)
    assert (failed.error.class_name, failed.retry_after) == ("RunTimeoutError", None)
    assert steps(play.told(StepUpstreamFailed)) == ["second"]
    assert (play.last.status, play.last.error) == (RunStatus.FAILED, failed.error)


def test_a_run_of_a_stopping_worker_fails_and_says_so() -> None:
    play = Play(first, other, executor=pt.processes(1))
    play.run.stop(grace=1)

    play.end(play.child("first"), Death(code=143, was_ended=True))

    assert [event.error.class_name for event in play.told(StepFailed)] == ["WorkerStoppedError"]
    assert steps(play.told(StepCanceled)) == ["other"]
    assert play.last.status is RunStatus.FAILED


def test_one_process_walks_the_whole_plan_when_that_is_wanted() -> None:
    play = Play(first, second, executor=pt.in_process())
    child = play.child()
    play.run.hear_ready(child)
    for step in ("first", "second"):
        play.tell(child, started(step), OutputSaved(at=NOW, step=step, output="result"), succeeded(step))
    assert not play.run.is_over

    play.end(child, Death(code=0))

    assert play.launched == [(None, 1)]
    assert play.last.status is RunStatus.SUCCEEDED


def test_what_the_one_process_says_of_steps_that_do_not_run_is_not_said_twice() -> None:
    play = Play(other, first, second, third, executor=pt.in_process())
    child = play.child()
    failed = StepFailed(at=NOW, step="first", error=BOOM, duration=1)
    behind = StepUpstreamFailed(at=NOW, step="second", causes=("first",))
    play.tell(child, started("other"), succeeded("other"), started("first"), failed, behind)

    play.end(child, Death(signum=9))

    assert steps(play.told(StepUpstreamFailed)) == ["second", "third"]
    assert play.last.status is RunStatus.FAILED


def test_what_one_process_leaves_undone_when_it_dies_goes_on_in_others() -> None:
    play = Play(other, first, second, executor=pt.in_process())
    child = play.child()
    play.tell(child, started("first"), StepFailed(at=NOW, step="first", error=BOOM, duration=1, retry_after=60), started("other"))

    play.end(child, Death(signum=9))

    assert steps(play.told(StepFailed)) == ["first", "other"]
    assert play.launched[1:] == [(("first",), 2)]
    play.succeed("first")
    play.succeed("second")
    assert play.last.status is RunStatus.FAILED


def test_a_plan_process_that_cannot_begin_fails_what_it_should_have_begun_with() -> None:
    play = Play(first, second, executor=pt.in_process())
    child = play.child()
    child.error = BOOM
    play.end(child, Death(code=1))
    time.sleep(0.02)
    play.run.proceed()

    assert steps(play.told(StepFailed)) == ["first"]
    assert play.launched[1:] == [(("first",), 2)]


def test_steps_that_are_taken_over_are_not_executed() -> None:
    play = Play(first, second, reused=("first",))

    plan = play.log.events[0]
    order = play.child("second").assignment.order

    assert isinstance(plan, PlanMade)
    assert (plan.steps, plan.reused) == (("second",), ("first",))
    assert play.launched == [(("second",), 1)]
    assert order.plan.by_key.keys() == {"second"}
    play.succeed("second")
    assert play.last.status is RunStatus.SUCCEEDED


@pt.op(out={"some": pt.Out(optional=True)})
def maybe() -> Any:
    yield from ()


@pt.op
def needs(some: int) -> int:
    return some


@pt.job
def optional() -> None:
    needs(maybe())


def test_a_step_without_its_optional_input_is_skipped() -> None:
    repository = pt.Repository("main", jobs=[optional])
    request = RunRequest(location="main", repository="main", job="optional")
    plan = build_plan(repository.spec, request, now=NOW)
    log, processes = Log(), FakeProcesses()
    run = ActiveRun(
        PlannedRun(run=Run(id="run_1", request=request, status=RunStatus.STARTING, created_at=NOW), plan=plan, output_runs={}),
        log=log,  # type: ignore[arg-type]  # only `add` is called
        processes=processes,
        places=Places(values=Path("/values"), logs=Path("/logs")),
        timing=Timing(),
    )
    run.begin()
    run.proceed()
    [child] = processes.launched
    run.hear_facts(child, [started("maybe"), succeeded("maybe")])
    run.hear_end(child, Death(code=0))
    run.proceed()

    assert steps(event for event in log.events if isinstance(event, StepSkipped)) == ["needs"]
    assert log.events[-1].status is RunStatus.SUCCEEDED  # type: ignore[union-attr]


# ---- dynamic outputs and hooks --------------------------------------------------------------------------------------


@pt.op(out=pt.DynamicOut())
def shards() -> Any:
    yield from ()


@pt.op
def clean(x: str) -> str:
    return x


@pt.op
def report(xs: list[str]) -> str:
    return "".join(xs)


@pt.on_success
def cheer(context: pt.HookContext) -> None: ...


@pt.job
def fan_out() -> None:
    report(shards().map(clean).collect())


@pt.job(hooks=[cheer])
def watched() -> None:
    report.alias("only")(["x"])


def a_run_of(job: pt.Job, executor: ExecutorSpec) -> tuple[ActiveRun, Log, FakeProcesses]:
    repository = pt.Repository("main", jobs=[job], executor=executor)
    request = RunRequest(location="main", repository="main", job=job.name)
    plan = build_plan(repository.spec, request, now=NOW)
    log, processes = Log(), FakeProcesses()
    run = ActiveRun(
        PlannedRun(run=Run(id="run_1", request=request, status=RunStatus.STARTING, created_at=NOW), plan=plan, output_runs={}),
        log=log,  # type: ignore[arg-type]  # only `add` is called
        processes=processes,
        places=Places(values=Path("/values"), logs=Path("/logs")),
        timing=Timing(linger=0.05, hooks=60.0),
    )
    run.begin()
    run.proceed()
    return run, log, processes


def items(*keys: str, attempt: int = 1) -> list[Event]:
    return [OutputSaved(at=NOW, step="shards", attempt=attempt, output="result", mapping_key=key) for key in keys]


def test_one_process_that_dies_before_it_tells_of_mapped_steps_leaves_them_to_others() -> None:
    run, log, processes = a_run_of(fan_out, pt.in_process())
    run.hear_facts(processes.launched[0], [started("shards"), *items("a", "b"), succeeded("shards")])

    run.hear_end(processes.launched[0], Death(signum=9))
    run.proceed()

    [mapped] = [event for event in log.events if isinstance(event, StepsMapped)]
    assert (mapped.step, mapped.keys, mapped.steps) == ("shards", ("a", "b"), {"clean": ("clean[a]", "clean[b]")})
    assert processes.launched[1].assignment.order.steps == {"clean[a]": 1}


def test_what_one_process_says_of_mapped_steps_is_not_said_twice() -> None:
    run, log, processes = a_run_of(fan_out, pt.in_process())
    told = StepsMapped(at=NOW, step="shards", output="result", keys=("a",), steps={"clean": ("clean[a]",)})

    run.hear_facts(processes.launched[0], [started("shards"), *items("a"), succeeded("shards"), told, started("clean[a]")])

    kinds = [type(event) for event in log.events if isinstance(event, (StepSucceeded, StepsMapped, StepStarted))]
    assert kinds == [StepStarted, StepSucceeded, StepsMapped, StepStarted]


def test_items_of_an_attempt_that_failed_do_not_count() -> None:
    run, log, processes = a_run_of(fan_out, pt.in_process())
    failed = StepFailed(at=NOW, step="shards", error=BOOM, duration=1, retry_after=0)

    first = [started("shards"), *items("a", "b"), failed]
    run.hear_facts(processes.launched[0], [*first, started("shards", 2), *items("c", attempt=2), succeeded("shards")])

    [mapped] = [event for event in log.events if isinstance(event, StepsMapped)]
    assert mapped.keys == ("c",)


def test_the_process_of_a_mapped_step_is_sent_its_item_and_no_other_steps() -> None:
    run, _, processes = a_run_of(fan_out, pt.processes(2))
    run.hear_facts(processes.launched[0], [started("shards"), *items("a", "b"), succeeded("shards")])
    run.hear_end(processes.launched[0], Death(code=0))
    run.proceed()

    orders = [child.assignment.order for child in processes.launched[1:]]
    assert [order.steps for order in orders] == [{"clean[a]": 1}, {"clean[b]": 1}]
    assert [step.key for step in orders[0].plan.steps] == ["shards", "clean[a]"]
    assert [each[:2] for each in orders[0].produced] == [("shards", "result")]


def test_a_process_with_hooks_may_live_on_until_they_are_done() -> None:
    run, _, processes = a_run_of(watched, pt.processes(1))
    run.hear_facts(processes.launched[0], [started("only"), succeeded("only")])
    time.sleep(0.06)

    run.proceed()

    assert processes.ended == []
