"""`partita backfill`, against a server without a daemon: nothing moves but what the commands do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.records.backfills import BackfillStatus
from partita.storage.backfills import BackfillStep
from support.api import Api, serving
from support.shell import Done, Shell


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as api:
        yield api


class Commands:
    """`partita backfill` at an address."""

    def __init__(self, shell: Shell, api: Api) -> None:
        self._shell, self._url = shell, f"http://127.0.0.1:{api.port}"

    def __call__(self, *arguments: str) -> Done:
        """One of them, run to its end."""
        verb, *rest = arguments
        return self._shell("backfill", verb, "--url", self._url, *rest)

    def start(self, *arguments: str) -> str:
        """The id of a new backfill."""
        done = self("start", "--no-wait", *arguments)
        assert done.code == 0, done.err
        return done.out.strip()


@pytest.fixture
def backfill(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, api: Api) -> Commands:
    return Commands(Shell(capsys, monkeypatch), api)


def test_a_backfill_is_paused_and_resumed(backfill: Commands) -> None:
    one = backfill.start("raw/orders", "--range", "2026-01-01..2026-01-02")

    assert backfill("pause", one).out == backfill("pause", one).out == f"{one}: paused\n"
    assert "paused" in backfill("list", "--status", "paused").out
    assert "paused" in backfill("show", one).out
    assert backfill("resume", one).out == backfill("resume", one).out == f"{one}: requested\n"


def test_what_cannot_be_paused_or_resumed_is_said_why(backfill: Commands, api: Api) -> None:
    one = backfill.start("raw/orders", "--all")
    backfill("cancel", one)
    api.store.backfills.advance(api.store.backfills.get(one), BackfillStep(cancels_waiting=True, status=BackfillStatus.CANCELED))

    for verb in ("pause", "resume"):
        for which, said in ((one, "already ended (canceled)"), ("backfill_nothing", "There is no backfill 'backfill_nothing'")):
            refused = backfill(verb, which)
            assert (refused.code, refused.out) == (2, "")
            assert said in refused.err


def test_its_runs_are_preferred(backfill: Commands, api: Api) -> None:
    one = backfill.start("raw/orders", "--all", "--priority", "2")

    assert backfill("priority", one, "--", "-1").out == f"{one}: priority -1\n"
    assert api.store.backfills.get(one).request.priority == -1
    assert backfill("priority", one, str(2**31)).code == 2


def test_a_retry_may_take_only_what_failed(backfill: Commands, api: Api) -> None:
    one = backfill.start("raw/orders", "--range", "2026-01-01..2026-01-02")
    backfill("cancel", one)
    api.store.backfills.advance(api.store.backfills.get(one), BackfillStep(cancels_waiting=True, status=BackfillStatus.CANCELED))

    refused = backfill("retry", one, "--only", "failed", "--no-wait")
    assert (refused.code, "nothing of that to retry" in refused.err) == (2, True)
    assert "'succeeded' is not one of" in backfill("retry", one, "--only", "succeeded").err
    assert backfill("retry", one, "--only", "failed", "--only", "canceled", "--no-wait").code == 0
    assert api.store.backfills.get(one).status is BackfillStatus.REQUESTED
