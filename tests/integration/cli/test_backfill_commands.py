"""`partita backfill`, against a server without a daemon: nothing moves but what the commands do."""

from __future__ import annotations

import json
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


def test_a_preview_counts_and_starts_nothing(backfill: Commands, api: Api) -> None:
    shown = backfill("start", "raw/orders", "--range", "2026-01-01..2026-01-10", "--runs-of", "4", "--order", "desc", "--preview")

    assert shown.code == 0
    assert [words for line in shown.out.splitlines() if (words := line.split()) and words[0] == "raw/orders"] == [
        ["raw/orders", "10", "2026-01-10", "2026-01-01"]
    ]
    assert shown.out.endswith("It would write 10 partitions in 3 runs. Nothing was started.\n")
    assert json.loads(backfill("start", "--job", "daily", "--all", "--single-run", "--preview", "--json").out)["run_count"] == 1
    assert "Did you mean" in backfill("start", "raw/ordrs", "--all", "--preview").err
    assert api.store.backfills.count() == 0


def test_the_last_partitions_come_first_where_that_is_asked_for(backfill: Commands, api: Api) -> None:
    one = backfill.start("raw/orders", "--range", "2026-01-01..2026-01-03", "--order", "desc")

    assert [item.partition for item in api.store.backfill_items.all(one)] == ["2026-01-03", "2026-01-02", "2026-01-01"]
    assert json.loads(backfill("show", one, "--json").out)["order"] == "desc"


def test_progress_is_shown_by_asset(backfill: Commands) -> None:
    one = backfill.start("raw/orders or marts/revenue", "--range", "2026-01-01..2026-01-10")

    rows = {words[0]: words[1:] for line in backfill("show", one).out.splitlines() if (words := line.split())}
    assert (rows["raw/orders"][0], rows["marts/revenue"][0]) == ("10", "1")
    assert json.loads(backfill("show", one, "--json").out)["counts_by_asset"]["raw/orders"]["waiting"] == 10
