"""How attempts end in this process: asked to be made again, out of time, and what hooks learn of it."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest

import partita as pt
from partita.planning.retry import requested_retry, retry_delay
from partita.records.events import LogLevel, LogWritten, StepFailed, StepSucceeded
from partita.records.runs import RunStatus, StepStatus
from support.running import kinds_of


def failures(result: Any, step: str) -> list[StepFailed]:
    return [event for event in result.events_for(step) if isinstance(event, StepFailed)]


# ---- asked to be made again -----------------------------------------------------------------------------------------


def test_a_step_may_ask_to_be_tried_again() -> None:
    attempts: list[int] = []

    @pt.asset
    def feed() -> int:
        attempts.append(1)
        if len(attempts) < 3:
            raise pt.RetryRequested("not complete yet", delay=0, max_retries=2, metadata={"rows": len(attempts)})
        return len(attempts)

    result = pt.materialize([feed])

    assert result.value("feed") == 3
    first, second = failures(result, "feed")
    assert (first.error.message, first.retry_after, second.retry_after) == ("not complete yet", 0, 0)
    assert [entry.label for entry in first.metadata] == ["rows"]


def test_a_request_without_numbers_is_granted_once() -> None:
    @pt.asset
    def feed() -> int:
        raise pt.RetryRequested

    result = pt.materialize([feed], raise_on_error=False)

    assert [event.retry_after for event in failures(result, "feed")] == [0, None]


@pytest.mark.parametrize(
    ("policy", "request_", "delays"),
    [
        (None, pt.RetryRequested(), [0, None]),
        (None, pt.RetryRequested(delay=5), [5, None]),
        (pt.Retry(max_retries=2, delay=3), pt.RetryRequested(), [3, 3]),
        (pt.Retry(max_retries=2, delay=3, backoff="linear"), pt.RetryRequested(max_retries=1), [3, None]),
        (pt.Retry(max_retries=0), pt.RetryRequested(delay=1, max_retries=2), [1, 1]),
        (pt.Retry(max_retries=2, delay=3, backoff="linear", jitter="full"), pt.RetryRequested(delay=7), [7, 7]),
    ],
)
def test_a_request_counts_over_the_policy(policy: pt.Retry | None, request_: pt.RetryRequested, delays: list[float | None]) -> None:
    asked = requested_retry(policy, request_)

    assert [retry_delay(asked, attempt=attempt, chance=0.5) for attempt in (1, 2)] == delays


@pytest.mark.parametrize("arguments", [{"delay": -1}, {"max_retries": -1}])
def test_a_request_for_less_than_nothing_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(pt.ExecutionError, match="not negative"):
        pt.RetryRequested(**arguments)


def test_a_failure_that_allows_no_retry_ends_the_step_whatever_the_job_says() -> None:
    @pt.op
    def work() -> int:
        raise pt.Failure("pointless", allow_retry=False)

    @pt.job(step_retry=pt.Retry(max_retries=5))
    def job() -> None:
        work()

    assert [event.retry_after for event in failures(job.execute(raise_on_error=False), "work")] == [None]


def test_the_job_says_how_often_steps_are_tried_unless_they_do() -> None:
    @pt.op
    def plain() -> int:
        raise ValueError

    @pt.op(retry=pt.Retry(max_retries=0))
    def once() -> int:
        raise ValueError

    @pt.job(step_retry=pt.Retry(max_retries=2))
    def job() -> None:
        plain()
        once()

    result = job.execute(raise_on_error=False)

    assert (len(failures(result, "plain")), len(failures(result, "once"))) == (3, 1)


# ---- out of time ----------------------------------------------------------------------------------------------------


def test_a_step_that_runs_too_long_is_interrupted_and_cleans_up() -> None:
    cleaned: list[str] = []

    @pt.asset(timeout=0.05)
    def slow() -> int:
        try:
            time.sleep(60)
        finally:
            cleaned.append("slow")
        return 1

    @pt.asset
    def behind(slow: int) -> int:
        return slow

    result = pt.materialize([slow, behind], raise_on_error=False)

    assert cleaned == ["slow"]
    assert result.steps["behind"] is StepStatus.UPSTREAM_FAILED
    (failed,) = failures(result, "slow")
    assert failed.error.summary == "StepTimeoutError: Step 'slow' ran longer than its timeout of 0.05 s and was ended."
    with pytest.raises(pt.StepTimeoutError, match=r"Step 'slow' ran longer than its timeout of 0\.05 s"):
        pt.materialize([slow])


def test_user_code_cannot_swallow_the_end_of_its_time() -> None:
    @pt.asset(timeout=0.05)
    def stubborn() -> int:
        with suppress(BaseException):
            time.sleep(60)
        return 1

    with pytest.raises(pt.StepTimeoutError):
        pt.materialize([stubborn])


def test_a_generator_is_interrupted_too() -> None:
    @pt.op(timeout=0.05, out={"a": pt.Out(), "b": pt.Out()})
    def slow() -> Iterator[pt.Output[int]]:
        yield pt.Output(1, output="a")
        time.sleep(60)
        yield pt.Output(1, output="b")

    @pt.job
    def job() -> None:
        slow()

    with pytest.raises(pt.StepTimeoutError):
        job.execute()


def test_an_async_step_is_cancelled_by_its_event_loop() -> None:
    ended: list[str] = []

    @pt.asset(timeout=0.05)
    async def slow() -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return 1

    with pytest.raises(pt.StepTimeoutError):
        pt.materialize([slow])

    assert ended == ["cancelled"]


def test_an_async_generator_is_cancelled_too() -> None:
    @pt.op(timeout=0.05, out=pt.DynamicOut())
    async def slow() -> AsyncIterator[pt.DynamicOutput[int]]:
        yield pt.DynamicOutput(1, mapping_key="a")
        await asyncio.sleep(60)

    @pt.job
    def job() -> None:
        slow()

    with pytest.raises(pt.StepTimeoutError):
        job.execute()


def test_a_timeout_of_user_code_is_its_own() -> None:
    @pt.asset(timeout=60)
    async def impatient() -> int:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)
        return 1

    with pytest.raises(pt.StepFailedError, match="TimeoutError"):
        pt.materialize([impatient])


def test_a_step_that_ran_too_long_is_tried_again() -> None:
    attempts: list[int] = []

    @pt.asset(timeout=0.05, retry=pt.Retry(max_retries=1))
    def slow_once() -> int:
        attempts.append(1)
        if len(attempts) == 1:
            time.sleep(60)
        return len(attempts)

    assert pt.materialize([slow_once]).value("slow_once") == 2


def test_an_alarm_that_was_set_before_still_rings() -> None:
    rung: list[int] = []

    @pt.asset(timeout=60)
    def quick() -> int:
        return 1

    before = signal.signal(signal.SIGALRM, lambda number, _frame: rung.append(number))
    remaining = signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        pt.materialize([quick])
        deadline = time.monotonic() + 10
        while not rung and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *remaining)
        signal.signal(signal.SIGALRM, before)

    assert rung == [signal.SIGALRM]


def test_the_limit_holds_in_other_threads_too() -> None:
    results: list[Any] = []

    @pt.asset(timeout=0.05)
    def slow() -> None:
        while True:
            time.sleep(0.01)

    thread = threading.Thread(target=lambda: results.append(pt.materialize([slow], raise_on_error=False)))
    thread.start()
    thread.join()

    [error] = results[0].errors.values()
    assert isinstance(error, pt.StepTimeoutError)


def a_job_with_little_time(*ops: Any, timeout: float = 0.1) -> pt.Job:
    @pt.job(timeout=timeout)
    def hurried() -> None:
        for op in ops:
            op()

    return hurried


def test_a_run_that_takes_too_long_ends_its_step_and_cancels_the_rest() -> None:
    @pt.op(retry=pt.Retry(max_retries=3))
    def slow() -> None:
        time.sleep(60)

    @pt.op
    def never() -> None: ...

    job = a_job_with_little_time(slow, never)
    result: Any = job.execute(raise_on_error=False)

    assert result.status is RunStatus.FAILED
    assert result.steps == {"slow": StepStatus.FAILED, "never": StepStatus.CANCELED}
    (failed,) = failures(result, "slow")
    assert (failed.retry_after, failed.error.class_name) == (None, "RunTimeoutError")
    last = result.events[-1]
    assert last.error.summary == "RunTimeoutError: The run took longer than its timeout of 0.1 s and was ended."
    with pytest.raises(pt.RunTimeoutError):
        job.execute()


def test_a_run_may_be_out_of_time_between_its_steps() -> None:
    @pt.op(retry=pt.Retry(max_retries=3, delay=60))
    def unlucky() -> None:
        raise ValueError

    result: Any = a_job_with_little_time(unlucky).execute(raise_on_error=False)

    assert result.status is RunStatus.FAILED
    assert result.steps == {"unlucky": StepStatus.CANCELED}
    assert isinstance(result.error, pt.RunTimeoutError)


def test_the_shorter_of_two_timeouts_counts() -> None:
    @pt.op(timeout=0.05)
    def slow() -> None:
        time.sleep(60)

    with pytest.raises(pt.StepTimeoutError):
        a_job_with_little_time(slow, timeout=60).execute()


# ---- hooks ----------------------------------------------------------------------------------------------------------


class Recorder:
    """Hooks that note what they are called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.contexts: list[pt.HookContext] = []

        @pt.on_failure
        def failed(context: pt.HookContext) -> None:
            self._note("failure", context)

        @pt.on_success
        def succeeded(context: pt.HookContext) -> None:
            self._note("success", context)

        self.failed, self.succeeded = failed, succeeded

    def _note(self, moment: str, context: pt.HookContext) -> None:
        self.calls.append((moment, context.step_key))
        self.contexts.append(context)


