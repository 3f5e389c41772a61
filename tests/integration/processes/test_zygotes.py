"""Zygotes: what loading answers, why one does not fork, and what becomes of processes when one dies."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.execution.children import Death
from partita.execution.processes import PROCESS_MARKER, WORKER_MARKER, list_processes
from partita.execution.supervisor import Supervisor
from partita.records.events import StepStarted
from partita.workspace.settings import LocationSettings
from support.sites import alive, kill
from support.waiting import eventually
from support.wards import Ward, a_ward

ONE = """
print("imported")

@pt.asset
def one() -> int:
    return 1

@pt.asset
def sleeps() -> None:
    note(f"asleep.{os.getpid()}")
    wait_for("go")
"""


@pytest.fixture
def ward(tmp_path: Path) -> Iterator[Ward]:
    with a_ward(tmp_path) as made:
        yield made


def test_a_location_is_described_and_its_output_is_kept(ward: Ward) -> None:
    zygote = ward.load(ONE)

    assert zygote.loaded is not None
    assert [str(spec.key) for spec in zygote.loaded.catalog.repositories[0].assets] == ["one", "sleeps"]
    assert zygote.loaded.python_version == ".".join(map(str, sys.version_info[:3]))
    assert zygote.start == "fork"
    assert (ward.folder / "zygote.out").read_text() == "imported\n"


@pytest.mark.parametrize(
    ("source", "class_name", "message"),
    [
        ("import nothing_like_this", "ModuleNotFoundError", "No module named 'nothing_like_this'"),
        ("def broken(:", "SyntaxError", "invalid syntax"),
        ("sys.exit(3)", "WorkspaceError", "sys.exit(3)"),
        ("x = 1", "WorkspaceError", "holds no repository, asset or job"),
        ("print('goodbye'); os._exit(0)", "WorkspaceError", "exited with code 0 before it had loaded.\nIts last output:\ngoodbye"),
        ("import ctypes; ctypes.string_at(0)", "WorkspaceError", "was killed by signal 11 (SIGSEGV)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "WorkspaceError", "killed by signal 9"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
    ],
)
def test_code_that_cannot_be_loaded_says_why(ward: Ward, source: str, class_name: str, message: str) -> None:
    zygote = ward.begin(ward.write(source))

    error = ward.until(lambda: ward.failed(zygote), what="the load to fail")

    assert error.class_name == class_name
    assert message in error.message


def test_an_import_that_hangs_is_ended_at_its_limit_and_shows_where(ward: Ward) -> None:
    began = time.monotonic()
    zygote = ward.begin(ward.write("def wait_for_ever():\n    time.sleep(300)\n\nwait_for_ever()"), limit=1.5)

    error = ward.until(lambda: ward.failed(zygote), what="the load to fail")

    assert time.monotonic() - began < 10
    assert "within its time limit" in error.message
    assert "in wait_for_ever" in error.message


def test_an_interpreter_that_is_not_there_is_refused_at_once(ward: Ward) -> None:
    location = ward.write(ONE)

    with pytest.raises(FileNotFoundError):
        ward.begin(LocationSettings(name="main", directory=location.directory, file=location.file, python="/no/python"))


A_C_THREAD = "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.pthread_create(ctypes.byref(ctypes.c_ulong()), None, libc.pause, None)\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("threading.Thread(target=time.sleep, args=(300,), daemon=True, name='poller').start()", "thread poller"),
        ("threading.Thread(target=time.sleep, args=(300,), daemon=True).start()", r"thread Thread-1 \(sleep\)"),
        (A_C_THREAD, "a thread of a C library"),
        (
            A_C_THREAD + "Path(f'/proc/self/task/{max(os.listdir(\"/proc/self/task\"), key=int)}/comm').write_text('heart')",
            r"a thread of a C library \(heart\)",
        ),
        ("import socket\nSOCKET = socket.socket()", "an open socket"),
        (
            "import socket\nSERVER = socket.create_server(('127.0.0.1', 0))\nCLIENT = socket.create_connection(SERVER.getsockname())",
            r"an open socket that listens at 127\.0\.0\.1:\d+, an open socket to 127\.0\.0\.1:\d+",
        ),
        ("import socket\nSOCKET = socket.socket(socket.AF_UNIX)\nSOCKET.bind('')\nSOCKET.listen()", r"an open socket that listens at @\w+"),
        ("import socket\nPAIR = socket.socketpair()", r"an open socket \(2 times\)"),
        ("PIPES = [os.pipe() for _ in range(4)]", r"an open pipe \(8 times\)"),
        ("import select\nPOLL = select.epoll()", "an open eventpoll"),
        ("CHILD = subprocess.Popen(['sleep', '300'])", r"child process \d+"),
        ("LOG = open(SCRATCH / 'journal', 'w')", r"open /\S+/scratch/journal"),
        ("LOGS = [open(SCRATCH / str(n), 'w') for n in range(7)]", r"(open /\S+, ){5}2 more"),
    ],
)
def test_code_that_cannot_be_forked_is_spawned_and_the_reason_is_told(ward: Ward, source: str, reason: str) -> None:
    zygote = ward.load(source + ONE)

    child = ward.run(zygote, "one")

    assert re.fullmatch(f"spawn: {reason}", zygote.start)
    assert child.how == zygote.start
    assert child.death == Death(code=0)


def test_a_location_may_ask_for_spawned_processes(ward: Ward) -> None:
    child = ward.run(ward.load(ONE, start="spawn"), "one")

    assert child.how == 'spawn: the location says start = "spawn"'
    assert child.death == Death(code=0)


USES = {
    "numpy": "import numpy as np\ndef use(): assert (np.ones((600, 600)) @ np.ones((600, 600)))[0, 0] == 600",
    "pandas": "import pandas as pd\ndef use(): assert pd.DataFrame({'a': range(1000)}).groupby(lambda n: n % 7).sum().a.sum() == 499500",
    "pyarrow": "import pyarrow as pa, pyarrow.compute as pc\ndef use(): assert pc.sum(pa.array(range(1000))).as_py() == 499500",
    "polars": "import polars as pl\ndef use(): assert pl.DataFrame({'a': range(1000)}).lazy().select(pl.col('a').sum()).collect().item() == 499500",
    "duckdb": "import duckdb\ndef use(): assert duckdb.sql('SELECT sum(range) FROM range(1000)').fetchall() == [(499500,)]",
    "sklearn": "import numpy as np, sklearn.cluster\ndef use(): sklearn.cluster.KMeans(3, n_init=2).fit(np.random.rand(3000, 5))",
}
USING = """
@pt.asset
def uses() -> int:
    use()
    return 1
