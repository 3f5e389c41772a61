"""A worker takes runs from the queue and sees them through, whatever their processes do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from partita.execution.processes import list_processes
from partita.records.events import (
    AssetMaterialized,
    Event,
    LogLevel,
    LogWritten,
    PlanMade,
    ProcessStarted,
    RunStatusChanged,
    StepCanceled,
    StepFailed,
    StepStarted,
    StepSucceeded,
    StepUpstreamFailed,
)
from partita.records.runs import RunStatus
from support.sites import Site, a_site, is_alive, kill, processes_of

# One worker process of the test run has it all: setting up its processes takes longer than most tests.
SOURCE = """
@pt.asset
def numbers() -> list[int]:
    return [1, 2, 3]

@pt.asset
def doubled(numbers: list[int]) -> list[int]:
    print("doubling", numbers)
    return [2 * number for number in numbers]

@pt.asset
def measured(context: pt.AssetContext) -> pt.Materialization:
    before = context.latest("measured")
    return pt.Materialization(value=1, metadata={"before": before.data_version if before else "none"}, data_version=context.run_id)

@pt.asset(deps=[measured])
def looks_back(context: pt.AssetContext) -> None:
    seen = context.latest(measured)
    note(f"looked_back.{context.run_id}", version=seen.data_version, before=seen.metadata["before"], run=seen.run_id,
         day=context.latest("day", "2013-01-03") is not None, other=context.latest("day", "2013-01-04") is not None)

@pt.asset
def outsourced(sub: pt.Subprocess) -> None:
    code = "import os; from partita.external import current_step; print('from outside', flush=True); current_step().log('hello')"
    sub.run([sys.executable, "-c", code])

@pt.asset
def patient() -> int:
    databases = [path for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")
                 if ".db" in (path := os.readlink(f"/proc/self/fd/{fd}"))]
    note(f"patient.{os.environ['PARTITA_RUN']}", databases=databases)
    wait_for("go")
    return 1

@pt.asset
def after_patient(patient: int) -> int:
    return patient + 1

@pt.asset
def boom() -> int:
    raise ValueError("no luck")

@pt.asset
def after_boom(boom: int) -> int:
    return boom

@pt.asset
def exits_7() -> None:
    os._exit(7)

@pt.asset(retry=pt.Retry(max_retries=2, delay=0.05))
def third_time_lucky(context: pt.AssetContext) -> int:
    if context.attempt == 1:
        raise ValueError("first")
    if context.attempt == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return context.attempt

@pt.asset(timeout=0.5)
def slow() -> None:
    try:
        time.sleep(300)
    finally:
        note("slow_cleaned_up")

@pt.asset
def stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"],
                             start_new_session=True)
    time.sleep(0.3)
    note("stubborn", child=child.pid)
    time.sleep(300)

@pt.asset
def chatty(context: pt.AssetContext) -> int:
    for number in range(2000):
        context.log.info("line %d", number)
    return 1

@pt.op
def one() -> int:
    return 1

@pt.op
def add(a: int, b: int) -> int:
    return a + b

@pt.op
def counted(numbers: list[int]) -> int:
    return len(numbers)

@pt.graph_asset(key="marts/summed")
def summed(numbers: list[int]) -> int:
    return add(counted(numbers), one())

@pt.op
def fail_once(a: int) -> int:
    if not (SCRATCH / "mended").exists():
        raise RuntimeError("not yet")
    return a

@pt.job(executor=pt.in_process())
def together() -> None:
    add(one(), one())

@pt.job
def apart() -> None:
    add(one(), fail_once(one()))

@pt.op
def dies(a: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)

@pt.job(executor=pt.in_process())
def together_with_a_death() -> None:
    dies(one())
    add(one(), one())

@pt.op
def sleep() -> None:
    time.sleep(300)

@pt.job(timeout=0.5)
def limited() -> None:
    sleep()

class Wanted(pt.Config):
    count: int

@pt.op
def configured(config: Wanted) -> int:
    return config.count

@pt.job
def needs_config() -> None:
    configured()

DAYS = pt.DailyPartitions(start="2013-01-01", end="2013-01-10")

@pt.asset(partitions=DAYS)
def day(context: pt.AssetContext) -> str:
    return context.partition_key

main = pt.Repository("main", assets=pt.load_assets(sys.modules[__name__]),
                     jobs=[together, apart, together_with_a_death, limited, needs_config], resources={"sub": pt.Subprocess()})
