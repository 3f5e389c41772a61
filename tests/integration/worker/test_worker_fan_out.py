"""Dynamic fan-out, hooks and timeouts in real processes: a process for each step, and one for the whole plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import pytest

from partita.records.events import Event, LogLevel, LogWritten, OutputSaved, PlanMade, ProcessStarted, StepFailed, StepsMapped, StepStarted
from partita.records.runs import Run, RunStatus
from support.sites import Site, a_site

E = TypeVar("E", bound=Event)

CODE = """
from collections.abc import Iterator

class Names(pt.Config):
    names: list[str] = ["b", "a", "c"]
    dies: bool = False

@pt.op(out=pt.DynamicOut())
def shards(config: Names) -> Iterator[pt.DynamicOutput[str]]:
    for name in config.names:
        yield pt.DynamicOutput(name, mapping_key=name)
    if config.dies:
        os.kill(os.getpid(), signal.SIGKILL)

class Mark(pt.Config):
    mark: str = ""

@pt.op
def clean(x: str, config: Mark) -> str:
    return x.upper() + config.mark

@pt.op
def store(x: str) -> str:
    if x == "A" and not (SCRATCH / "mended").exists():
        raise ValueError("not yet")
    return x + "!"

@pt.op
def report(context: pt.OpContext, xs: list[str]) -> str:
    note(f"report.{context.run_id}", xs=xs)
    return ",".join(xs)

@pt.graph
def load_one(x: str) -> str:
    return store(clean(x))

@pt.job(executor=pt.processes(4))
def apart() -> None:
    report(shards().map(load_one).collect())

@pt.job(executor=pt.in_process())
def together() -> None:
    report(shards().map(load_one).collect())

@pt.op
def dies_once(x: str) -> str:
    if x == "a" and not (SCRATCH / "revived").exists():
        (SCRATCH / "revived").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return x

@pt.job(executor=pt.in_process(), step_retry=pt.Retry(max_retries=1))
def together_with_a_death() -> None:
    report(shards().map(dies_once).collect())

@pt.on_failure
def page(context: pt.HookContext) -> None:
    note(f"page.{context.step_key}.{context.run_id}", error=str(context.error), kind=type(context.error).__name__, attempt=context.attempt)

@pt.on_success
def cheer(context: pt.HookContext) -> None:
    note(f"cheer.{context.step_key}.{context.run_id}")

@pt.on_success
def broken(context: pt.HookContext) -> None:
    raise ValueError("no signal")

@pt.on_success
def deadly(context: pt.HookContext) -> None:
    os.kill(os.getpid(), signal.SIGKILL)

@pt.op(retry=pt.Retry(max_retries=1))
def boom() -> int:
    raise ValueError("boom")

@pt.op
def after(x: int) -> int:
    return x

@pt.op(hooks=[broken])
def indep() -> int:
    return 1

@pt.job(hooks=[page, cheer])
def watched() -> None:
    after(boom())
    indep()

@pt.job(executor=pt.in_process(), hooks=[page, cheer])
def watched_together() -> None:
    after(boom())
    indep()

@pt.asset(hooks=[deadly])
def proud() -> int:
    return 1

@pt.asset
def humble(proud: int) -> int:
    return proud

@pt.asset(timeout=0.3, hooks=[page], retry=pt.Retry(max_retries=1))
def slow(context: pt.AssetContext) -> None:
    try:
        time.sleep(300)
    finally:
        note(f"cleaned_up.{context.run_id}.{context.attempt}")

@pt.asset
def patient(context: pt.AssetContext) -> int:
    if context.attempt < 3:
        raise pt.RetryRequested(delay=0.01, max_retries=2)
    return context.attempt

@pt.op(out={"x": pt.Out(optional=True), "y": pt.Out(optional=True)})
def branch():
    yield pt.Output("x", output="x")

@pt.op
def on_x(x: str) -> str:
    return x

@pt.op
def on_y(y: str) -> str:
    return y

def branches() -> None:
    found = branch()
    on_x(found.x)
    on_y(found.y)
    report([found.x, found.y])

branches_apart = pt.job(name="branches_apart")(branches)
branches_together = pt.job(name="branches_together", executor=pt.in_process())(branches)

