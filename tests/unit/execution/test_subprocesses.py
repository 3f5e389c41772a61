"""External programs in a step: what they are given, what they tell, how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.errors import ExecutionError, StepFailedError
from partita.records.events import AssetMaterialized, CheckEvaluated, LogLevel, LogWritten, ProgressMade, StepFailed
from support.waiting import eventually

TALKS = """
from partita.external import current_step
step = current_step()
step.log("day %s of %s" % (step.partition_key, step.asset_key), level="warning")
step.progress(1, 2, "half")
step.metadata({"rows": step.extras["rows"], "window": step.partition_window})
step.data_version("v7")
step.check("positive", True, severity="warn", metadata={"least": 1})
"""
ALONE = Path(pt.__file__).parent / "external.py"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pt.asset(partitions=pt.DailyPartitions("2024-01-01"))
def model(sub: pt.Subprocess) -> pt.Materialization[Any]:
    return sub.run(python(TALKS), extras={"rows": 3}).materialization()


def run(asset: Any, **options: Any) -> Any:
    return pt.materialize([asset], resources={"sub": pt.Subprocess(grace=2)}, **options)


def said(result: Any, kind: type[Any]) -> list[Any]:
    return [event for event in result.events if isinstance(event, kind)]


def test_a_program_knows_its_step_and_what_it_tells_becomes_events() -> None:
    result = run(model, partition="2024-01-02")

    [log] = said(result, LogWritten)
    assert (log.message, log.level, log.step) == ("day 2024-01-02 of model", LogLevel.WARNING, "model")
    [progress] = said(result, ProgressMade)
    assert (progress.done, progress.total, progress.message) == (1, 2, "half")
    [written] = said(result, AssetMaterialized)
    assert {entry.label: entry.value for entry in written.metadata} == {
        "rows": 3,
        "window": ["2024-01-02T00:00:00+00:00", "2024-01-03T00:00:00+00:00"],
    }
    assert written.data_version == "v7"
    [check] = said(result, CheckEvaluated)
    assert (check.check, check.passed, check.severity) == ("positive", True, pt.Severity.WARN)


def test_a_program_that_fails_fails_the_step_with_what_it_told() -> None:
    @pt.asset
    def fails(sub: pt.Subprocess) -> None:
        sub.run(python("from partita.external import current_step; current_step().metadata({'rows': 3}); raise SystemExit(3)"))

    result = run(fails, raise_on_error=False)

    [failed] = said(result, StepFailed)
    assert failed.error.message == f"{sys.executable!r} exited with code 3."
    assert {entry.label: entry.value for entry in failed.metadata} == {"rows": 3, "exit_code": 3}


def test_the_exit_code_may_be_left_to_the_step() -> None:
    @pt.asset
    def tolerant(sub: pt.Subprocess) -> int:
        return sub.run(python("import os; os.kill(os.getpid(), 9)"), check=False).exit_code

    assert run(tolerant).value("tolerant") == -signal.SIGKILL


def test_variables_and_directory_are_given(tmp_path: Path) -> None:
    @pt.asset
    def shown(sub: pt.Subprocess) -> None:
        sub.run(python("import os, json; open('seen', 'w').write(json.dumps([os.environ['A'], os.environ['B']]))"), env={"B": "2"}, cwd=tmp_path)

    pt.materialize([shown], resources={"sub": pt.Subprocess(env={"A": "1", "B": "1"})})

    assert json.loads((tmp_path / "seen").read_text()) == ["1", "2"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("nonsense", "Expecting value"),
        ("[1]", "it is no JSON object"),
        ('{"kind": "lgo"}', "there is no kind 'lgo'"),
        ('{"kind": "log"}', "'message' is missing"),
        ('{"kind": "check", "check": "x", "passed": true, "severity": "bad"}', "'bad' is not a valid Severity"),
        ('{"kind": "progress", "done": 1e999}', "must be finite numbers"),
    ],
)
def test_what_is_not_understood_is_a_warning_and_harms_nothing(line: str, reason: str) -> None:
    @pt.asset
    def babbles(sub: pt.Subprocess) -> dict[str, Any]:
        last = json.dumps({"kind": "metadata", "metadata": {"a": 1}})
        code = f"import os; open(os.environ['PARTITA_EVENTS'], 'a').write({line!r} + chr(10) + {last!r})"
        return sub.run(python(code)).metadata

    result = run(babbles)

    [log] = said(result, LogWritten)
    assert log.level is LogLevel.WARNING
    assert reason in log.message
    assert result.value("babbles") == {"a": 1}, "a last line without its end counts"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (["no-such-program"], "'no-such-program' cannot be started: No such file or directory."),
        ("ls -l", "give the program and its arguments as a list"),
    ],
)
def test_a_command_that_cannot_be_run_is_told_in_words(command: Any, problem: str) -> None:
    @pt.asset
    def wrong(sub: pt.Subprocess) -> None:
        sub.run(command)

    with pytest.raises(StepFailedError, match=problem):
        run(wrong)


def test_extras_must_be_plain() -> None:
    with pytest.raises(pt.RequestError, match=r"extras=\{'x': \{1\}\}: .* Give plain JSON"):
        pt.Subprocess().run(["true"], extras={"x": {1}})


def test_a_step_that_is_interrupted_ends_its_program_and_what_that_started(tmp_path: Path) -> None:
    child = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(300)"
    code = (
        "import subprocess, sys, os, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        f"open({str(tmp_path / 'part')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(tmp_path / 'part')!r}, {str(tmp_path / 'pids')!r})\n"
        "signal = __import__('signal'); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "time.sleep(300)\n"
    )

    @pt.asset
    def endless(sub: pt.Subprocess) -> None:
        sub.run(python(code))

    def interrupt() -> None:
        eventually((tmp_path / "pids").exists, seconds=20)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        pt.materialize([endless], resources={"sub": pt.Subprocess(grace=0.2)})
    thread.join()

    for pid in map(int, (tmp_path / "pids").read_text().split()):
        eventually(lambda: not is_running(pid), seconds=10, what=f"process {pid} to end")  # noqa: B023 (called at once)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_async_steps_have_their_own_programs() -> None:
    @pt.asset
    async def one(sub: pt.Subprocess) -> str | None:
        code = "from partita.external import current_step as s; s().metadata({'step': s().step_key})"
        return str(sub.run(python(code)).metadata["step"])

    assert run(one).value("one") == "one"


def test_the_file_for_the_other_side_works_alone(tmp_path: Path) -> None:
    (tmp_path / "step.py").write_text(ALONE.read_text())
    outside = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import step; step.current_step().log('hello')"],
        capture_output=True,
        text=True,
        check=True,
        env={},
    )

    assert json.loads(outside.stderr) == {"kind": "log", "level": "info", "message": "hello"}


def test_outside_of_a_step_a_program_is_run_too() -> None:
    result = pt.Subprocess().run(python("from partita.external import current_step as s; s().metadata({'run': s().run_id})"))

    assert (result.metadata, result.exit_code) == ({"run": None}, 0)
    with pytest.raises(ExecutionError, match="exited with code 1"):
        pt.Subprocess().run(["false"])
