"""Steps that compute several assets: what their functions give back, and what each asset is told to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.planning.staleness import assess
from partita.records.events import AssetMaterialized, CheckEvaluated
from support.running import started


@pt.asset
def source() -> int:
    return 1


def a_pair(function: Callable[..., Any], **options: Any) -> pt.MultiAsset[..., Any]:
    return pt.multi_asset(specs=[pt.AssetSpec("x/first", code_version="7"), pt.AssetSpec("second")], **{"name": "pair", **options})(function)


def yields(source: int) -> Iterator[Any]:
    yield pt.Output(source, output="second", metadata={"rows": 1})
    yield pt.Materialization(asset="first", value=source + 1, data_version="v1", checks=[pt.CheckResult(name="own", passed=True)])
    yield pt.CheckResult(asset="second", name="other", passed=False, severity=pt.Severity.WARN)


def returns_a_tuple(source: int) -> tuple[int, int]:
    return source + 1, source


def returns_a_dict(source: int) -> dict[str, Any]:
    return {"second": pt.Output(source), "x/first": pt.Materialization(value=source + 1)}


async def yields_later(source: int) -> Any:
    yield pt.Output(source + 1, output="x/first")
    yield pt.Output(source, output="second")


@pytest.mark.parametrize("function", [yields, returns_a_tuple, returns_a_dict, yields_later])
def test_each_asset_has_its_value_however_it_is_given(function: Callable[..., Any]) -> None:
    @pt.asset
    def total(first: int, second: int) -> int:
        return first + second

    result = pt.materialize([source, a_pair(function), total])

    assert started(result.events) == ["source", "pair", "total"]
    assert (result.value("x/first"), result.value("second"), result.value("total")) == (2, 1, 3)
    assert result.events_for("second") == result.events_for("pair")


def test_what_is_told_of_each_asset_is_its_own() -> None:
    events = pt.materialize([source, a_pair(yields)]).events_for("pair")

    written = {str(each.asset): each for each in events if isinstance(each, AssetMaterialized)}
    verdicts = {str(each.asset): (each.check, each.passed) for each in events if isinstance(each, CheckEvaluated)}

    assert (written["x/first"].data_version, written["x/first"].code_version, written["x/first"].metadata) == ("v1", "7", ())
    assert (written["second"].code_version, [entry.label for entry in written["second"].metadata]) == (None, ["rows"])
    assert verdicts == {"x/first": ("own", True), "second": ("other", False)}


def test_a_function_that_can_is_asked_for_a_part() -> None:
    def some(context: pt.AssetContext) -> dict[str, int]:
        return {key: len(key) for key in context.selected_keys}

    pair = a_pair(some, can_subset=True)

    result = pt.materialize([pair], selection="second")

    assert [str(each.asset) for each in result.events if isinstance(each, AssetMaterialized)] == ["second"]
    assert result.value("second") == 6


def test_a_part_of_what_is_computed_together_is_refused_with_a_way_out() -> None:
    with pytest.raises(pt.RequestError, match=r"'pair' computes asset 'x/first' only together with 'second'\. Choose all .*can_subset=True"):
        pt.materialize([source, a_pair(returns_a_tuple)], selection="x/first")


def test_partitions_of_each_asset_are_written_together() -> None:
    def letters(context: pt.AssetContext) -> tuple[dict[str, str], dict[str, int]]:
        return {key: key * 2 for key in context.partition_keys}, dict.fromkeys(context.partition_keys, 1)

    result = pt.materialize(a_pair(letters, partitions=pt.StaticPartitions(["a", "b"])), partition=["a", "b"])

    assert result.value("x/first") == {"a": "aa", "b": "bb"}
    written = [(str(each.asset), each.partition) for each in result.events if isinstance(each, AssetMaterialized)]
    assert written == [("x/first", "a"), ("x/first", "b"), ("second", "a"), ("second", "b")]


def test_a_function_that_stores_nothing_materialises_all_of_its_assets() -> None:
    def nothing() -> None: ...

    events = pt.materialize(a_pair(nothing)).events

    assert [str(each.asset) for each in events if isinstance(each, AssetMaterialized)] == ["x/first", "second"]


def test_a_blocking_check_of_one_holds_back_what_is_behind_it_and_not_the_step_itself() -> None:
    @pt.asset_check(asset="x/first", blocking=True)
    def refused(first: int) -> bool:
        return False

    @pt.asset
    def behind(first: int) -> int:
        return first

    result = pt.materialize([source, a_pair(returns_a_tuple, checks=[refused]), behind], raise_on_error=False)

    assert {key: str(status) for key, status in result.steps.items()} == {
        "source": "succeeded",
        "pair": "succeeded",
        "x/first:refused": "failed",
        "behind": "upstream_failed",
    }


def test_a_step_that_failed_is_tried_again_as_a_whole() -> None:
    def second_time_lucky(context: pt.AssetContext) -> Iterator[Any]:
        yield pt.Output(context.attempt, output="first")
        if context.attempt == 1:
            raise ValueError
        yield pt.Output(context.attempt, output="second")

    result = pt.materialize(a_pair(second_time_lucky, retry=pt.Retry(max_retries=1, delay=0)))

    assert (result.value("x/first"), result.value("second")) == (2, 2)
    assert len([each for each in result.events if isinstance(each, AssetMaterialized)]) == 2


def test_assets_made_from_each_other_in_one_step_are_fresh_afterwards(tmp_path: Path) -> None:
    @pt.multi_asset(specs=[pt.AssetSpec("late", deps=["early"]), pt.AssetSpec("early", deps=["source"])])
    def both(source: int) -> tuple[int, int]:
        return source + 2, source + 1

    repository = pt.Repository("r", assets=[source, both])

    with pt.Store(f"sqlite:///{tmp_path / 'runs.db'}") as store:
        events = pt.materialize(repository, store=store).events
        writes = store.assets.writes(repository.graph.keys, partitioned=())
        found = assess(repository.graph, writes, now=datetime.now(UTC))

    assert [str(each.asset) for each in events if isinstance(each, AssetMaterialized)] == ["source", "early", "late"]
    assert {str(key): str(state.status) for key, state in found.items()} == {"source": "fresh", "late": "fresh", "early": "fresh"}


def test_a_built_context_selects_what_it_was_built_for() -> None:
    pair = a_pair(returns_a_tuple)

    assert pt.build_context(asset="one").selected_keys == {"one"}
    assert pt.build_context(asset=pair).selected_keys == {"x/first", "second"}
    assert pt.build_context(asset=["second"]).selected_keys == {"second"}


class Size(pt.Config):
    size: int = 1


def test_its_config_stands_under_its_step() -> None:
    def sized(config: Size) -> tuple[int, int]:
        return config.size, config.size + 1

    result = pt.materialize(a_pair(sized), config={"steps": {"pair": {"size": 5}}})

    assert result.value("second") == 6
    with pytest.raises(pt.InvalidConfigErrors, match=r"steps\.second"):
        pt.materialize(a_pair(sized), config={"steps": {"second": {"size": 5}}})


def test_what_has_succeeded_is_taken_over_as_a_whole() -> None:
    broken = [True]

    @pt.asset
    def behind(second: int) -> int:
        if broken:
            raise ValueError
        return second

    job = pt.Repository("r", assets=[source, a_pair(returns_a_tuple), behind], jobs=[pt.asset_job("all", selection="*")]).job("all")
    failed = job.execute(raise_on_error=False)
    assert failed.failed_steps == ("behind",)
    broken.clear()

    again = job.execute(resume=failed)

    assert (started(again.events), again.value("behind")) == (["behind"], 1)


def returned(value: Any) -> Callable[[], Any]:
    def function() -> Any:
        return value

    return function


def yielded(*values: Any) -> Callable[[], Any]:
    def function() -> Iterator[Any]:
        yield from values

    return function


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (returned(1), "computes the assets x/first, second and returned int"),
        (returned((1, 2, 3)), "has 2 outputs and returned a tuple of 3"),
        (returned({"first": 1}), "ended without asset 'second'"),
        (yielded(pt.Output(1)), "does not say for which asset. Give it output="),
        (yielded(pt.Materialization(value=1)), "does not say for which asset. Give it asset="),
        (yielded(pt.CheckResult(passed=True)), "does not say for which asset. Give it asset="),
        (yielded(pt.Output(1, output="secnd")), "Did you mean 'second'"),
        (yielded(pt.Output(1, output="second"), pt.Output(2, output="second")), "gave its output 'second' twice"),
        (yielded(1), "yielded int. Yield"),
    ],
)
def test_what_a_function_must_not_give_back_is_told(function: Callable[..., Any], problem: str) -> None:
    with pytest.raises(pt.ExecutionError, match=problem):
        pt.materialize(a_pair(function))


def test_the_context_of_several_assets_has_no_single_key() -> None:
    def asks(context: pt.AssetContext) -> Any:
        return context.asset_key

    with pytest.raises(pt.StepFailedError, match=r"use context\.selected_keys"):
        pt.materialize(a_pair(asks))