repository = pt.Repository(
    "main",
    assets=[proud, humble, slow, patient],
    jobs=[apart, together, together_with_a_death, watched, watched_together, branches_apart, branches_together],
)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with a_site(tmp_path_factory.mktemp("fan_out"), main=CODE) as made:
        made.work(cancel=2.0)
        yield made


@pytest.fixture(autouse=True)
def unmended(site: Site) -> None:
    for name in ("mended", "revived"):
        (site.scratch / name).unlink(missing_ok=True)


def kinds(events: list[Any], *wanted: type[E]) -> list[E]:
    return [event for event in events if isinstance(event, wanted)]


def names(*keys: str, **more: Any) -> dict[str, Any]:
    return {"steps": {"shards": {"names": list(keys), **more}}}


def began(site: Site, run: Run) -> list[str | None]:
    return [event.step for event in kinds(site.events(run), StepStarted)]


BOTH = pytest.mark.parametrize("job", ["apart", "together"])
SUCCEEDED = [
    "shards",
    "load_one.clean[b]",
    "load_one.clean[a]",
    "load_one.clean[c]",
    "load_one.store[b]",
    "load_one.store[a]",
    "load_one.store[c]",
    "report",
]


@BOTH
def test_what_is_mapped_runs_for_each_item_and_is_collected_in_order(site: Site, job: str) -> None:
    site.allow("mended")
    run = site.finished(site.launch(job=job, config={"steps": {"load_one.clean": {"mark": "?"}}}))

    assert run.status is RunStatus.SUCCEEDED
    assert site.noted(f"report.{run.id}")["xs"] == ["B?!", "A?!", "C?!"]
    assert list(site.steps(run)) == SUCCEEDED
    assert set(site.steps(run).values()) == {"succeeded"}


@BOTH
def test_the_log_tells_what_is_mapped_before_any_of_it_begins(site: Site, job: str) -> None:
    site.allow("mended")
    run = site.finished(site.launch(job=job))
    events = site.events(run)

    [plan] = kinds(events, PlanMade)
    [mapped] = kinds(events, StepsMapped)
    first = next(event for event in kinds(events, StepStarted) if event.step != "shards")
    assert plan.steps == ("shards", "load_one.clean", "load_one.store", "report")
    assert (mapped.step, mapped.keys, list(mapped.steps)) == ("shards", ("b", "a", "c"), ["load_one.clean", "load_one.store"])
    assert events.index(mapped) < events.index(first)
    assert [event.mapping_key for event in kinds(events, OutputSaved) if event.step == "shards"] == ["b", "a", "c"]


@BOTH
def test_a_mapped_step_that_fails_is_the_only_one_executed_again(site: Site, job: str) -> None:
    first = site.finished(site.launch(job=job))
    site.allow("mended")
    second = site.finished(site.launch(job=job, parent_id=first.id, is_resumed=True))

    statuses = site.steps(first)
    assert first.status is RunStatus.FAILED
    assert (statuses["load_one.store[a]"], statuses["load_one.store[c]"], statuses["report"]) == ("failed", "succeeded", "upstream_failed")
    assert second.status is RunStatus.SUCCEEDED
    assert began(site, second) == ["load_one.store[a]", "report"]
    assert sorted(site.steps(second)) == sorted(SUCCEEDED)
    assert site.noted(f"report.{second.id}")["xs"] == ["B!", "A!", "C!"]


@BOTH
def test_nothing_to_map_over_leaves_no_step_pending(site: Site, job: str) -> None:
    run = site.finished(site.launch(job=job, config=names()))

    assert run.status is RunStatus.SUCCEEDED
    assert site.steps(run) == {"shards": "succeeded", "load_one.clean": "skipped", "load_one.store": "skipped", "report": "succeeded"}
    assert site.noted(f"report.{run.id}")["xs"] == []


@BOTH
def test_a_dynamic_step_whose_process_dies_leads_to_nothing(site: Site, job: str) -> None:
    run = site.finished(site.launch(job=job, config=names("x", dies=True)))

    assert site.steps(run) == {
        "shards": "failed",
        "load_one.clean": "upstream_failed",
        "load_one.store": "upstream_failed",
        "report": "upstream_failed",
    }
    assert not kinds(site.events(run), StepsMapped)