"""


LINGERING = """
def wait(name: str, **options: object) -> None:
    threading.Thread(target=time.sleep, args=(300,), name=name, **options).start()

@pt.op
def lingers() -> None:
    wait("slow-writer")
    wait("poller", daemon=True)

@pt.op
def ends() -> None:
    from concurrent.futures import ThreadPoolExecutor
    ThreadPoolExecutor(1).submit(int)

@pt.job
def apart() -> None:
    lingers()
    ends()

@pt.job(executor=pt.in_process())
def together() -> None:
    lingers()
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with a_site(tmp_path_factory.mktemp("runs"), main=SOURCE) as made:
        made.work(cancel=1.0)
        yield made


def kinds(events: list[Event], *wanted: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, wanted)]


def test_a_run_tells_its_whole_story_in_order(site: Site) -> None:
    run = site.finished(site.launch("numbers", "doubled"))
    events = site.events(run)

    assert run.status is RunStatus.SUCCEEDED
    assert [event.status.value for event in kinds(events, RunStatusChanged)] == ["queued", "starting", "running", "succeeded"]
    story = [(type(event).__name__, event.step) for event in kinds(events, PlanMade, ProcessStarted, StepStarted, AssetMaterialized, StepSucceeded)]
    assert story == [
        ("PlanMade", None),
        ("ProcessStarted", "numbers"),
        ("StepStarted", "numbers"),
        ("AssetMaterialized", "numbers"),
        ("StepSucceeded", "numbers"),
        ("ProcessStarted", "doubled"),
        ("StepStarted", "doubled"),
        ("AssetMaterialized", "doubled"),
        ("StepSucceeded", "doubled"),
    ]
    assert run.catalog_hash == site.store.locations.current()["main"]


def test_a_step_asks_for_the_last_write_of_an_asset_be_it_of_this_run(site: Site) -> None:
    site.finished(site.launch("day", partition_keys=("2013-01-03",)))
    first = site.finished(site.launch("measured", "looks_back"))
    second = site.finished(site.launch("measured", "looks_back"))

    assert [first.status, second.status] == [RunStatus.SUCCEEDED] * 2
    facts = site.noted(f"looked_back.{second.id}")
    assert (facts["version"], facts["before"], facts["run"]) == (second.id, first.id, second.id)
    assert (facts["day"], facts["other"]) == (True, False)


def test_an_asset_of_ops_is_written_by_steps_of_their_own_processes(site: Site) -> None:
    run = site.finished(site.launch("numbers", "marts/summed"))

    assert run.status is RunStatus.SUCCEEDED
    assert site.steps(run) == dict.fromkeys(["numbers", "marts/summed.counted", "marts/summed.one", "marts/summed.add", "marts/summed"], "succeeded")
    assert [event.asset for event in kinds(site.events(run), AssetMaterialized)] == ["numbers", "marts/summed"]


def test_what_a_step_prints_is_kept_beside_its_run(site: Site) -> None:
    run = site.finished(site.launch("numbers", "doubled"))

    assert (site.settings.logs_directory / run.id / "doubled.1.out").read_text() == "doubling [1, 2, 3]\n"


def test_what_an_external_program_prints_and_tells_is_its_steps(site: Site) -> None:
    run = site.finished(site.launch("outsourced"))

    assert run.status is RunStatus.SUCCEEDED
    assert (site.settings.logs_directory / run.id / "outsourced.1.out").read_text() == "from outside\n"
    assert [event.message for event in kinds(site.events(run), LogWritten)] == ["hello"]


def test_a_trivial_run_is_one_process_made_by_a_fork(site: Site) -> None:
    run = site.launch("patient")
    site.noted(f"patient.{run.id}:1")

    assert len(processes_of(run)) == 1
    site.allow("go")
    started = kinds(site.events(site.finished(run)), ProcessStarted)
    assert [event.how for event in started] == ["fork"]
    assert not processes_of(run)
    (site.scratch / "go").unlink()


def test_no_user_process_has_the_database_open(site: Site) -> None:
    run = site.launch("patient")
    facts = site.noted(f"patient.{run.id}:1")

    zygotes = processes_with_marker("zygote.")
    for pid in [facts["pid"], *zygotes]:
        assert not [name for name in open_files(pid) if str(site.settings.home / "partita.db") in name]
    assert facts["databases"] == []
    assert zygotes
    site.store.runs.request_cancel(run.id, force=True)
    site.finished(run)


