"""`job.execute()`: ops here and now, with retries, optional outputs, and going on from an earlier result."""

from __future__ import annotations

import time
from typing import Any

import pytest

import partita as pt
from partita.errors import ExecutionError, NotFoundError, OutputMissingError, RequestError, StepFailedError
from partita.records.events import OutputSaved, StepFailed, StepSkipped
from partita.records.runs import StepStatus
from support.running import kinds_of, started


@pt.op
def one() -> int:
    return 1


@pt.op
def plus(a: int, b: int = 10) -> int:
    return a + b


@pt.op
def total(xs: list[int]) -> int:
    return sum(xs)


@pt.graph
def twice(x):  # type: ignore[no-untyped-def]
    return plus.alias("second")(plus(x))


# ---- data -----------------------------------------------------------------------------------------------------------


def test_values_flow_through_nested_graphs_and_fan_in() -> None:
    @pt.job
    def nested() -> None:
        first = one()
        total([twice(first), twice.alias("again")(first), first])

    result = nested.execute()

    assert result.value("total") == 21 + 21 + 1
    assert result.value("again.second") == 21
    assert started(result.events) == ["one", "twice.plus", "twice.second", "again.plus", "again.second", "total"]


def test_a_list_of_one_output_is_a_list() -> None:
    @pt.job
    def small() -> None:
        total([one()])

    assert small.execute().value("total") == 1


def test_an_op_may_wait_for_another_without_a_value() -> None:
    order = []

    @pt.op
    def prepare() -> None:
        order.append("prepare")

    @pt.op(ins={"ready": pt.In(pt.Nothing)})
    def work() -> int:
        order.append("work")
        return 1

    @pt.job
    def waits() -> None:
        work(ready=prepare())

    assert waits.execute().value("work") == 1
    assert order == ["prepare", "work"]


@pt.op(out={"even": pt.Out(optional=True), "odd": pt.Out(optional=True)})
def split(n: int):  # type: ignore[no-untyped-def]
    yield pt.Output(n, output="even" if n % 2 == 0 else "odd", metadata={"n": n})


@pt.op
def same(n: int) -> int:
    return n


@pt.job
def branches() -> None:
    found = split(3)
    total([same.alias("on_even")(found.even), same.alias("on_odd")(found.odd)])


def test_an_optional_output_that_is_not_produced_skips_what_needs_it() -> None:
    result = branches.execute()

    assert result.success
    assert [event.reason for event in result.events if isinstance(event, StepSkipped)] == ["'split' produced nothing for it."]
    assert kinds_of(result.events, "on_even") == ["step_skipped"]
    assert result.value("total") == 3
    assert result.value("split", "odd") == 3


def test_values_of_outputs_that_are_not_there_say_why() -> None:
    result = branches.execute()

    with pytest.raises(ExecutionError, match=r"has not produced its optional output 'even'"):
        result.value("split", "even")
    with pytest.raises(NotFoundError, match=r"name one of even, odd"):
        result.value("split")
    with pytest.raises(NotFoundError, match=r"There is no output of step 'split' 'od'. Did you mean 'odd'\?"):
        result.value("split", "od")


@pytest.mark.parametrize(
    ("given", "error", "problem"),
    [
        ([pt.Output(1, output="a")], OutputMissingError, r"ended without its output 'b'. Yield pt.Output\(..., output='b'\)"),
        ([pt.Output(1, output="a"), pt.Output(2, output="a")], ExecutionError, "gave its output 'a' twice"),
        ([pt.Output(1, output="c")], ExecutionError, "has no output 'c'"),
        ([1], ExecutionError, "yielded int. Yield pt.Output"),
    ],
)
def test_outputs_must_be_those_that_the_op_declares(given: list[Any], error: type[Exception], problem: str) -> None:
    @pt.op(out={"a": pt.Out(), "b": pt.Out()})
    def pair():  # type: ignore[no-untyped-def]
        yield from given

    @pt.job
    def small() -> None:
        pair()

    with pytest.raises(error, match=problem):
        small.execute()


@pytest.mark.parametrize("returned", [(1, 2), (pt.Output(1, output="a"), 2)])
def test_several_outputs_may_be_returned_as_a_tuple(returned: Any) -> None:
    @pt.op(out={"a": pt.Out(), "b": pt.Out()})
    def pair() -> Any:
        return returned

    @pt.job
    def small() -> None:
        found = pair()
        plus(found.a, found.b)

    assert small.execute().value("plus") == 3


@pytest.mark.parametrize(
    ("returned", "problem"), [((1, 2, 3), "has 2 outputs and returned a tuple of 3"), (5, "has the outputs a, b and returned int")]
)
def test_a_return_value_that_does_not_fit_the_outputs_is_an_error(returned: Any, problem: str) -> None:
    @pt.op(out={"a": pt.Out(), "b": pt.Out()})
    def pair() -> Any:
        return returned

    @pt.job
    def small() -> None:
        pair()

    with pytest.raises(ExecutionError, match=problem):
        small.execute()


