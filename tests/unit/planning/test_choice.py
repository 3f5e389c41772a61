"""Which steps of a plan have to do with chosen assets."""

from __future__ import annotations

import pytest

import partita as pt
from partita.errors import ChoiceError, NotFoundError
from partita.planning.choice import steps_of_assets
from partita.planning.plan import Plan
from support.running import plan_of


@pt.op
def number() -> int:
    return 1


@pt.op
def doubled(number: int) -> int:
    return 2 * number


@pt.graph_asset
def total() -> int:
    return doubled(number())


@pt.multi_asset(specs=[pt.AssetSpec("eu"), pt.AssetSpec("us")])
def regions() -> dict[str, int]:
    return {"eu": 1, "us": 2}


@pt.observable_asset
def feed() -> pt.Observation:
    return pt.Observation(data_version="1")


@pt.asset_check(asset="eu")
def some(eu: int) -> pt.CheckResult:
    return pt.CheckResult(passed=eu > 0)


@pt.asset_check(asset="us")
def few(us: int) -> pt.CheckResult:
    return pt.CheckResult(passed=us < 9)


@pt.job
def ops() -> None:
    doubled(number())


@pytest.fixture
def plan() -> Plan:
    repository = pt.Repository("r", assets=[total, regions, feed], checks=[some, few])
    return plan_of(repository, assets=("total", "eu", "us", "feed"))


@pytest.mark.parametrize(
    ("assets", "steps"),
    [
        (["total"], ["total.number", "total.doubled", "total"]),
        (["eu"], ["regions", "eu:some"]),
        (["eu", "us"], ["regions", "eu:some", "us:few"]),
        (["feed"], ["feed"]),
    ],
)
def test_assets_stand_for_the_steps_that_compute_observe_and_check_them(plan: Plan, assets: list[str], steps: list[str]) -> None:
    assert list(steps_of_assets(plan.steps, assets, owner="run 1")) == steps


def test_an_asset_that_no_step_has_to_do_with_is_refused_with_the_nearest(plan: Plan) -> None:
    with pytest.raises(NotFoundError, match=r"There is no asset of run 1 'totel'\. Did you mean 'total'\?"):
        steps_of_assets(plan.steps, ["totel"], owner="run 1")


def test_a_plan_of_ops_has_no_assets_to_choose_from() -> None:
    plan = plan_of(pt.Repository("r", jobs=[ops]), job="ops")

    with pytest.raises(ChoiceError, match="Run 1 is made of ops"):
        steps_of_assets(plan.steps, ["total"], owner="run 1")