def test_a_failed_step_ends_what_is_behind_it_and_the_run(site: Site) -> None:
    run = site.finished(site.launch("boom", "after_boom", "numbers"))

    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert run.error.message == "Step 'boom' failed: ValueError: no luck"
    assert site.steps(run) == {"numbers": "succeeded", "boom": "failed", "after_boom": "upstream_failed"}
    assert [event.causes for event in kinds(site.events(run), StepUpstreamFailed)] == [("boom",)]


def test_an_exit_code_is_the_reason_of_a_failure(site: Site) -> None:
    run = site.finished(site.launch("exits_7"))

    [failed] = kinds(site.events(run), StepFailed)
    assert failed.error.message == "The process of step 'exits_7' exited with code 7 before it was done."


def test_a_killed_process_fails_its_step_and_says_by_what(site: Site) -> None:
    run = site.launch("patient", "after_patient")
    pid = site.noted(f"patient.{run.id}:1")["pid"]

    kill(pid)

    assert site.finished(run).status is RunStatus.FAILED
    [failed] = kinds(site.events(run), StepFailed)
    assert "killed by signal 9 (SIGKILL)" in failed.error.message
    assert site.steps(run) == {"patient": "failed", "after_patient": "upstream_failed"}


def test_failed_attempts_are_tried_again_whether_they_raised_or_died(site: Site) -> None:
    run = site.finished(site.launch("third_time_lucky"))

    assert run.status is RunStatus.SUCCEEDED
    assert [event.attempt for event in kinds(site.events(run), StepStarted)] == [1, 2, 3]
    assert [event.retry_after for event in kinds(site.events(run), StepFailed)] == [0.05, 0.05]
    [step] = site.store.runs.steps([run.id])[run.id]
    assert step.attempt == 3


def test_a_step_that_takes_too_long_is_ended_and_may_clean_up(site: Site) -> None:
    run = site.finished(site.launch("slow"))

    [failed] = kinds(site.events(run), StepFailed)
    assert failed.error.class_name == "StepTimeoutError"
    assert "0.5 s" in failed.error.message
    assert (site.scratch / "slow_cleaned_up").exists()


def test_a_run_that_takes_too_long_is_ended(site: Site) -> None:
    run = site.finished(site.launch(job="limited"))

    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert run.error.summary == "RunTimeoutError: The run took longer than its timeout of 0.5 s and was ended."


def test_a_cancelled_run_ends_with_all_that_it_started(site: Site) -> None:
    run = site.launch("stubborn", "numbers")
    facts = site.noted("stubborn")

    canceling = site.store.runs.request_cancel(run.id, force=False)
    began = time.monotonic()

    assert canceling.status is RunStatus.CANCELING
    assert site.finished(run).status is RunStatus.CANCELED
    assert 0.9 < time.monotonic() - began < 5
    assert not is_alive(facts["pid"])
    assert not is_alive(facts["child"])
    assert not processes_of(run)
    assert site.steps(run)["stubborn"] == "canceled"
    (site.scratch / "stubborn").unlink()


def test_force_ends_a_stubborn_run_at_once(site: Site) -> None:
    run = site.launch("stubborn")
    facts = site.noted("stubborn")
    began = time.monotonic()

    site.store.runs.request_cancel(run.id, force=True)

    assert site.finished(run).status is RunStatus.CANCELED
    assert time.monotonic() - began < 0.9
    assert not is_alive(facts["child"])
    (site.scratch / "stubborn").unlink()


def test_a_thread_that_is_no_daemon_holds_its_process_for_a_while_and_is_named(tmp_path: Path) -> None:
    with a_site(tmp_path, main=LINGERING) as site:
        site.work(linger=1.5)
        apart, together = (site.finished(site.launch(job=job)) for job in ("apart", "together"))

        assert (apart.status, together.status) == (RunStatus.SUCCEEDED, RunStatus.SUCCEEDED)
        for run in (apart, together):
            [warning] = [event for event in site.events(run) if isinstance(event, LogWritten)]
            assert warning.level is LogLevel.WARNING
            assert "did not end within 1.5 s after its work was done, because it waits for thread slow-writer; it is told" in warning.message


