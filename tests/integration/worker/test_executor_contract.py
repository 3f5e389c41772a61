"""What every executor promises, on a real worker: the same jobs, run in one process, in threads, and in a process for each step."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from partita.records.events import (
    AssetMaterialized,
    Event,
    LogWritten,
    ProcessStarted,
    StepCanceled,
    StepFailed,
    StepSkipped,
    StepsMapped,
    StepStarted,
    StepSucceeded,
    StepUpstreamFailed,
)
from partita.records.runs import Run, RunStatus
from support.sites import Site, a_site, processes_of
from support.waiting import eventually

SOURCE = """
import asyncio, logging

EXECUTORS = {"in_process": pt.in_process(), "threads": pt.threads(3), "processes": pt.processes(3)}


def meet(name: str, count: int) -> None:
    \"\"\"Wait until `count` of them are here at once.\"\"\"
    (SCRATCH / f"{name}.{os.urandom(4).hex()}").touch()
    give_up_at = time.monotonic() + 20
    while len(list(SCRATCH.glob(f"{name}.*"))) < count:
        assert time.monotonic() < give_up_at, f"{name}: the others do not come"
        time.sleep(0.005)


@pt.op
def two() -> int:
    return 2

@pt.op
def add(a: int, b: int) -> int:
    return a + b

@pt.op
def boom(a: int) -> int:
    raise pt.Failure("no luck", metadata={"tried": a})

@pt.op(out={"left": pt.Out(optional=True), "right": pt.Out(optional=True)})
def branch(a: int):
    yield pt.Output(a, output="left")

@pt.op(retry=pt.Retry(max_retries=2, delay=0.01))
def moody(context: pt.OpContext) -> int:
    if context.attempt < 3:
        raise RuntimeError(f"attempt {context.attempt}")
    return context.attempt

@pt.op(out=pt.DynamicOut())
def shards():
    for name in "abc":
        yield pt.DynamicOutput(name, mapping_key=name)

@pt.op
def shout(x: str) -> str:
    return x.upper()

@pt.op
def join(xs: list[str]) -> str:
    return "".join(xs)

@pt.op(tags={"n": "1"})
def loud(context: pt.OpContext) -> None:
    meet(f"loud.{context.run_id}", 3 if context.job_name != "prints_in_process" else 1)
    for number in range(50):
        print(f"{context.step_key} {number}")
        print(f"{context.step_key} {number}", file=sys.stderr)
    sys.stdout.buffer.write(b"\\xff bytes\\n")
    logging.getLogger("library").warning("from %s", context.step_key)

@pt.op
def outside(context: pt.OpContext, sub: pt.Subprocess) -> None:
    meet(f"outside.{context.run_id}", 2 if context.job_name != "programs_in_process" else 1)
    sub.run(["sh", "-c", f"echo out {context.step_key}; echo err {context.step_key} >&2"])

@pt.op
async def outside_async(context: pt.OpContext, sub: pt.Subprocess) -> None:
    await asyncio.sleep(0.05)
    sub.run(["sh", "-c", f"echo out {context.step_key}; echo err {context.step_key} >&2"])

@pt.op
async def waits(context: pt.OpContext) -> str:
    print("begins", context.step_key)
    meeting = f"waits.{context.run_id}"
    (SCRATCH / f"{meeting}.{context.step_key}").touch()
    while len(list(SCRATCH.glob(f"{meeting}.*"))) < 5:
        await asyncio.sleep(0.005)
    print("ends", context.step_key)
    logging.getLogger("library").warning("from %s", context.step_key)
    return context.step_key

@pt.op
async def waits_in_vain() -> int:
    try:
        await asyncio.sleep(300)
    finally:
        print("cleans up", flush=True)
        await asyncio.sleep(0.01)
        print("cleaned up", flush=True)
        note("async_cleanup")

@pt.op(timeout=0.2)
def too_slow() -> None:
    try:
        while True:
            time.sleep(0.01)
    finally:
        note("slow_cleanup")

@pt.op(timeout=0.2)
async def too_slow_async() -> None:
    await asyncio.sleep(300)

@pt.op(timeout=0.1)
async def cleans_up_slowly() -> None:
    try:
        await asyncio.sleep(300)
    finally:
        await asyncio.sleep(1.5)
        print("cleaned up", flush=True)

@pt.op
async def exits_async() -> None:
    raise SystemExit(4)

@pt.op
async def interrupts_async() -> None:
    await asyncio.sleep(0)
    raise KeyboardInterrupt

