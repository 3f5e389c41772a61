"""Telling somebody: a real server through Apprise, and real commands."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from partita.automation import alert_targets
from partita.automation.alert_targets import tell
from partita.planning.alerts import Message
from partita.records.alerts import Alert, AlertKind, AlertRule
from partita.workspace.alert_settings import AlertTarget
from support.receiver import a_receiver
from support.waiting import eventually

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_message(*, is_end: bool = False) -> Message:
    alert = Alert(
        id="alert_1",
        rule="all",
        kind=AlertKind.LOCATION_BROKEN,
        subject="main",
        title="Code location main cannot be loaded",
        details=("main: SyntaxError: 'ä' \"quoted\"",),
        at=NOON,
        last_at=NOON,
        is_end=is_end,
    )
    return Message(id="message_1", rule=AlertRule(name="all", targets=("x",)), alerts=(alert,))


def a_command(tmp_path: Path, source: str) -> AlertTarget:
    path = tmp_path / "page.py"
    path.write_text(source)
    return AlertTarget(name="command-page.py", command=(sys.executable, str(path)), directory=str(tmp_path))


def test_an_address_is_told_what_and_how_bad() -> None:
    with a_receiver() as receiver:
        target = AlertTarget(name="json-1", url=receiver.url)
        assert tell(target, a_message()) is None
        assert tell(target, a_message(is_end=True)) is None

    bad, good = receiver.posts
    assert (bad["title"], bad["message"], bad["type"]) == (
        "Partita: Code location main cannot be loaded",
        "main: SyntaxError: 'ä' \"quoted\"",
        "failure",
    )
    assert good["type"] == "success"


def test_an_address_that_refuses_or_is_not_there_says_why() -> None:
    with a_receiver() as receiver:
        target = AlertTarget(name="json-1", url=receiver.url)
        receiver.status = 503
        refusal = tell(target, a_message())
        assert refusal is not None
        assert "503" in refusal
    gone = tell(target, a_message())
    assert gone is not None
    assert gone != refusal


def test_an_address_that_nobody_understands_is_named_without_its_password() -> None:
    target = AlertTarget(name="nosuch-1", url="nosuch://me:secret@example.org")

    refusal = tell(target, a_message())

    assert refusal is not None
    assert "Alert target nosuch-1: Apprise does not know such an address of nosuch://" in refusal
    assert "secret" not in refusal


def test_without_the_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)

    refusal = tell(AlertTarget(name="json-1", url="json://127.0.0.1/"), a_message())

    assert refusal is not None
    assert refusal.endswith("pip install 'partita[alerts]'.")


def test_a_command_is_given_all_of_it(tmp_path: Path) -> None:
    source = "import json, os, sys\nopen('got', 'w').write(json.dumps([json.load(sys.stdin), os.environ['PARTITA_ALERT_TITLE'], os.getcwd()]))"

    assert tell(a_command(tmp_path, source), a_message()) is None

    given, title, directory = json.loads((tmp_path / "got").read_text())
    assert (title, directory) == ("Code location main cannot be loaded", str(tmp_path))
    assert (given["rule"], given["title"], given["is_good_news"]) == ("all", title, False)
    assert given["alerts"][0]["kind"] == "location_broken"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("print('no network'); raise SystemExit(3)", "ended with 3: no network"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "ended with -15"),
    ],
)
def test_a_command_that_fails_says_why(tmp_path: Path, source: str, said: str) -> None:
    refusal = tell(a_command(tmp_path, source), a_message())

    assert refusal is not None
    assert said in refusal


def test_a_command_that_does_not_end_is_killed_with_all_it_has_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_targets, "COMMAND_LIMIT", 1.0)
    source = "import subprocess, time\nopen('pid', 'w').write(str(subprocess.Popen(['sleep', '60']).pid))\ntime.sleep(60)"

    refusal = tell(a_command(tmp_path, source), a_message())

    assert refusal is not None
    assert refusal.endswith("was killed: it did not end within 1 s")
    status = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    eventually(lambda: not status.exists() or status.read_text().rpartition(")")[2].split()[0] == "Z", what="what it has started to end")


def test_what_a_command_prints_without_end_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_targets, "MOST_PRINTED", 100_000)
    source = """
import os, sys, time
most = 0
for _ in range(200):
    print("x" * 50_000, flush=True)
    most = max(most, os.fstat(1).st_size)
    time.sleep(0.005)
print(f"at most {most}")
sys.exit(1)
"""
    refusal = tell(a_command(tmp_path, source), a_message())

    assert refusal is not None
    assert 100_000 <= int(refusal.rpartition(" ")[2]) < 10_000_000


def test_what_a_command_leaves_in_the_background_keeps_nobody_waiting(tmp_path: Path) -> None:
    source = "import subprocess\nopen('pid', 'w').write(str(subprocess.Popen(['sleep', '20']).pid))"
    began = time.monotonic()

    assert tell(a_command(tmp_path, source), a_message()) is None

    assert Path(f"/proc/{(tmp_path / 'pid').read_text()}").exists(), "it is still there, so it was not waited for"
    assert time.monotonic() - began < alert_targets.COMMAND_LIMIT


def test_a_command_that_is_not_there_says_so() -> None:
    refusal = tell(AlertTarget(name="command-x", command=("/no/such/thing",)), a_message())

    assert refusal == "/no/such/thing cannot be started: No such file or directory"


def test_a_command_is_killed_when_the_daemon_ends(tmp_path: Path) -> None:
    is_ending = threading.Event()
    threading.Timer(0.3, is_ending.set).start()
    began = time.monotonic()

    refusal = tell(a_command(tmp_path, "import time; time.sleep(25)"), a_message(), is_ending)

    assert refusal is not None
    assert refusal.endswith("was killed: the daemon ended")
    assert time.monotonic() - began < 20


def test_an_address_may_stand_in_the_environment_of_who_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    target = AlertTarget(name="env-CHAT", variable="CHAT")
    monkeypatch.delenv("CHAT", raising=False)
    assert tell(target, a_message()) == "Alert target env-CHAT: the environment variable CHAT is not set."
    with a_receiver() as receiver:
        monkeypatch.setenv("CHAT", receiver.url)
        assert tell(target, a_message()) is None
        assert len(receiver.posts) == 1


def test_what_the_library_says_of_an_address_reaches_no_log() -> None:
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    try:
        assert tell(AlertTarget(name="tgram-1", url="tgram://bottoken-SECRET"), a_message()) is not None
    finally:
        logging.getLogger().removeHandler(handler)

    assert "SECRET" not in log.getvalue()


def test_what_is_long_is_cut_to_what_the_target_takes(tmp_path: Path) -> None:
    alert = msgspec.structs.replace(a_message().alerts[0], details=("x" * 300_000,))
    long = Message(id="message_1", rule=AlertRule(name="all", targets=("x",)), alerts=(alert,))
    source = "import os; open('got', 'w').write(os.environ['PARTITA_ALERT_BODY'])"

    assert tell(a_command(tmp_path, source), long) is None

    assert 1000 < len((tmp_path / "got").read_text()) <= alert_targets.MOST_IN_VARIABLE