def test_sigterm_from_outside_is_a_failure_and_no_cancellation(site: Site) -> None:
    run = site.launch("patient")
    os.kill(site.noted(f"patient.{run.id}:1")["pid"], signal.SIGTERM)

    assert site.finished(run).status is RunStatus.FAILED
    assert not kinds(site.events(run), StepCanceled)


def test_every_log_record_is_kept_in_order(site: Site) -> None:
    run = site.finished(site.launch("chatty"))

    assert [event.message for event in kinds(site.events(run), LogWritten)] == [f"line {number}" for number in range(2000)]


def test_one_process_runs_a_whole_job_in_process(site: Site) -> None:
    run = site.finished(site.launch(job="together"))
    events = site.events(run)

    assert run.status is RunStatus.SUCCEEDED
    assert len(kinds(events, ProcessStarted)) == 1
    assert set(site.steps(run).values()) == {"succeeded"}


def test_what_is_left_of_a_job_in_process_goes_on_after_a_death(site: Site) -> None:
    run = site.finished(site.launch(job="together_with_a_death"))

    assert run.status is RunStatus.FAILED
    assert site.steps(run) == {"one": "succeeded", "dies": "failed", "one_2": "succeeded", "one_3": "succeeded", "add": "succeeded"}


def test_a_job_is_resumed_from_its_failure(site: Site) -> None:
    (site.scratch / "mended").unlink(missing_ok=True)
    first = site.finished(site.launch(job="apart"))
    second = site.finished(site.launch(job="apart", parent_id=first.id, is_resumed=True))
    site.allow("mended")
    third = site.finished(site.launch(job="apart", parent_id=second.id, is_resumed=True))

    assert [first.status, second.status, third.status] == [RunStatus.FAILED, RunStatus.FAILED, RunStatus.SUCCEEDED]
    [plan] = kinds(site.events(third), PlanMade)
    assert (sorted(plan.reused), sorted(plan.steps)) == (["one", "one_2"], ["add", "fail_once"])
    assert len(kinds(site.events(third), ProcessStarted)) == 2


def test_one_step_is_executed_again_with_the_outputs_of_the_run_before(site: Site) -> None:
    site.allow("mended")
    first = site.finished(site.launch(job="apart"))

    again = site.finished(site.launch(job="apart", parent_id=first.id, steps=("add",)))

    assert again.status is RunStatus.SUCCEEDED
    assert site.steps(again) == {"add": "succeeded"}


@pytest.mark.parametrize(
    ("request_fields", "problem"),
    [
        ({"job": "togethr"}, "There is no job 'togethr'. Did you mean 'together'?"),
        ({"job": "needs_config"}, "Config at steps.configured"),
        ({"job": "together", "steps": ("nope",)}, "nope"),
    ],
)
def test_a_run_that_cannot_be_planned_fails_and_says_why(site: Site, request_fields: dict[str, Any], problem: str) -> None:
    run = site.finished(site.launch(**request_fields))

    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert problem in run.error.message
    assert not kinds(site.events(run), ProcessStarted)


def test_partitions_are_written_each_by_its_own_run(site: Site) -> None:
    keys = [f"2013-01-0{number}" for number in range(1, 8)]
    runs = [site.launch("day", partition_keys=(key,)) for key in keys]

    assert {site.finished(run).status for run in runs} == {RunStatus.SUCCEEDED}
    written = [event.partition for run in runs for event in kinds(site.events(run), AssetMaterialized)]
    assert written == keys


def test_a_run_that_is_cancelled_before_it_is_claimed_never_begins(site: Site) -> None:
    worker = site.services[0]
    worker.pause()
    run = site.launch("numbers")
    site.store.runs.request_cancel(run.id)
    worker.resume()

    later = site.finished(site.launch("numbers"))

    assert later.status is RunStatus.SUCCEEDED
    assert not kinds(site.events(run), ProcessStarted)


def test_an_idle_worker_costs_next_to_nothing(site: Site) -> None:
    site.finished(site.launch("numbers"))
    before, began = cpu_seconds(site.services[0].pid), time.monotonic()

    time.sleep(1.5)

    assert (cpu_seconds(site.services[0].pid) - before) / (time.monotonic() - began) < 0.08


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_files(pid: int) -> list[str]:
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except OSError:
            continue
    return found


def processes_with_marker(prefix: str) -> list[int]:
    return [process.pid for process in list_processes() if process.marker.startswith(prefix)]