def test_metadata_of_an_op_goes_to_its_output() -> None:
    @pt.op
    def told(context: pt.OpContext) -> int:
        context.add_metadata({"rows": 3})
        return 1

    @pt.job
    def small() -> None:
        told()

    (saved,) = [event for event in small.execute().events if isinstance(event, OutputSaved)]
    assert [(entry.label, entry.value) for entry in saved.metadata] == [("rows", 3)]


def test_ops_of_a_partitioned_job_see_the_key() -> None:
    @pt.op
    def when(context: pt.OpContext) -> str:
        return f"{context.partition_key} {context.job_name} {context.partition_window.start:%d.%m.}"

    @pt.job(partitions=pt.DailyPartitions(start="2013-01-01", end="2013-02-01"))
    def daily() -> None:
        when()

    assert daily.execute(partition="2013-01-05").value("when") == "2013-01-05 daily 05.01."
    with pytest.raises(RequestError, match=r"Job 'daily' is partitioned"):
        daily.execute()


def test_resources_of_the_call_take_the_place_of_the_jobs_own() -> None:
    @pt.op
    def asks(db: pt.Provided[str]) -> str:
        return db

    @pt.job(resources={"db": "production"})
    def small() -> None:
        asks()

    assert small.execute().value("asks") == "production"
    assert small.execute(resources={"db": "test"}).value("asks") == "test"


# ---- retries --------------------------------------------------------------------------------------------------------


def a_job_that_fails(times: int, *, retry: pt.Retry | None = None, step_retry: pt.Retry | None = None) -> tuple[Any, list[int]]:
    attempts: list[int] = []

    @pt.op(retry=retry)
    def flaky(context: pt.OpContext) -> int:
        attempts.append(context.attempt)
        if context.attempt <= times:
            raise ValueError(f"attempt {context.attempt}")
        return 1

    @pt.job(step_retry=step_retry)
    def job() -> None:
        plus(flaky())

    return job, attempts


def test_a_step_is_tried_again_and_each_attempt_is_told() -> None:
    job, attempts = a_job_that_fails(2, retry=pt.Retry(max_retries=2))

    result = job.execute()

    assert attempts == [1, 2, 3]
    assert kinds_of(result.events, "flaky") == [
        "step_started",
        "step_failed",
        "step_started",
        "step_failed",
        "step_started",
        "output",
        "step_succeeded",
    ]
    assert [event.retry_after for event in result.events if isinstance(event, StepFailed)] == [0.0, 0.0]
    assert result.value("plus") == 11


def test_the_last_attempt_fails_the_step() -> None:
    job, attempts = a_job_that_fails(9, step_retry=pt.Retry(max_retries=1))

    result = job.execute(raise_on_error=False)

    assert attempts == [1, 2]
    assert [event.retry_after for event in result.events if isinstance(event, StepFailed)] == [0.0, None]
    assert result.steps == {"flaky": StepStatus.FAILED, "plus": StepStatus.UPSTREAM_FAILED}
    with pytest.raises(StepFailedError, match=r"attempt 2"):
        job.execute()


def test_other_steps_run_while_one_waits_for_its_next_attempt() -> None:
    order = []

    @pt.op(retry=pt.Retry(max_retries=1, delay=0.2))
    def flaky(context: pt.OpContext) -> int:
        order.append(f"flaky {context.attempt}")
        if context.attempt == 1:
            raise ValueError
        return 1

    @pt.op
    def other() -> int:
        order.append("other")
        return 1

    @pt.job
    def job() -> None:
        flaky()
        other()

    began = time.perf_counter()
    assert job.execute().success
    assert order == ["flaky 1", "other", "flaky 2"]
    assert time.perf_counter() - began >= 0.2


# ---- going on -------------------------------------------------------------------------------------------------------


def a_job_with_a_failure() -> tuple[Any, dict[str, bool]]:
    """`a -> b -> c; a -> d`, where `b` fails until it is told otherwise."""
    state = {"fails": True}

    @pt.op
    def a() -> int:
        return 1

    @pt.op
    def b(x: int) -> int:
        if state["fails"]:
            raise ValueError("not yet")
        return x + 1

    @pt.op
    def c(x: int) -> int:
        return x + 1

    @pt.op
    def d(x: int) -> int:
        return x + 10

    @pt.job(tags={"team": "x"})
    def job() -> None:
        first = a()
        c(b(first))
        d(first)

    return job, state


