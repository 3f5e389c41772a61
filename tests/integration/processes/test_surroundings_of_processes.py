"""User code finds in a forked process what a new interpreter would give it; all that it tells arrives whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from partita.execution.children import Death
from partita.execution.surroundings import IMPORT_ENVIRON
from partita.records.events import LogWritten, ProgressMade, StepFailed
from support.wards import Ward, a_ward

# One worker process of the test run has it all: setting up its processes takes longer than most tests.
STEPS = '''
import atexit, logging, random, tempfile
import numpy

logging.basicConfig(filename=SCRATCH / "user.log", filemode="w", level="INFO")
logging.info("imported in %d", os.getpid())
os.environ["SET_BY_MODULE"] = "yes"
DURING_IMPORT = dict(os.environ)
SHARED = tempfile.TemporaryDirectory(dir=SCRATCH)
atexit.register(note, "exit_handler_of_import")


@pt.asset
def looks(context: pt.AssetContext) -> None:
    logging.info("ran in %d", os.getpid())
    atexit.register(note, "exit_handler_of_step")
    descriptors = {}
    for name in os.listdir("/proc/self/fd"):
        if os.path.exists(path := f"/proc/self/fd/{name}"):
            descriptors[name] = os.readlink(path)
    context.log.info(json.dumps({
        "random": random.random(),
        "numpy": float(numpy.random.rand()),
        "environ": {**os.environ},
        "during_import": DURING_IMPORT,
        "descriptors": descriptors,
        "shared": os.path.isdir(SHARED.name),
        "directory": os.getcwd(),
        "parent": os.getppid(),
        "session": os.getsid(0) == os.getpid(),
        "shown": open("/proc/self/environ", "rb").read().decode(errors="replace").replace("\\0", "\\n"),
    }))


@pt.asset
def talks(context: pt.AssetContext) -> None:
    """A thousand facts of all sizes, while a timer interrupts whatever runs."""
    number, is_telling = 0, False

    def ring(*_: object) -> None:
        nonlocal is_telling
        if is_telling:
            is_telling = False
            raise TimeoutError

    signal.signal(signal.SIGALRM, ring)
    if os.environ.get("NOISY"):
        signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
    while number < 1000:
        text = "p" * (number * 37 % 3000 + (number % 100 == 0) * 10_000)
        try:
            is_telling = True
            context.progress(number, message=text)
            is_telling = False
            number += 1
        except TimeoutError:
            pass
    signal.setitimer(signal.ITIMER_REAL, 0)


@pt.asset
def forks(context: pt.AssetContext) -> None:
    """Children that log are welcome; one that runs on into our code is not."""
    for number in range(4):
        if (pid := os.fork()) == 0:
            context.log.info("from a fork")
            os._exit(0)
        os.waitpid(pid, 0)
    if (pid := os.fork()) == 0:
        return
    note("forked", code=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


@pt.asset
def big() -> pt.Materialization:
    return pt.Materialization(value=1, metadata={"text": "x" * 10_000_000})
'''


@pytest.fixture(scope="module", params=["fork", "spawn"])
def ward(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    os.environ["OMP_NUM_THREADS"] = "2"
    try:
        with a_ward(tmp_path_factory.mktemp("surroundings")) as made:
            made.zygote = made.load(STEPS, start=request.param)  # type: ignore[attr-defined]
            yield made
    finally:
        del os.environ["OMP_NUM_THREADS"]


def look(ward: Ward, **env: str) -> dict[str, Any]:
    child = ward.run(ward.zygote, "looks", env=env)  # type: ignore[attr-defined]
    assert child.death == Death(code=0), child.output.read_text()
    seen: dict[str, Any] = json.loads(ward.messages(child)[-1])
    return {**seen, "marker": child.marker}


def test_a_process_looks_like_a_new_interpreter(ward: Ward) -> None:
    first, second = look(ward, ADDED="1"), look(ward)

    assert first["random"] != second["random"]
    assert first["numpy"] != second["numpy"]
    assert first["environ"]["ADDED"] == "1"
    assert "ADDED" not in second["environ"]
    assert first["environ"]["SET_BY_MODULE"] == "yes"
    assert first["environ"]["OMP_NUM_THREADS"] == "2"
    assert set(IMPORT_ENVIRON) - set(first["environ"]) == set(IMPORT_ENVIRON) - {"OMP_NUM_THREADS"}
    assert first["shared"]
    assert second["shared"]
    assert first["directory"] == str(ward.folder)
    assert first["parent"] == os.getpid()
    assert first["session"]


def test_a_process_shows_its_marker_to_others(ward: Ward) -> None:
    seen = look(ward)

    assert seen["environ"]["PARTITA_RUN"] == seen["marker"]
    assert f"PARTITA_RUN={seen['marker']}\n" in seen["shown"]
    assert f"PARTITA_WORKER={ward.supervisor.token}\n" in seen["shown"]


def test_a_process_has_no_descriptors_but_its_own(ward: Ward) -> None:
    held = [target.split(":")[0] for name, target in look(ward)["descriptors"].items() if int(name) > 2]

    assert sorted(held) == sorted(["socket", str(ward.folder / "scratch" / "user.log"), *[target for target in held if "_process" in target]])


def test_log_files_are_shared_and_never_emptied(ward: Ward) -> None:
    look(ward)
    look(ward)

    assert (ward.folder / "scratch" / "user.log").read_text().count("ran in") >= (2 if ward.zygote.start == "fork" else 1)  # type: ignore[attr-defined]


def test_exit_handlers_of_the_step_run_and_those_of_the_import_do_not(ward: Ward) -> None:
    look(ward)

    assert (ward.folder / "scratch" / "exit_handler_of_step").exists()
    assert not (ward.folder / "scratch" / "exit_handler_of_import").exists()


def test_events_of_eight_processes_arrive_whole_and_in_order(ward: Ward) -> None:
    children = [ward.start(ward.zygote, "talks", env={"NOISY": "1"} if number % 2 else {}) for number in range(8)]  # type: ignore[attr-defined]
    deaths = [ward.end_of(child, seconds=60) for child in children]

    for number, child in enumerate(children):
        told = [event for event in ward.events(child) if isinstance(event, ProgressMade)]
        seen = [int(event.done) for event in told]
        assert [len(event.message or "") for event in told] == [seq * 37 % 3000 + (seq % 100 == 0) * 10_000 for seq in seen]
        # A fact that the timer interrupted may have been sent, and is sent again.
        assert (sorted(set(seen)) if number % 2 else seen) == list(range(1000))
        assert deaths[number] == Death(code=0)


def test_what_user_code_forks_may_log_and_nothing_else(ward: Ward) -> None:
    child = ward.run(ward.zygote, "forks")  # type: ignore[attr-defined]

    assert ward.messages(child).count("from a fork") == 4
    assert json.loads((ward.folder / "scratch" / "forked").read_text())["code"] != 0
    assert len([event for event in ward.events(child) if not isinstance(event, LogWritten)]) == 4
    assert child.death == Death(code=0)


def test_an_event_of_any_size_arrives(ward: Ward) -> None:
    child = ward.run(ward.zygote, "big")  # type: ignore[attr-defined]

    assert child.death == Death(code=0)
    assert not [event for event in ward.events(child) if isinstance(event, StepFailed)]
