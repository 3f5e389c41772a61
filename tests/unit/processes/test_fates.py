"""What becomes of processes that user processes leave behind."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from partita.definitions.policies import ExecutorSpec
from partita.execution.children import Child, Death, Stage
from partita.execution.processes import Process
from partita.execution.protocol import Assignment, Load, Order
from partita.execution.sweeping import Fate, fate_of, find_leftovers, is_being_born, is_zygote, sweep_dead_worker
from partita.planning.plan import Plan
from partita.workspace.settings import LocationSettings

LOAD = Load(location=LocationSettings(name="main", directory="/"), worker=1)
ORDER = Order(
    run_id="run_1",
    job=None,
    repository="main",
    location="main",
    plan=Plan(repository="main", executor=ExecutorSpec(), steps=()),
    steps=None,
    values_url="",
    logs_directory="",
)


def a_child(marker: str = "run_1:1", *, pid: int | None = 100, started: int = 50, stage: Stage = Stage.READY) -> Child:
    assignment = Assignment(load=LOAD, marker=marker, order=ORDER)
    return Child(assignment=assignment, output=Path("/nowhere"), pid=pid, started_tick=started, stage=stage)


def a_stray(marker: str = "", *, state: str = "S", session: int = 7, started: int = 60) -> Process:
    return Process(7, state, 1, session, started, marker, "1.1")


@pytest.mark.parametrize(
    ("stray", "child", "fate"),
    [
        (a_stray("run_1:1"), a_child(), Fate.STAYS),
        (a_stray("run_1:1"), a_child(stage=Stage.EXITED), Fate.STAYS),  # it is ended as its leftover
        (a_stray("run_1:2"), a_child(), Fate.ENDS),
        (a_stray("run_0:1"), a_child(), Fate.ENDS),
        (a_stray("zygote.1"), a_child(), Fate.STAYS),
        (a_stray("zygote.2"), a_child(), Fate.ENDS),
        (a_stray("", session=100), a_child(), Fate.STAYS),
        (a_stray("", started=60), a_child(started=50), Fate.STAYS),
        (a_stray("", started=40), a_child(started=50), Fate.ENDS),
        (a_stray("", started=60), a_child(started=50, stage=Stage.EXITED), Fate.ENDS),
        (a_stray("", state="Z"), a_child(), Fate.REAPED),
        (a_stray("", state="Z", started=60), a_child(pid=None, started=50, stage=Stage.REQUESTED), Fate.STAYS),
        (a_stray("", state="Z", started=40), a_child(pid=None, started=50, stage=Stage.REQUESTED), Fate.REAPED),
    ],
)
def test_the_fate_of_an_orphan(stray: Process, child: Child, fate: Fate) -> None:
    assert fate_of(stray, children=[child], zygotes={"zygote.1"}) is fate


@pytest.mark.parametrize(
    ("stray", "child", "is_born"),
    [
        (a_stray("run_1:1"), a_child(pid=None, stage=Stage.REQUESTED), True),
        (a_stray("zygote.1"), a_child(pid=None, stage=Stage.REQUESTED), True),
        (a_stray("run_1:1", state="Z"), a_child(pid=None, stage=Stage.REQUESTED), False),
        (a_stray("run_1:1"), a_child(), False),  # it has left something behind
        (a_stray("run_1:1"), a_child(stage=Stage.EXITED), False),
        (a_stray("run_0:1"), a_child(pid=None, stage=Stage.REQUESTED), False),
        (a_stray(""), a_child(pid=None, stage=Stage.REQUESTED), False),
    ],
)
def test_what_is_being_born_has_left_nothing_behind(stray: Process, child: Child, is_born: bool) -> None:
    assert is_being_born(stray, children=[child], zygotes={"zygote.1"}) is is_born


def test_an_unmarked_orphan_ends_when_nobody_lives_who_could_have_started_it() -> None:
    assert fate_of(a_stray(), children=[], zygotes=()) is Fate.ENDS


def test_leftovers_are_found_by_marker_and_by_session_and_are_not_dead() -> None:
    child = a_child()
    by_marker, by_session = Process(8, "S", 1, 8, 60, "run_1:1", ""), Process(9, "S", 1, 100, 60, "", "")
    others = [Process(100, "Z", 1, 100, 50, "", ""), Process(10, "Z", 1, 100, 60, "", ""), Process(11, "S", 1, 11, 60, "run_1:2", "")]

    assert find_leftovers(child, [by_marker, by_session, *others]) == [by_marker, by_session]


def test_an_empty_token_never_means_everybody() -> None:
    with pytest.raises(AssertionError, match="every process"):
        sweep_dead_worker("")


def test_a_zygote_is_told_from_what_its_module_has_started() -> None:
    assert is_zygote(Process(5, "S", 1, 5, 1, "zygote.1....", ""))
    assert not is_zygote(Process(6, "S", 5, 5, 1, "zygote.1....", ""))


@pytest.mark.parametrize(
    ("death", "text"),
    [
        (Death(code=7), "exited with code 7"),
        (Death(signum=signal.SIGKILL), "killed by signal 9 (SIGKILL); out of memory is the usual reason"),
        (Death(signum=signal.SIGKILL, is_memory_short=True), "killed by the kernel (SIGKILL) because memory ran out"),
        (Death(signum=signal.SIGKILL, is_memory_short=False), "killed by signal 9 (SIGKILL) from outside; the kernel tells of no lack of memory"),
        (Death(signum=signal.SIGKILL, was_ended=True), "killed by signal 9 (SIGKILL)"),
        (Death(signum=signal.SIGSEGV), "killed by signal 11 (SIGSEGV)"),
        (Death(signum=60), "killed by signal 60 (a real-time signal)"),
        (Death(), "lost before it could begin"),
    ],
)
def test_a_death_says_what_happened(death: Death, text: str) -> None:
    assert str(death) == text