def test_a_resumed_job_executes_what_did_not_succeed() -> None:
    job, state = a_job_with_a_failure()
    first = job.execute(raise_on_error=False, tags={"by": "me"})
    assert started(first.events) == ["a", "b", "d"]
    state["fails"] = False

    second = job.execute(resume=first)

    assert started(second.events) == ["b", "c"]
    assert second.value("c") == 3
    assert second.value("a") == 1
    assert second.value("d") == 11
    assert (second.request.parent_id, second.request.root_id) == (first.run_id, first.run_id)
    assert second.request.tags == {"team": "x", "by": "me"}
    assert second.run_id != first.run_id


def test_a_resumed_run_can_be_resumed_again() -> None:
    job, state = a_job_with_a_failure()
    first = job.execute(raise_on_error=False)
    second = job.execute(resume=first, raise_on_error=False)
    state["fails"] = False

    third = job.execute(resume=second)

    assert started(third.events) == ["b", "c"]
    assert third.value("c") == 3
    assert third.request.root_id == first.run_id
    assert third.request.parent_id == second.run_id


def test_chosen_steps_of_an_earlier_run_are_executed_whether_they_succeeded_or_not() -> None:
    job, state = a_job_with_a_failure()
    first = job.execute(raise_on_error=False)
    state["fails"] = False

    assert started(job.execute(resume=first, steps=["d"]).events) == ["d"]
    assert started(job.execute(resume=first, steps="b+").events) == ["b", "c"]


def test_what_a_resumed_branch_skipped_stays_skipped() -> None:
    state = {"fails": True}

    @pt.op
    def joins(xs: list[int]) -> int:
        if state["fails"]:
            raise ValueError
        return sum(xs)

    @pt.job
    def job() -> None:
        found = split(3)
        joins([same.alias("on_even")(found.even), same.alias("on_odd")(found.odd)])

    first = job.execute(raise_on_error=False)
    state["fails"] = False
    second = job.execute(resume=first)

    assert started(second.events) == ["joins"]
    assert second.value("joins") == 3
    assert second.steps["on_even"] is StepStatus.SKIPPED


def test_chosen_steps_need_their_inputs() -> None:
    job, _ = a_job_with_a_failure()

    assert started(job.execute(steps=["a", "d"]).events) == ["a", "d"]
    with pytest.raises(RequestError, match=r"Step 'd' needs the output of 'a'"):
        job.execute(steps=["d"])
    with pytest.raises(NotFoundError, match=r"There is no step 'nope'"):
        job.execute(steps=["a", "nope"])


def test_only_a_result_of_the_same_job_can_be_resumed() -> None:
    job, _ = a_job_with_a_failure()

    with pytest.raises(RequestError, match=r"the result given is one of job 'branches', not of 'job'"):
        job.execute(resume=branches.execute())
    with pytest.raises(RequestError, match=r"give the result of an earlier execution"):
        job.execute(resume="run_1")


# ---- jobs of a repository -------------------------------------------------------------------------------------------


@pt.asset
def raw() -> int:
    return 2


@pt.asset
def doubled(raw: int) -> int:
    return raw * 2


def test_an_asset_job_is_executed_from_its_repository() -> None:
    refresh = pt.asset_job("refresh", selection="*", tags={"kind": "nightly"})
    repository = pt.Repository("small", assets=[raw, doubled], jobs=[refresh])

    result = repository.job("refresh").execute()

    assert result.value("doubled") == 4
    with pytest.raises(RequestError, match=r"Execute it from there: repository.job\('refresh'\).execute\(\)"):
        refresh.execute()


def test_a_job_of_a_repository_uses_its_resources_unless_others_are_given() -> None:
    @pt.op
    def asks(db: pt.Provided[str]) -> str:
        return db

    @pt.job
    def small() -> None:
        asks()

    job = pt.Repository("r", jobs=[small], resources={"db": "repository"}).job("small")

    assert job.execute().value("asks") == "repository"
    assert job.execute(resources={"db": "call"}).value("asks") == "call"


def test_what_an_attempt_does_to_a_constant_is_not_seen_by_the_next() -> None:
    seen = []

    @pt.op(retry=pt.Retry(max_retries=1))
    def greedy(xs: list[int]) -> int:
        seen.append(list(xs))
        xs.append(99)
        if len(seen) == 1:
            raise ValueError
        return len(xs)

    @pt.job
    def small() -> None:
        greedy([1, 2])

    small.execute()

    assert seen == [[1, 2], [1, 2]]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"resources": 5}, "resources=5: give a mapping from names"),
        ({"steps": 5}, "steps=5: give text, or a list of texts"),
        ({"partition": 5}, "partition=5: give text, or a list of texts"),
        ({"tags": 5}, "tags=5: give a mapping"),
    ],
)
def test_what_is_given_in_the_wrong_form_is_refused_in_words(given: dict[str, Any], words: str) -> None:
    @pt.op
    def work() -> None: ...

    @pt.job
    def small() -> None:
        work()

    with pytest.raises(pt.RequestError, match=words):
        small.execute(**given)
