"""Declaring many assets takes work that grows with their number, not with its square."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

import partita as pt


def calls_of(action: Callable[[], Any]) -> int:
    """How many functions are called, which says how much work is done and does not depend on how busy the machine is."""
    count = 0

    def profile(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    return count


def declare(count: int) -> pt.Repository:
    """A chain of assets across groups, with a check and a job over all of them."""

    def computed(before: int) -> int: ...

    first = pt.asset(key="p/a0")(lambda: 1)
    rest = [pt.asset(key=f"p/a{n}", ins={"before": f"p/a{n - 1}"}, group=f"g{n % 7}", tags={"n": "1"})(computed) for n in range(1, count)]
    checks = [pt.asset_check(asset=each, name="ok")(computed) for each in rest]
    return pt.Repository("r", assets=[first, *rest], checks=checks, jobs=[pt.asset_job("all", selection="group:g1 and +p/a9")])


@pytest.mark.parametrize(
    "use",
    [
        declare,
        lambda count: pt.select("roots(*) or sinks(group:g1+) or not +p/a5", declare(count)),
        lambda count: declare(count).graph.order,
    ],
)
def test_twice_as_many_assets_take_twice_the_work(use: Callable[[int], Any]) -> None:
    use(200)
    once, twice = calls_of(lambda: use(200)), calls_of(lambda: use(400))

    assert twice / once < 2.3
    assert once / 200 < 600