@pt.op
async def goes_on() -> int:
    await asyncio.sleep(2)
    return 1

@pt.op
def patient(context: pt.OpContext) -> int:
    note(f"patient.{context.run_id}")
    try:
        while True:
            time.sleep(0.01)
    finally:
        note("cleanup", knows=context.is_cancelled)

@pt.op
def after(x: object) -> int:
    return 1

@pt.op(pool="tool")
def uses_tool(context: pt.OpContext) -> None:
    others = SCRATCH / f"tool.{context.run_id}"
    assert not others.exists(), "two at once"
    others.touch()
    time.sleep(0.03)
    others.unlink()

@pt.op
def dies() -> None:
    os._exit(7)

@pt.op
def leaves_a_thread() -> int:
    threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
    return 1

@pt.op
def raises_exit() -> None:
    raise SystemExit(3)


def branches() -> None:
    chosen = branch(add(two(), two()))
    add.alias("taken")(chosen.left, two.alias("more")())
    add.alias("left_out")(chosen.right, two.alias("less")())

def failing() -> None:
    after.alias("behind_behind")(after.alias("behind")(boom(two())))
    after.alias("beside")(add(two.alias("a")(), two.alias("b")()))

def retried() -> None:
    after(moody())

def mapped() -> None:
    join(shards().map(shout).collect())

def prints() -> None:
    for number in range(3):
        loud.alias(f"loud_{number}")()

def programs() -> None:
    for number in range(2):
        outside.alias(f"outside_{number}")()
        outside_async.alias(f"async_{number}")()

def waiting() -> None:
    for number in range(5):
        after.alias(f"after_{number}")(waits.alias(f"waits_{number}")())

def slow() -> None:
    too_slow(); too_slow_async(); two()

def endless() -> None:
    after(patient())

def endless_async() -> None:
    for number in range(3):
        after.alias(f"after_{number}")(waits_in_vain.alias(f"waits_{number}")())

def turns() -> None:
    for number in range(4):
        uses_tool.alias(f"tool_{number}")()

def deadly() -> None:
    dies(); add(two(), two.alias("b")())

def rough_async() -> None:
    cleans_up_slowly(); exits_async(); interrupts_async(); after(goes_on())

def rough() -> None:
    leaves_a_thread(); raises_exit(); two()

BODIES = [branches, failing, retried, mapped, prints, programs, waiting, slow, endless, endless_async, turns, deadly, rough, rough_async]

def job_of(body, kind: str):
    # a job for each executor, of one body
    named = type(body)(body.__code__, body.__globals__, f"{body.__name__}_{kind}")
    return pt.job(executor=EXECUTORS[kind])(named)

def assets_of(kind: str):
    @pt.asset(key=f"base_{kind}", code_version="1")
    def base() -> int:
        return 1

    @pt.asset(key=f"above_{kind}", code_version="1", ins={"base": pt.In(key=f"base_{kind}")})
    def above(base: int) -> int:
        return base + 1

    return [base, above]

ASSETS = [each for kind in EXECUTORS for each in assets_of(kind)]
ASSET_JOBS = [pt.asset_job(f"assets_{kind}", selection=f"base_{kind} or above_{kind}", executor=EXECUTORS[kind]) for kind in EXECUTORS]

main = pt.Repository("main", assets=ASSETS, jobs=[*ASSET_JOBS, *[job_of(body, kind) for kind in EXECUTORS for body in BODIES]],
                     resources={"sub": pt.Subprocess()})
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with a_site(tmp_path_factory.mktemp("contract"), main=SOURCE) as made:
        made.work(cancel=5, linger=1)
        yield made


@pytest.fixture(params=["in_process", "threads", "processes"])
def kind(request: pytest.FixtureRequest, site: Site) -> str:
    for name in ("slow_cleanup", "cleanup", "async_cleanup"):
        (site.scratch / name).unlink(missing_ok=True)
    return str(request.param)


def run(site: Site, job: str) -> Run:
    return site.finished(site.launch(job=job))


def of(events: list[Event], step: str, *kinds: type[Event]) -> list[Event]:
    return [event for event in events if event.step == step and isinstance(event, kinds)]


def printed(site: Site, ended: Run, step: str, *, attempt: int = 1, stream: str = "out") -> str:
    return (site.settings.logs_directory / ended.id / f"{step}.{attempt}.{stream}").read_text(errors="replace")