def test_a_hook_of_an_asset_learns_how_its_step_ended() -> None:
    recorder = Recorder()

    @pt.asset(hooks=[recorder.failed, recorder.succeeded])
    def good() -> int:
        return 1

    @pt.asset(hooks=[recorder.failed, recorder.succeeded])
    def bad() -> int:
        raise ValueError("boom")

    result = pt.materialize([good, bad], tags={"team": "bees"}, raise_on_error=False)

    assert recorder.calls == [("success", "good"), ("failure", "bad")]
    first, second = recorder.contexts
    assert isinstance(first.event, StepSucceeded)
    assert (first.error, first.run_id, first.job_name, first.tags) == (None, result.run_id, None, {"team": "bees"})
    assert isinstance(second.event, StepFailed)
    assert str(second.error) == "boom"


def test_hooks_of_a_job_are_called_for_each_of_its_steps_after_their_own() -> None:
    own, whole = Recorder(), Recorder()

    @pt.op(hooks=[own.succeeded])
    def first() -> int:
        return 1

    @pt.op
    def second(x: int) -> int:
        return x

    @pt.job(hooks=[whole.succeeded])
    def job() -> None:
        second(first())

    job.execute()

    assert own.calls == [("success", "first")]
    assert whole.calls == [("success", "first"), ("success", "second")]