"""


@pytest.mark.parametrize("library", USES)
def test_libraries_that_are_imported_before_a_fork_work_after_it(ward: Ward, library: str) -> None:
    pytest.importorskip(library)
    zygote = ward.load(USES[library] + ONE + USING)

    children = [ward.start(zygote, "uses") for _ in range(3)]

    assert [ward.end_of(child, seconds=60) for child in children] == [Death(code=0)] * 3
    assert {child.how for child in children} == {"fork"}


def test_log_files_and_idle_threads_do_not_forbid_forks(ward: Ward) -> None:
    zygote = ward.load("import logging\nlogging.basicConfig(filename=SCRATCH / 'user.log', level='INFO')" + ONE)

    assert zygote.start == "fork"


def test_code_that_cannot_be_imported_any_more_breaks_the_spawned_process(ward: Ward) -> None:
    zygote = ward.load(ONE, start="spawn")
    ward.write("raise ImportError('not today')")

    child = ward.run(zygote, "one")

    assert child.death == Death(code=1)
    assert child.error is not None
    assert child.error.summary == "ImportError: not today"


def test_processes_go_on_when_their_zygote_is_killed_and_later_ones_are_spawned(ward: Ward) -> None:
    zygote = ward.load(ONE)
    children = [ward.ready(ward.start(zygote, "sleeps")) for _ in range(2)]

    kill(zygote.pid)
    death = ward.until(lambda: ward.died(zygote), what="the death of the zygote to be told")
    later = ward.run(zygote, "one")
    (ward.folder / "scratch" / "go").touch()

    assert death.signum == signal.SIGKILL
    assert [ward.end_of(child) for child in children] == [Death(code=0), Death(code=0)]
    assert (later.how, later.death) == ("spawn: the zygote is gone", Death(code=0))


@pytest.mark.parametrize("delay", [0, 0.001, 0.003, 0.006, 0.01])
def test_a_process_that_is_being_made_when_its_zygote_is_killed_is_made_all_the_same(ward: Ward, delay: float) -> None:
    zygote = ward.load(ONE)
    children = [ward.start(zygote, "one") for _ in range(3)]

    time.sleep(delay)
    kill(zygote.pid)

    assert [ward.end_of(child) for child in children] == [Death(code=0)] * 3
    assert all(len([event for event in ward.events(child) if isinstance(event, StepStarted)]) == 1 for child in children)


def test_a_zygote_that_hangs_is_replaced_by_spawning(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.execution.supervisor.FORK_LIMIT", 0.5)
    zygote = ward.load(ONE)
    signal.pidfd_send_signal(zygote.pidfd, signal.SIGSTOP)

    child = ward.run(zygote, "one")

    assert (child.how, child.death) == ("spawn: the zygote does not answer", Death(code=0))
    ward.until(lambda: ward.died(zygote), what="the zygote to be ended")


def test_a_retired_zygote_ends_and_its_processes_go_on(ward: Ward) -> None:
    zygote = ward.load(ONE)
    child = ward.ready(ward.start(zygote, "sleeps"))

    ward.supervisor.retire(zygote)
    ward.until(lambda: zygote.pid not in [process.pid for process in list_processes()], what="the zygote to end")
    (ward.folder / "scratch" / "go").touch()

    assert ward.end_of(child) == Death(code=0)
    assert ward.died(zygote) is None


def test_what_a_module_prints_and_how_it_ends_harms_no_second_zygote(ward: Ward) -> None:
    first, second = ward.load(ONE, name="first"), ward.begin(ward.write("os._exit(9)", name="second"))
    ward.until(lambda: ward.failed(second), what="the second to fail")

    assert ward.run(first, "one").death == Death(code=0)


LONELY = """
import sys
from pathlib import Path
from support.wards import Ward
from partita.execution.supervisor import Supervisor
from partita.records.events import StepStarted

