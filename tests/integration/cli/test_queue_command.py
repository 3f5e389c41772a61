"""`partita run queue`, against a server whose runs nobody takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.api import serving
from support.shell import Shell


@pytest.fixture
def partita(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, monkeypatch)


def test_those_that_start_first_are_shown_first_and_the_rest_is_counted(partita: Shell, tmp_path: Path) -> None:
    with serving(tmp_path) as api:
        first, second, urgent = api.run(), api.run(), api.run(priority=5)

        shown = partita("run", "queue", "--limit", "2", "--url", f"http://127.0.0.1:{api.port}").out

    places = [shown.find(run.id[-8:]) for run in (urgent, first, second)]
    assert 0 <= places[0] < places[1]
    assert places[2] == -1
    assert "... and 1 more." in shown


def test_a_queued_run_is_moved_forward(partita: Shell, tmp_path: Path) -> None:
    with serving(tmp_path) as api:
        first, second = api.run(), api.run()
        url = f"http://127.0.0.1:{api.port}"

        assert partita("run", "priority", second.id[-8:], "5", "--url", url).out == f"{second.id[-8:]}: priority 5\n"
        shown = partita("run", "queue", "--url", url).out
        assert shown.find(second.id[-8:]) < shown.find(first.id[-8:])

        api.store.runs.request_cancel(first.id)
        refused = partita("run", "priority", first.id, "1", "--url", url)
        assert (refused.code, refused.out) == (2, "")
        assert "already ended (canceled)" in refused.err
