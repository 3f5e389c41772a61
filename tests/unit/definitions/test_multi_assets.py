"""`@multi_asset`: what its assets depend on, and what is refused when it is declared or gathered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import partita as pt
from partita.definitions.specs import RepositorySpec
from partita.records.codec import decode, encode

LETTERS = pt.StaticPartitions(["x", "y"])


@pt.asset(key="raw/orders")
def orders() -> int:
    return 1


@pt.asset
def users() -> int:
    return 2


def a_pair(*specs: pt.AssetSpec, **options: Any) -> pt.MultiAsset[..., Any]:
    @pt.multi_asset(specs=specs or [pt.AssetSpec("first"), pt.AssetSpec("second")], **options)
    def pair() -> Any: ...

    return pair


def upstream_of(repository: pt.Repository) -> dict[str, list[str]]:
    return {str(key): [*repository.graph.upstream(key)] for key in repository.graph.keys}


def test_each_asset_depends_on_what_its_spec_names_and_on_what_no_spec_names() -> None:
    @pt.multi_asset(specs=[pt.AssetSpec("a", deps=["raw/orders"]), pt.AssetSpec("b", deps=["a"]), pt.AssetSpec("c")])
    def three(orders: int, users: int) -> Any: ...

    repository = pt.Repository("r", assets=[orders, users, three])

    assert upstream_of(repository) == {
        "raw/orders": [],
        "users": [],
        "a": ["raw/orders", "users"],
        "b": ["a", "users"],
        "c": ["users"],
    }


def test_its_assets_share_a_step_wherever_a_catalog_is_read() -> None:
    repository = pt.Repository("r", assets=[a_pair(name="both", can_subset=True), users])

    read = decode(encode(repository.spec), RepositorySpec)

    assert read == repository.spec
    assert [(str(spec.key), spec.step_key, spec.can_subset) for spec in read.assets] == [
        ("first", "both", True),
        ("second", "both", True),
        ("users", "users", False),
    ]


def test_it_stands_for_its_assets_wherever_assets_are_given() -> None:
    pair = a_pair()

    @pt.asset(deps=[pair])
    def after() -> None: ...

    repository = pt.Repository("r", assets=[pair, after], jobs=[pt.asset_job("both", selection=[pair])])

    assert repository.job("both").spec.assets == ("first", "second")
    assert pt.select("+after", [pair, after]) == {"first", "second", "after"}
    assert pair.keys == ("first", "second")


def test_calling_it_calls_the_function() -> None:
    @pt.multi_asset(specs=[pt.AssetSpec("a"), pt.AssetSpec("b")])
    def pair(users: int) -> tuple[int, int]:
        return users, users + 1

    assert pair(users=3) == (3, 4)


def test_a_spec_that_a_module_gives_to_a_multi_asset_is_no_asset_of_its_own() -> None:
    from types import ModuleType

    module = ModuleType("tables")
    module.FIRST = pt.AssetSpec("first")  # type: ignore[attr-defined]
    module.pair = a_pair(module.FIRST, pt.AssetSpec("second"))  # type: ignore[attr-defined]

    repository = pt.Repository("r", assets=pt.load_assets(module))

    assert [str(each.key) for each in repository.assets] == ["first", "second"]


@pytest.mark.parametrize(
    ("declare", "problem"),
    [
        (lambda: pt.multi_asset(specs=[])(orders.function), "specs is empty"),
        (lambda: pt.multi_asset(specs=["a"])(orders.function), "'a' is not a pt.AssetSpec"),  # type: ignore[list-item]
        (lambda: a_pair(pt.AssetSpec("a"), pt.AssetSpec("a")), "asset 'a' is listed twice"),
        (lambda: a_pair(pt.AssetSpec("a", partitions=LETTERS), pt.AssetSpec("b")), "'a' and 'b' are cut differently"),
        (lambda: a_pair(name="a.b"), "'a.b' is not a name for a step"),
        (lambda: pt.multi_asset(specs=[pt.AssetSpec("a")])(lambda: 1), "Give name="),
    ],
)
def test_what_cannot_be_is_refused_with_file_and_line(declare: Callable[[], Any], problem: str) -> None:
    with pytest.raises(pt.DefinitionError, match=problem) as caught:
        declare()

    assert caught.value.line is not None


def test_two_functions_of_one_step_key_are_refused() -> None:
    @pt.asset
    def pair() -> None: ...

    with pytest.raises(pt.DuplicateNameError, match=r"its step 'pair' is also that of asset 'first'.* at .*:\d+, and one step calls one function"):
        pt.Repository("r", assets=[a_pair(), pair])


def test_a_step_that_waits_for_itself_is_refused_although_its_assets_do_not() -> None:
    @pt.asset(deps=["first"])
    def between() -> None: ...

    pair = a_pair(pt.AssetSpec("first"), pt.AssetSpec("second", deps=["between"]))

    with pytest.raises(pt.CycleError, match=r"between .*-> pair \(which writes first, second\)"):
        pt.Repository("r", assets=[pair, between])


def test_a_job_or_schedule_of_a_part_is_refused_unless_the_function_can_compute_it() -> None:
    selected = pt.asset_job("part", selection="first")
    nightly = pt.Schedule("nightly", cron="0 0 * * *", target="first")

    with pytest.raises(pt.DefinitionErrors) as caught:
        pt.Repository("r", assets=[a_pair()], jobs=[selected], schedules=[nightly])

    assert [str(error).count("step 'pair' computes asset 'first' only together with 'second'") for error in caught.value.errors] == [1, 1]
    assert pt.Repository("r", assets=[a_pair(can_subset=True)], jobs=[selected], schedules=[nightly]).job("part").spec.assets == ("first",)
