"""Which pools a run needs, from the specs of what it would run."""

from __future__ import annotations

from typing import Any

import pytest

import partita as pt
from partita.errors import DefinitionError
from partita.planning.pools import PoolNeeds, pools_of
from partita.records.runs import RunRequest


@pt.asset(pool="dbt")
def orders() -> int:
    return 1


@pt.asset(pool=pt.Pool("dbt", slots=3))
def totals(orders: int) -> int:
    return orders


@pt.asset
def report(totals: int) -> int:
    return totals


@pt.asset_check(asset=report, pool="mail")
def is_sent() -> pt.CheckResult:
    return pt.CheckResult(passed=True)


@pt.op(pool="web")
def fetch() -> int:
    return 1


@pt.op(pool=pt.Pool("web", slots=2))
def push(number: int) -> int:
    return number


@pt.graph
def twice(number: int) -> int:
    return push(push(number))


@pt.job
def sync() -> None:
    twice(fetch())


REPOSITORY = pt.Repository(
    "main", assets=[orders, totals, report], checks=[is_sent], jobs=[sync, pt.asset_job("marts", selection="totals or report")]
).spec


def needs(**request: Any) -> dict[str, int]:
    return pools_of(REPOSITORY, RunRequest(location="here", repository="main", **request))


def keys(*names: str) -> tuple[pt.AssetKey, ...]:
    return tuple(map(pt.AssetKey, names))


def test_a_run_needs_the_pools_of_its_assets_and_of_their_checks() -> None:
    assert needs(assets=keys("orders")) == {"dbt": 1}
    assert needs(assets=keys("report")) == {"mail": 1}
    assert needs(assets=keys("report"), checks=()) == {}
    assert needs(checks=("report:is_sent",)) == {"mail": 1}


def test_steps_that_share_a_pool_take_turns_so_the_greediest_counts() -> None:
    assert needs(assets=keys("orders", "totals")) == {"dbt": 3}


def test_a_job_needs_the_pools_of_what_it_selects_or_of_the_part_that_is_wanted() -> None:
    assert needs(job="marts") == {"dbt": 3, "mail": 1}
    assert needs(job="marts", assets=keys("report")) == {"mail": 1}


def test_a_job_of_ops_needs_the_pools_of_its_ops_in_nested_graphs_too() -> None:
    assert needs(job="sync") == {"web": 2}


def test_steps_that_are_chosen_by_key_are_all_that_counts() -> None:
    assert needs(job="sync", steps=("fetch",)) == {"web": 1}
    assert needs(job="sync", steps=("fetch+",)) == {"web": 2}


def test_what_does_not_exist_needs_nothing() -> None:
    assert needs(job="gone") == {}
    assert needs(assets=keys("gone")) == {}
    assert PoolNeeds({})(RunRequest(location="here", repository="main", job="sync")) == {}


def test_needs_are_known_by_the_place_of_the_repository() -> None:
    known = PoolNeeds({("here", "main"): REPOSITORY})

    assert known(RunRequest(location="here", repository="main", job="sync")) == {"web": 2}
    assert known(RunRequest(location="there", repository="main", job="sync")) == {}


def test_specs_say_the_pool_and_its_slots() -> None:
    assert (orders.spec.pool, orders.spec.pool_slots) == ("dbt", 1)
    assert (totals.spec.pool, totals.spec.pool_slots) == ("dbt", 3)
    assert (report.spec.pool, report.spec.pool_slots) == (None, 1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: pt.Pool("my pool"), "'my pool' is not a name for a pool"),
        (lambda: pt.Pool("dbt", slots=0), "Pool('dbt', slots=0): a step takes at least one slot"),
        (lambda: pt.Pool("dbt", slots=1.5), "a step takes at least one slot, and whole ones"),  # type: ignore[arg-type]
        (lambda: pt.asset(key="x", pool=3)(lambda: 1), "pool=3: give a pool's name, or pt.Pool"),  # type: ignore[call-overload]
    ],
)
def test_a_pool_that_cannot_be_is_refused(make: Any, said: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        make()

    assert said in str(refused.value)
