"""Conditions of assets with a real daemon and real workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.automation.conditions import ConditionRole
from partita.definitions.keys import AssetKey
from partita.records.assets import ReportedMaterialization
from partita.records.pages import PageRequest
from partita.records.runs import Run
from support.sites import Site, a_site
from support.waiting import eventually

CHAIN = """
raw = pt.AssetSpec("raw")


@pt.asset(deps=["raw"], automation=pt.Condition.eager())
def clean() -> int:
    return 1


@pt.asset(automation=pt.Condition.eager())
def total(clean: int) -> int:
    return clean
"""
PUBLISHED = """
total = pt.AssetSpec("total")


@pt.asset(deps=[total], automation=pt.Condition.eager())
def published() -> None:
    if (SCRATCH / "held").exists():
        wait_for("go")
"""
ALL = {"clean", "total", "published"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main=CHAIN, other=PUBLISHED) as made:
        made.work()
        made.work("other")
        yield made


def runs_of(site: Site) -> list[Run]:
    return list(site.store.runs.list(page=PageRequest(first=500)).items)


def written(site: Site) -> Counter[str]:
    """How often each asset was written by a run that has ended well."""
    return Counter(str(key) for run in runs_of(site) if run.status.value == "succeeded" for key in run.request.assets)


def known(site: Site) -> None:
    """Wait until the daemon has looked at the conditions once: what was missing before is no news to them."""
    keys = {AssetKey(key) for key in ALL}
    eventually(lambda: set(site.store.conditions.read()[1]) == keys, seconds=30, what=f"the conditions to be evaluated: {site.said()}")


def write_raw(site: Site) -> None:
    site.store.reports.add(ReportedMaterialization(asset=AssetKey("raw")))


def test_a_write_goes_through_all_locations_that_follow_it(site: Site) -> None:
    site.start("daemon")
    known(site)

    for round_ in (1, 2):
        write_raw(site)
        expected = dict.fromkeys(ALL, round_)
        eventually(lambda expected=expected: written(site) == expected, seconds=30, what=f"all to be written {round_} times: {site.said()}")

    assert {run.request.launched_by.partition("_")[0] for run in runs_of(site)} == {"condition:evaluation"}
    assert sorted(map(len, (run.request.assets for run in runs_of(site)))) == [1, 1, 2, 2], "one run for what one location can write together"


def test_a_daemon_that_is_killed_leaves_nothing_undone_and_nothing_done_twice(site: Site) -> None:
    (site.scratch / "held").touch()
    daemon = site.start("daemon", lease=1)
    known(site)
    write_raw(site)
    eventually(lambda: len(runs_of(site)) == 2, seconds=30, what=f"the last one to be launched: {site.said()}")
    daemon.kill()
    write_raw(site)
    site.allow("go")

    last = site.start("daemon", lease=1)

    eventually(lambda: written(site) == dict.fromkeys(ALL, 2), seconds=40, what=f"all to be written twice: {site.said()}")
    assert last.stop() == 0
    ConditionRole(site.store)()
    assert len(runs_of(site)) == 4, "nothing is left to be asked for"