ward = Ward(Path(sys.argv[1]), Supervisor())
zygote = ward.load(Path(sys.argv[2]).read_text())
children = [ward.ready(ward.start(zygote, "sleeps")) for _ in range(2)]
ward.ready(ward.start(zygote, "tree"))
ward.noted("tree")
print(ward.supervisor.token, flush=True)
while True:
    ward.supervisor.wait(1)
"""
TREE = """
@pt.asset
def tree() -> None:
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(300)
    note("tree")
    time.sleep(300)
"""


def test_nothing_outlives_a_killed_supervisor(tmp_path: Path) -> None:
    (tmp_path / "source").write_text(ONE + TREE)
    script = tmp_path / "lonely.py"
    script.write_text(LONELY)
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), str(tmp_path / "source")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as lonely:
        assert lonely.stdout is not None
        token = lonely.stdout.readline().strip()
        assert len(alive({token})) == 6  # a zygote, two sleepers, a tree of three

        lonely.kill()

    eventually(lambda: not alive({token}), seconds=5, what="every process of the killed supervisor to end")


def test_the_end_of_a_supervisor_is_the_end_of_its_processes(tmp_path: Path) -> None:
    ward = Ward(tmp_path, Supervisor())
    ward.ready(ward.start(ward.load(ONE + TREE), "tree"))
    ward.noted("tree")

    ward.supervisor.close()

    assert not alive({ward.supervisor.token})


def test_a_supervisor_leaves_alone_what_another_has_started_under_the_same_name(tmp_path: Path) -> None:
    script = f"read marker; {WORKER_MARKER}=1.1 {PROCESS_MARKER}=$marker exec sleep 300"
    with subprocess.Popen(["/bin/sh", "-c", script], stdin=subprocess.PIPE, text=True) as stranger, a_ward(tmp_path) as ward:
        assert stranger.stdin is not None
        child = ward.ready(ward.start(ward.load(ONE), "sleeps"))
        stranger.stdin.write(f"{child.marker}\n")
        stranger.stdin.flush()
        ward.until(lambda: len(marked(child.marker)) == 2, what="the stranger to carry the name")

        ward.supervisor.end(child, grace=0)
        ward.end_of(child)

        assert marked(child.marker) == [stranger.pid]
        stranger.kill()


def marked(marker: str) -> list[int]:
    """The processes that carry a name."""
    return [process.pid for process in list_processes() if process.marker == marker and not process.is_zombie]
