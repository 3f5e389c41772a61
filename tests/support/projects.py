"""Small workspaces for tests: a folder with `partita.toml` and one module per code location."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

ORDINARY = '''
import json, os, signal, subprocess, sys, time
from pathlib import Path

import partita as pt

SCRATCH = Path(__file__).parent / "scratch"


def note(name: str, **facts: object) -> None:
    """Tell the test where this step runs."""
    SCRATCH.mkdir(exist_ok=True)
    part = SCRATCH / f".{name}"
    part.write_text(json.dumps({"pid": os.getpid(), **facts}))
    part.rename(SCRATCH / name)


def wait_for(name: str, seconds: float = 60.0) -> None:
    """Until the test allows it."""
    deadline = time.monotonic() + seconds
    while not (SCRATCH / name).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(name)
        time.sleep(0.01)


@pt.asset
def one() -> int:
    """The first number."""
    return 1


@pt.asset
def two(one: int) -> int:
    return one + 1


DAYS = pt.DailyPartitions(start="2013-01-01", end="2013-02-01")


@pt.asset(partitions=DAYS, group="daily")
def day(context: pt.AssetContext) -> str:
    return context.partition_key


@pt.asset(partitions=DAYS, group="daily")
def days(context: pt.AssetContext) -> dict[str, int]:
    """Several days in one run."""
    return {key: len(key) for key in context.partition_keys}


@pt.asset_check(asset=two)
def two_is_two(two: int) -> pt.CheckResult:
    return pt.CheckResult(passed=two == 2)


@pt.op
def trivial() -> int:
    return 1


@pt.job
def trivial_job() -> None:
    trivial()


class Limit(pt.Config):
    limit: int = 3


@pt.op
def count(context: pt.OpContext, config: Limit) -> int:
    for number in range(config.limit):
        context.log.info("number %d", number)
    print("printed")
    return config.limit


@pt.job
def counting() -> None:
    count()


@pt.op
def patient(context: pt.OpContext) -> str:
    note("patient", fds=[os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")])
    wait_for("go")
    return "done"


@pt.job
def patient_job() -> None:
    patient()


@pt.op
def unmarked(context: pt.OpContext) -> None:
    """Leave something that carries nothing of ours, in a session of its own."""
    left = subprocess.Popen(["sleep", "7777"], env={}, start_new_session=True)
    note("unmarked", left=left.pid)
    wait_for("go")


@pt.job
def unmarked_job() -> None:
    unmarked()


@pt.op
def talkative(context: pt.OpContext) -> int:
    """Log a numbered line every few milliseconds until told to stop."""
    number = 0
    while not (SCRATCH / "stop").exists():
        context.log.info("line %d", number)
        number += 1
        time.sleep(0.005)
    return number


@pt.job
def talkative_job() -> None:
    talkative()


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"


@pt.op
def stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", STUBBORN], start_new_session=True)
    note("stubborn", child=child.pid)
    time.sleep(300)


@pt.job
def stubborn_job() -> None:
    stubborn()


@pt.op
def boom() -> None:
    raise ValueError("no such luck")


@pt.op(ins={"after": pt.In(pt.Nothing)})
def never() -> None:
    print("never")


@pt.job
def failing() -> None:
    never(boom())


JOBS = [trivial_job, counting, patient_job, unmarked_job, talkative_job, stubborn_job, failing]
definitions = pt.Repository("main", assets=[one, two, day, days], checks=[two_is_two], jobs=JOBS)
'''

BROKEN = """
import partita as pt

import no_such_module_anywhere
"""


def make_project(folder: Path, **modules: str) -> Path:
    """A workspace in `folder` with a location per module, given as source text; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    locations = []
    for name, source in (modules or {"ordinary": ORDINARY}).items():
        (folder / f"{name}.py").write_text(dedent(source).lstrip())
        locations.append(f'[[location]]\nname = "{name}"\nfile = "{name}.py"\n')
    (folder / "partita.toml").write_text("\n".join(locations))
    return folder