def processes_started(events: list[Event]) -> int:
    return sum(isinstance(event, ProcessStarted) for event in events)


def test_values_flow_and_what_was_not_produced_is_skipped(site: Site, kind: str) -> None:
    ended = run(site, f"branches_{kind}")

    assert ended.status is RunStatus.SUCCEEDED
    steps = site.steps(ended)
    assert (steps["taken"], steps["left_out"]) == ("succeeded", "skipped")
    [skipped] = of(site.events(ended), "left_out", StepSkipped)
    assert "branch" in skipped.reason  # type: ignore[union-attr]


def test_a_failure_stops_what_is_behind_it_and_nothing_else(site: Site, kind: str) -> None:
    ended = run(site, f"failing_{kind}")

    assert ended.status is RunStatus.FAILED
    steps = site.steps(ended)
    assert {key for key, status in steps.items() if status != "succeeded"} == {"boom", "behind", "behind_behind"}
    events = site.events(ended)
    [failed] = of(events, "boom", StepFailed)
    assert isinstance(failed, StepFailed)
    assert (failed.error.message, [entry.label for entry in failed.metadata]) == ("no luck", ["tried"])
    causes = {event.step: event.causes for event in events if isinstance(event, StepUpstreamFailed)}
    assert causes == {"behind": ("boom",), "behind_behind": ("boom",)}


def test_a_step_is_tried_again_as_its_policy_says(site: Site, kind: str) -> None:
    ended = run(site, f"retried_{kind}")

    assert ended.status is RunStatus.SUCCEEDED
    events = site.events(ended)
    assert [event.attempt for event in of(events, "moody", StepStarted)] == [1, 2, 3]
    assert [event.retry_after for event in of(events, "moody", StepFailed)] == [0.01, 0.01]  # type: ignore[union-attr]


def test_a_dynamic_output_has_a_step_for_each_item(site: Site, kind: str) -> None:
    ended = run(site, f"mapped_{kind}")

    assert site.steps(ended) == dict.fromkeys(["shards", "shout[a]", "shout[b]", "shout[c]", "join"], "succeeded")
    assert [event.keys for event in site.events(ended) if isinstance(event, StepsMapped)] == [("a", "b", "c")]


def test_what_a_step_prints_and_logs_is_its_own_also_beside_others(site: Site, kind: str) -> None:
    ended = run(site, f"prints_{kind}")

    assert ended.status is RunStatus.SUCCEEDED, site.events(ended)
    for step in ("loud_0", "loud_1", "loud_2"):
        assert printed(site, ended, step) == "".join(f"{step} {number}\n" for number in range(50)) + "\ufffd bytes\n"
        assert printed(site, ended, step, stream="err") == "".join(f"{step} {number}\n" for number in range(50))
    records = [(event.step, event.message) for event in site.events(ended) if isinstance(event, LogWritten) and event.logger == "library"]
    assert sorted(records) == [(f"loud_{number}", f"from loud_{number}") for number in range(3)]


def test_what_a_program_prints_is_kept_with_the_step_that_runs_it_also_beside_others(site: Site, kind: str) -> None:
    ended = run(site, f"programs_{kind}")

    assert ended.status is RunStatus.SUCCEEDED, site.events(ended)
    for step in ("outside_0", "outside_1", "async_0", "async_1"):
        assert printed(site, ended, step) == f"out {step}\n"
        assert printed(site, ended, step, stream="err") == f"err {step}\n"


def test_async_functions_wait_together_in_one_process(site: Site, kind: str) -> None:
    ended = run(site, f"waiting_{kind}")

    assert ended.status is RunStatus.SUCCEEDED
    events = site.events(ended)
    # what comes behind them has a process each where steps have
    assert processes_started(events) == (1 + 5 if kind == "processes" else 1)
    for step in (f"waits_{number}" for number in range(5)):
        assert printed(site, ended, step) == f"begins {step}\nends {step}\n"
        assert [event.message for event in of(events, step, LogWritten)] == [f"from {step}"]  # type: ignore[union-attr]


def test_a_step_that_takes_too_long_is_ended_and_its_finally_blocks_run(site: Site, kind: str) -> None:
    ended = run(site, f"slow_{kind}")

    assert site.steps(ended) == {"too_slow": "failed", "too_slow_async": "failed", "two": "succeeded"}
    for step in ("too_slow", "too_slow_async"):
        [failed] = of(site.events(ended), step, StepFailed)
        assert isinstance(failed, StepFailed)
        assert failed.error.class_name == "StepTimeoutError"
    site.noted("slow_cleanup")


