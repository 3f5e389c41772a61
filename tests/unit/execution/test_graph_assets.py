"""Assets that a graph of ops computes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.records.events import AssetMaterialized, StepFailed, StepSucceeded, StepUpstreamFailed

DAYS = pt.DailyPartitions("2024-01-01")


class Least(pt.Config):
    least: int = 0


class Source(pt.Resource):
    factor: int = 2


@pt.asset(partitions=DAYS)
def flights(context: pt.AssetContext) -> list[int]:
    return [1, 2, int(context.partition_key[-1])]


@pt.op(tags={"a": "b"})
def cleaned(numbers: list[int], config: Least) -> list[int]:
    return [number for number in numbers if number > config.least]


@pt.op
def scaled(context: pt.OpContext, numbers: list[int], source: Source) -> dict[str, Any]:
    return {"day": context.partition_key, "sum": sum(numbers) * source.factor}


@pt.op(out=pt.DynamicOut())
def shards(numbers: list[int]) -> Iterator[pt.DynamicOutput[int]]:
    for number in numbers:
        yield pt.DynamicOutput(number, mapping_key=str(number))


@pt.op
def doubled(number: int) -> int:
    return 2 * number


@pt.op
def total(numbers: list[int]) -> int:
    return sum(numbers)


@pt.graph_asset(key="marts/delays", partitions=DAYS, group="marts", kinds=["ops"])
def delays(flights: list[int]) -> dict[str, Any]:
    """Delays of a day."""
    return scaled(cleaned(flights))  # type: ignore[call-arg]


@pt.graph_asset(partitions=DAYS)
def fanned(flights: list[int]) -> int:
    return total(shards(flights).map(doubled).collect())


@pt.asset(partitions=DAYS)
def behind(delays: dict[str, Any]) -> int:
    return int(delays["sum"])


def run(*assets: Any, **options: Any) -> Any:
    return pt.materialize(list(assets), partition="2024-01-05", resources={"source": Source()}, **options)


def kinds(result: Any, kind: type[Any]) -> list[str]:
    return [event.step for event in result.events if isinstance(event, kind)]


def test_each_op_is_a_step_and_the_last_one_stores_the_asset() -> None:
    result = run(flights, delays, behind)

    assert kinds(result, StepSucceeded) == ["flights", "marts/delays.cleaned", "marts/delays.scaled", "marts/delays", "behind"]
    assert result.value("marts/delays") == {"day": "2024-01-05", "sum": 16}
    assert result.value("behind") == 16
    [written] = [event for event in result.events_for("marts/delays") if isinstance(event, AssetMaterialized)]
    assert (written.asset, written.partition) == ("marts/delays", "2024-01-05")
    assert [read.asset for read in written.reads] == ["flights"]


def test_ops_take_their_config_under_the_assets_key() -> None:
    result = run(flights, delays, config={"steps": {"marts/delays.cleaned": {"least": 1}}})

    assert result.value("marts/delays")["sum"] == 14
    with pytest.raises(pt.InvalidConfigErrors, match=r"steps\.marts/delays\.cleaned\.lesat: there is no such field. Did you mean 'least'"):
        run(flights, delays, config={"steps": {"marts/delays.cleaned": {"lesat": 1}}})


def test_ops_may_fan_out() -> None:
    assert run(flights, fanned).value("fanned") == 16


def test_a_failed_op_fails_the_run_and_leaves_the_asset_unwritten() -> None:
    @pt.op
    def broken(numbers: list[int]) -> int:
        raise ValueError("no")

    @pt.graph_asset(partitions=DAYS)
    def never(flights: list[int]) -> int:
        return broken(flights)

    @pt.asset(partitions=DAYS)
    def after(never: int) -> int:
        return never

    result = run(flights, never, after, raise_on_error=False)

    assert kinds(result, StepFailed) == ["never.broken"]
    assert kinds(result, StepUpstreamFailed) == ["never", "after"]
    assert kinds(result, AssetMaterialized) == ["flights"]


def test_a_store_remembers_it_and_a_later_run_loads_it(tmp_path: Path) -> None:
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        run(flights, delays, store=store)
        later = run(flights, delays, behind, selection="behind", store=store)

    assert later.value("behind") == 16


def test_partitions_of_assets_that_a_step_of_another_key_was_to_write_have_failed_with_it(tmp_path: Path) -> None:
    @pt.op
    def broken(numbers: list[int]) -> int:
        raise ValueError("no")

    @pt.graph_asset(partitions=DAYS)
    def never(flights: list[int]) -> int:
        return broken(flights)

    @pt.multi_asset(specs=[pt.AssetSpec("a"), pt.AssetSpec("b")], partitions=DAYS)
    def both() -> Iterator[pt.Output[int]]:
        yield pt.Output(1, output="a")
        raise ValueError("no")

    @pt.asset(partitions=DAYS)
    def alone() -> int:
        raise ValueError("no")

    keys = [pt.AssetKey(key) for key in ("flights", "never", "a", "b", "alone")]
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        run(flights, never, both, alone, store=store, raise_on_error=False)
        states = store.assets.partition_states(keys)
        assert {str(key): [(each.partition, each.status.value) for each in states[key]] for key in keys} == {
            "flights": [("2024-01-05", "materialized")],
            "never": [("2024-01-05", "failed")],
            "a": [("2024-01-05", "failed")],
            "b": [("2024-01-05", "failed")],
            "alone": [("2024-01-05", "failed")],
        }


def test_checks_and_selections_see_an_asset() -> None:
    @pt.asset_check(asset=delays, blocking=True)
    def positive(delays: dict[str, Any]) -> pt.CheckResult:
        return pt.CheckResult(passed=delays["sum"] > 100)

    result = run(flights, delays, behind, positive, raise_on_error=False)

    assert result.failed_steps == ("marts/delays:positive",)
    assert kinds(result, StepUpstreamFailed) == ["behind"]
    assert pt.select("group:marts and kind:ops", [flights, delays]) == {"marts/delays"}


def test_calling_it_runs_its_body_as_a_function() -> None:
    assert fanned.spec.description is None
    assert delays.spec.description == "Delays of a day."
    assert total([1, 2]) == 3


@pytest.mark.parametrize("wrong", ["nothing", "config", "several"])
def test_a_body_that_is_no_graph_of_one_value_is_refused(wrong: str) -> None:
    def nothing(flights: list[int]) -> None:
        cleaned(flights)  # type: ignore[call-arg]

    def config(flights: list[int], config: Least) -> list[int]:
        return cleaned(flights, config)

    def several(flights: list[int]) -> Any:
        return {"a": cleaned(flights), "b": cleaned(flights)}  # type: ignore[call-arg]

    body = {"nothing": nothing, "config": config, "several": several}[wrong]
    with pytest.raises(pt.DefinitionError, match=r"must return one output|The body only connects ops") as raised:
        pt.graph_asset(body)
    assert str(raised.value).startswith(f"{__file__}:")


def test_what_its_ops_lack_is_told_at_load() -> None:
    with pytest.raises(pt.DefinitionError, match=r"op 'scaled'.*source"):
        pt.Repository("r", assets=[flights, delays])