@BOTH
@pytest.mark.parametrize("is_resumed", [False, True])
def test_chosen_items_of_a_run_before_are_executed_again(site: Site, job: str, is_resumed: bool) -> None:
    site.allow("mended")
    first = site.finished(site.launch(job=job))

    again = site.finished(site.launch(job=job, parent_id=first.id, steps=("load_one.store[c]", "report"), is_resumed=is_resumed))

    assert again.status is RunStatus.SUCCEEDED
    assert site.steps(again) == {"load_one.store[c]": "succeeded", "report": "succeeded"}
    assert site.noted(f"report.{again.id}")["xs"] == ["B!", "A!", "C!"]


def test_a_list_is_not_collected_over_what_failed_before(site: Site) -> None:
    first = site.finished(site.launch(job="apart"))

    again = site.finished(site.launch(job="apart", parent_id=first.id, steps=("report",)))

    assert again.status is RunStatus.FAILED
    assert again.error is not None
    assert "'report' needs the output of 'load_one.store[a]'" in again.error.message


def test_mapped_steps_go_on_in_processes_of_their_own_after_a_death(site: Site) -> None:
    run = site.finished(site.launch(job="together_with_a_death"))

    assert run.status is RunStatus.SUCCEEDED
    assert list(site.steps(run)) == ["shards", "dies_once[b]", "dies_once[a]", "dies_once[c]", "report"]
    assert site.noted(f"report.{run.id}")["xs"] == ["b", "a", "c"]
    assert len(kinds(site.events(run), ProcessStarted)) > 1


@pytest.mark.parametrize("job", ["branches_apart", "branches_together"])
def test_what_needs_an_optional_output_that_was_not_given_is_skipped_and_fan_in_goes_on(site: Site, job: str) -> None:
    run = site.finished(site.launch(job=job))

    assert run.status is RunStatus.SUCCEEDED
    assert site.steps(run) == {"branch": "succeeded", "on_x": "succeeded", "on_y": "skipped", "report": "succeeded"}
    assert site.noted(f"report.{run.id}")["xs"] == ["x"]


# ---- hooks and ends -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job", ["watched", "watched_together"])
def test_hooks_are_called_in_the_process_of_the_step_once_its_outcome_is_certain(site: Site, job: str) -> None:
    run = site.finished(site.launch(job=job))

    paged = site.noted(f"page.boom.{run.id}")
    assert (paged["error"], paged["attempt"]) == ("boom", 2)
    assert (site.scratch / f"cheer.indep.{run.id}").exists()
    assert not list(site.scratch.glob(f"*.after.{run.id}"))
    assert site.steps(run) == {"boom": "failed", "after": "upstream_failed", "indep": "succeeded"}


def test_a_hook_that_fails_is_a_warning_in_the_log_and_no_more(site: Site) -> None:
    run = site.finished(site.launch(job="watched"))

    [warning] = [event for event in kinds(site.events(run), LogWritten) if event.level is LogLevel.WARNING]
    assert warning.step == "indep"
    assert warning.message.startswith("Hook 'broken' failed: no signal")
    assert site.steps(run)["indep"] == "succeeded"


def test_a_hook_that_kills_its_process_changes_no_outcome(site: Site) -> None:
    run = site.finished(site.launch("proud", "humble"))

    assert run.status is RunStatus.SUCCEEDED
    assert site.steps(run) == {"proud": "succeeded", "humble": "succeeded"}


def test_a_step_out_of_time_cleans_up_and_tells_its_hooks(site: Site) -> None:
    run = site.finished(site.launch("slow"))

    failed = kinds(site.events(run), StepFailed)
    assert [event.error.summary for event in failed] == ["StepTimeoutError: Step 'slow' ran longer than its timeout of 0.3 s and was ended."] * 2
    assert [event.retry_after is None for event in failed] == [False, True]
    assert site.noted(f"cleaned_up.{run.id}.2")
    assert site.noted(f"page.slow.{run.id}")["kind"] == "StepTimeoutError"


def test_a_step_that_asks_for_it_is_tried_again(site: Site) -> None:
    run = site.finished(site.launch("patient"))

    assert run.status is RunStatus.SUCCEEDED
    assert [event.retry_after for event in kinds(site.events(run), StepFailed)] == [0.01, 0.01]