def test_one_async_function_that_does_what_none_should_harms_no_other(site: Site, kind: str) -> None:
    ended = run(site, f"rough_async_{kind}")

    failed = {event.step: event.error.class_name for event in site.events(ended) if isinstance(event, StepFailed)}
    assert failed == {"cleans_up_slowly": "StepTimeoutError", "exits_async": "SystemExit", "interrupts_async": "KeyboardInterrupt"}
    assert site.steps(ended)["after"] == "succeeded"
    assert printed(site, ended, "cleans_up_slowly") == "cleaned up\n"


def test_a_cancelled_run_ends_what_runs_and_starts_nothing_else(site: Site, kind: str) -> None:
    begun = site.launch(job=f"endless_{kind}")
    site.noted(f"patient.{begun.id}")
    site.store.runs.request_cancel(begun.id)
    ended = site.finished(begun)

    assert ended.status is RunStatus.CANCELED
    assert site.steps(ended) == {"patient": "canceled", "after": "canceled"}
    assert site.noted("cleanup")["knows"]
    assert [event.step for event in site.events(ended) if isinstance(event, StepCanceled)] == ["patient", "after"]
    assert processes_of(ended) == []


def test_cancelled_async_functions_run_their_finally_blocks(site: Site, kind: str) -> None:
    begun = site.launch(job=f"endless_async_{kind}")
    site.reached(begun, RunStatus.RUNNING)
    eventually(lambda: sum(isinstance(event, StepStarted) for event in site.events(begun)) == 3, what="three steps to wait")
    site.store.runs.request_cancel(begun.id)
    ended = site.finished(begun)

    assert ended.status is RunStatus.CANCELED
    assert set(site.steps(ended).values()) == {"canceled"}
    site.noted("async_cleanup")
    for number in range(3):
        assert printed(site, ended, f"waits_{number}") == "cleans up\ncleaned up\n"


def test_steps_of_one_pool_take_turns(site: Site, kind: str) -> None:
    ended = run(site, f"turns_{kind}")

    assert ended.status is RunStatus.SUCCEEDED, site.events(ended)
    assert set(site.steps(ended).values()) == {"succeeded"}


def test_a_step_that_ends_its_process_fails_and_the_rest_goes_on(site: Site, kind: str) -> None:
    ended = run(site, f"deadly_{kind}")

    steps = site.steps(ended)
    assert steps.pop("dies") == "failed"
    if kind == "threads":
        # what ran beside it in the same process has died with it
        assert set(steps.values()) <= {"succeeded", "failed", "upstream_failed"}
    else:
        assert set(steps.values()) == {"succeeded"}
    [failed] = of(site.events(ended), "dies", StepFailed)
    assert isinstance(failed, StepFailed)
    assert "exited with code 7" in failed.error.message


def test_a_step_that_leaves_a_thread_or_wants_to_exit_harms_nobody(site: Site, kind: str) -> None:
    ended = run(site, f"rough_{kind}")

    assert site.steps(ended) == {"leaves_a_thread": "succeeded", "raises_exit": "failed", "two": "succeeded"}
    [failed] = of(site.events(ended), "raises_exit", StepFailed)
    assert isinstance(failed, StepFailed)
    assert failed.error.class_name == "SystemExit"


def test_what_is_unchanged_is_not_executed_where_that_is_asked_for(site: Site, kind: str) -> None:
    first = run(site, f"assets_{kind}")
    again = site.finished(site.launch(job=f"assets_{kind}", skip_unchanged=True))

    assert (first.status, again.status) == (RunStatus.SUCCEEDED, RunStatus.SUCCEEDED)
    assert site.steps(again) == {f"base_{kind}": "succeeded", f"above_{kind}": "succeeded"}
    written = [event.asset for event in site.events(again) if isinstance(event, AssetMaterialized)]
    assert written == []
    assert site.store.runs.stats([again.id])[again.id].materializations == 0


def test_every_step_that_began_has_ended(site: Site) -> None:
    for ended in site.store.runs.list().items:
        events = site.events(ended)
        begun = [(event.step, event.attempt) for event in events if isinstance(event, StepStarted)]
        over = [(event.step, event.attempt) for event in events if isinstance(event, (StepSucceeded, StepFailed, StepCanceled))]
        assert set(begun) <= set(over), ended.request.job
        assert len(set(over)) == len(over), ended.request.job