def test_a_failure_is_told_to_hooks_after_the_last_attempt_alone() -> None:
    recorder = Recorder()

    @pt.asset(retry=pt.Retry(max_retries=2), hooks=[recorder.failed])
    def bad() -> int:
        raise ValueError

    pt.materialize([bad], raise_on_error=False)

    assert [context.attempt for context in recorder.contexts] == [3]


def test_a_step_out_of_time_has_failed_for_its_hooks() -> None:
    recorder = Recorder()

    @pt.asset(timeout=0.05, hooks=[recorder.failed])
    def slow() -> int:
        time.sleep(60)
        return 1

    pt.materialize([slow], raise_on_error=False)

    (context,) = recorder.contexts
    assert isinstance(context.error, pt.StepTimeoutError)


@pytest.mark.parametrize("problem", [ValueError("no signal"), SystemExit(3)])
def test_a_hook_that_fails_is_logged_as_a_warning_and_changes_nothing(problem: BaseException) -> None:
    @pt.on_success
    def broken(context: pt.HookContext) -> None:
        raise problem

    recorder = Recorder()

    @pt.asset(hooks=[broken, recorder.succeeded])
    def good() -> int:
        return 1

    @pt.asset
    def behind(good: int) -> int:
        return good

    result = pt.materialize([good, behind])

    assert result.success
    assert recorder.calls == [("success", "good")]
    (warning,) = [event for event in result.events_for("good") if isinstance(event, LogWritten) and event.level is LogLevel.WARNING]
    assert warning.message.startswith(f"Hook 'broken' failed: {problem}")
    assert warning.fields == {"hook": "broken"}
    assert kinds_of(result.events, "good")[-3:] == ["step_succeeded", "log", "log"]


def test_a_hook_has_the_resources_and_a_log_and_may_be_async() -> None:
    class Pager(pt.Resource):
        number: str

    sent: list[str] = []

    @pt.on_success
    async def page(context: pt.HookContext, pager: Pager) -> None:
        await asyncio.sleep(0)
        sent.append(f"{pager.number} {context.resources['pager'].number}")
        context.log.info("paged")

    @pt.asset(hooks=[page])
    def good() -> int:
        return 1

    result = pt.materialize([good], resources={"pager": Pager(number="110")})

    assert sent == ["110 110"]
    assert "paged" in [event.message for event in result.events_for("good") if isinstance(event, LogWritten)]


def test_hooks_learn_of_every_mapped_step_by_its_key() -> None:
    recorder = Recorder()

    @pt.op(out=pt.DynamicOut())
    def shards() -> Iterator[pt.DynamicOutput[str]]:
        yield pt.DynamicOutput("a", mapping_key="a")

    @pt.op(hooks=[recorder.succeeded])
    def store(x: str) -> str:
        return x

    @pt.job
    def job() -> None:
        shards().map(store)

    job.execute()

    assert recorder.calls == [("success", "store[a]")]
