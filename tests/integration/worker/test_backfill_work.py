"""How much the database does for a backfill does not grow with its size: told in steps of SQLite's machine, whatever this one's speed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.automation.backfills import Backfills
from partita.definitions.keys import AssetKey
from partita.definitions.specs import RepositorySpec
from partita.records.backfills import Backfill, BackfillItem, BackfillItemStatus, BackfillRequest
from partita.records.events import StepSucceeded
from partita.records.locations import LocationCatalog
from partita.records.runs import RunStatus
from partita.storage import sqlite
from partita.storage.store import Store
from support.stores import LOCATION, NOON, Writer, claim, plan, status, url_of

SMALL, LARGE = 300, 12_000
EVERY = 10
"""Steps of the machine between two calls; a scan of the large one's items is thousands of calls."""
HOURS = pt.HourlyPartitions(start="2020-01-01", end="2024-01-01")
RAW = pt.AssetSpec("raw", partitions=HOURS, is_external=False)


class Steps:
    """Counts what the machine does."""

    def __init__(self) -> None:
        self._calls = 0

    def count(self) -> None:
        """Another few steps were taken."""
        self._calls += 1

    def of(self, act: Callable[[], object]) -> int:
        """How many calls an act takes."""
        before = self._calls
        act()
        return self._calls - before


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Steps]:
    """Counts the steps of connections that are opened meanwhile."""
    steps, driver = Steps(), sqlite.driver()

    class Connection(driver.Connection):  # type: ignore[name-defined, misc]
        def __init__(self, *args: Any, **rest: Any) -> None:
            super().__init__(*args, **rest)
            self.set_progress_handler(steps.count, EVERY)

    with monkeypatch.context() as patched:
        patched.setattr(driver, "connect", partial(driver.connect, factory=Connection))
        yield steps


class Site:
    """A backfill of some size under way, 100 of its runs claimed."""

    def __init__(self, folder: Path, size: int) -> None:
        self.store = Store(url_of(folder))
        self.store.locations.declare([(LOCATION, {"file": "x.py"})])
        catalog = LocationCatalog(location=LOCATION, repositories=(RepositorySpec(name="main", assets=(RAW,)),))
        self.store.locations.publish(LOCATION, catalog, python_version="3", library_version="0", start="fork")
        keys = HOURS.keys(now=self.store.now())
        raw = AssetKey("raw")
        items = [BackfillItem(asset=raw, partition=key) for key, _ in zip(keys, range(size), strict=False)]
        self.backfill: Backfill = self.store.backfills.create(BackfillRequest(assets=(raw,)), items).backfill
        self.look = Backfills(self.store)
        self.look()
        self.begun = claim(self.store, limit=100)

    def end(self, count: int) -> None:
        """Have some runs written."""
        for _ in range(count):
            Writer(self.store, self.begun.pop()).send(
                plan("raw"), status(RunStatus.RUNNING), StepSucceeded(at=NOON, step="raw", duration=1), status(RunStatus.SUCCEEDED)
            )


@pytest.fixture
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Steps, Site, Site]]:
    with counted(monkeypatch) as steps:
        made = []
        for size in (SMALL, LARGE):
            (tmp_path / str(size)).mkdir()
            made.append(Site(tmp_path / str(size), size))
        yield steps, made[0], made[1]
        for each in made:
            each.store.close()


def look(site: Site) -> Callable[[], object]:
    site.look()
    return site.look


def look_after_ends(site: Site) -> Callable[[], object]:
    site.end(10)
    site.look()
    site.end(10)
    return site.look


def look_when_paused(site: Site) -> Callable[[], object]:
    site.store.backfills.pause(site.backfill.id)
    site.look()
    return site.look


def look_when_nothing_of_a_paused_one_is_under_way(site: Site) -> Callable[[], object]:
    site.store.backfills.pause(site.backfill.id)
    site.end(100)
    site.look()
    return site.look


def pause(site: Site) -> Callable[[], object]:
    resume(site)()
    return lambda: site.store.backfills.pause(site.backfill.id)


def resume(site: Site) -> Callable[[], object]:
    site.store.backfills.pause(site.backfill.id)
    return lambda: site.store.backfills.resume(site.backfill.id)


def prefer(site: Site) -> Callable[[], object]:
    site.store.backfills.set_priority(site.backfill.id, 2)
    return lambda: site.store.backfills.set_priority(site.backfill.id, 3)


def page(site: Site) -> Callable[[], object]:
    return lambda: site.store.backfill_items.list(site.backfill.id, statuses=[BackfillItemStatus.RUNNING])


ACTS = [look, look_after_ends, look_when_paused, look_when_nothing_of_a_paused_one_is_under_way, pause, resume, prefer, page]


@pytest.mark.parametrize("prepare", ACTS)
def test_it_takes_as_much_for_many_partitions_as_for_few(sites: tuple[Steps, Site, Site], prepare: Callable[[Site], Callable[[], object]]) -> None:
    steps, small, large = sites
    acts = prepare(small), prepare(large)

    few, many = (steps.of(act) for act in acts)

    assert many <= 1.5 * few + 20


def test_the_count_tells_a_scan(sites: tuple[Steps, Site, Site]) -> None:
    steps, small, large = sites

    few, many = (steps.of(lambda each=each: each.store.backfill_items.all(each.backfill.id)) for each in (small, large))  # type: ignore[misc]

    assert many > 10 * few
