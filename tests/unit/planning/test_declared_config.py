"""Config that jobs and schedules declare is checked when a location loads."""

from __future__ import annotations

from typing import Any

import pytest

import partita as pt
from partita.workspace.loader import describe


class Limits(pt.Config):
    limit: int = 1
    source: str | None = None


class Needed(pt.Config):
    url: str


@pt.asset
def table(config: Limits) -> int:
    return config.limit


@pt.asset
def feed(config: Needed) -> str:
    return config.url


@pt.asset_check(asset=table)
def is_small(config: Limits) -> pt.CheckResult:
    return pt.CheckResult(passed=True)


@pt.op
def fetch(config: Needed) -> str:
    return config.url


@pt.job
def fetching() -> None:
    fetch()


tables = pt.asset_job("tables", selection="table")


def load(**given: Any) -> None:
    """Load a location with these definitions."""
    jobs = given.pop("jobs", [tables, fetching])
    describe("main", [pt.Repository("main", assets=[table, feed], checks=[is_small], jobs=jobs, **given)])


def schedule(name: str, target: Any, config: Any = None) -> pt.Schedule:
    return pt.Schedule(name, cron="@daily", target=target, config=config)


def test_mistakes_in_the_config_of_schedules_are_told_together_with_file_and_line() -> None:
    with pytest.raises(pt.DefinitionErrors) as raised:
        load(
            schedules=[
                schedule("a", tables, {"steps": {"table": {"limit": "many"}}}),
                schedule("b", "table", {"steps": {"tabel": {}}}),
                schedule("c", "table", {"stepz": {}}),
                schedule("d", "table", {"steps": {"table:is_small": {"limits": 1}}}),
                schedule("e", fetching),
            ]
        )

    text = str(raised.value)
    for words in (
        "schedule 'a': Config at steps.table.limit: 'many' is not a whole number.",
        "schedule 'b': Config at steps.tabel: there is no step 'tabel' in this run. Did you mean 'table'?",
        "schedule 'c': Config at stepz: there is no section 'stepz' in this run. Did you mean 'steps'?",
        "schedule 'd': Config at steps.table:is_small.limits: there is no such field. Did you mean 'limit'?",
        "schedule 'e': Config at steps.fetch.url: a value is required.",
    ):
        assert words in text
    assert text.count("test_declared_config.py:") == 5


def test_a_mistake_in_the_config_of_a_job_is_told_once() -> None:
    wrong = pt.asset_job("wrong", selection="table", config={"steps": {"table": {"limit": "many"}, "feet": {}}})

    with pytest.raises(pt.DefinitionErrors) as raised:
        load(jobs=[wrong], schedules=[schedule("s", wrong)])

    assert len(raised.value.errors) == 2
    assert "job 'wrong': Config at steps.table.limit: 'many' is not a whole number." in str(raised.value)


def test_what_a_launch_may_still_give_is_no_mistake_of_a_job() -> None:
    @pt.schedule(cron="@daily", target=fetching)
    def decided(context: pt.ScheduleContext) -> pt.RunRequest:
        return pt.RunRequest(config={"steps": {"fetch": {"url": "u"}}})

    later = {"steps": {"table": {"limit": {"env": "LIMIT"}}}}
    partly = pt.asset_job("partly", selection="table or feed", config=later)

    load(jobs=[tables, fetching, partly], schedules=[decided, schedule("s", tables, later), schedule("t", fetching, "steps: {fetch: {url: u}}")])
