"""Workers bring what ended runs have printed into the archive, where the API finds it and retention removes it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from partita.api.logs import cut_chunk
from partita.automation.retention import Retention
from partita.automation.timing import Timing
from partita.execution.archive import DONE, LogArchive
from support.sites import a_site
from support.waiting import eventually

SOURCE = """
@pt.asset
def talks() -> None:
    print("said", flush=True)
"""


def test_output_is_archived_when_its_run_has_ended(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/archive"
    with a_site(tmp_path / "site", logs=url, main=SOURCE) as site:
        site.work()
        run = site.finished(site.launch("talks"))

        eventually(lambda: LogArchive(url).has(run.id), what="the output to be stored")

        file = LogArchive(url).find(run.id, "talks.1.out")
        assert file is not None
        assert cut_chunk(file, start=0, size=100, has_ended=True).text == "said\n"


def test_what_a_worker_has_left_is_archived_by_the_next(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/archive"
    with a_site(tmp_path / "site", logs=url, main=SOURCE) as site:
        worker = site.work()
        run = site.finished(site.launch("talks"))
        eventually(lambda: (site.settings.logs_directory / run.id / DONE).exists(), what="the output to be stored")
        worker.kill()
        (site.settings.logs_directory / run.id / DONE).unlink()
        shutil.rmtree(tmp_path / "archive")

        site.work()

        eventually(lambda: LogArchive(url).has(run.id), what="the output to be stored again")


def test_retention_removes_it_with_the_events(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/archive"
    with a_site(tmp_path / "site", logs=url, main=SOURCE) as site:
        site.work()
        run = site.finished(site.launch("talks"))
        eventually(lambda: LogArchive(url).has(run.id), what="the output to be stored")
        settings = replace(site.settings, retention=replace(site.settings.retention, events=timedelta()))

        for _ in Retention(site.store, settings, timing=Timing()).all(datetime.now(UTC)):
            pass

        assert not LogArchive(url).has(run.id)
        assert not (site.settings.logs_directory / run.id).exists()
        assert site.store.runs.get(run.id) == run
