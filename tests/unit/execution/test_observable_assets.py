"""Assets that are written elsewhere, and functions that look at them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.errors import DuplicateNameError, RequestError, SignatureError
from partita.execution.simulate import simulate
from partita.planning.backfill import BackfillScope, PartitionsChosen, plan_assets
from partita.records.events import AssetMaterialized, AssetObserved
from partita.records.filters import HistoryFilter
from partita.workspace.catalog import Catalog
from partita.workspace.loader import describe

REGIONS = pt.StaticPartitions(["eu", "us"])
ORDERS = pt.AssetKey("raw/orders")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[pt.Store]:
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as opened:
        yield opened


class Source(pt.Resource):
    version: str = "1"


@pt.observable_asset(key="raw/orders", group="raw", kinds=["csv"])
def orders(context: pt.AssetContext, source: Source) -> pt.Observation:
    """A file of another team."""
    context.add_metadata({"rows": 3})
    return pt.Observation(data_version=source.version, metadata={"bytes": 7})


@pt.asset(deps=[orders], code_version="1")
def totals() -> int:
    return 12


@pt.observable_asset(partitions=REGIONS)
def feed(context: pt.AssetContext) -> dict[str, pt.Observation]:
    return {key: pt.Observation(data_version=key) for key in context.partition_keys}


def observe(store: pt.Store | None, version: str = "1", *assets: Any) -> Any:
    return pt.materialize([orders, *assets], resources={"source": Source(version=version)}, selection='key:"*"', store=store)


def changed_at(store: pt.Store, key: str = "raw/orders", partition: str | None = None) -> Any:
    [write] = store.assets.writes([pt.AssetKey(key)], partitioned=[] if partition is None else [pt.AssetKey(key)]).values()
    return write[partition].effective_changed_at


def test_a_run_looks_at_it_and_writes_nothing(store: pt.Store) -> None:
    result = observe(store, "abc", totals)

    [observed] = [each for each in result.events if isinstance(each, AssetObserved)]
    assert (observed.asset, observed.step, observed.data_version) == ("raw/orders", "raw/orders", "abc")
    assert {entry.label: entry.value for entry in observed.metadata} == {"rows": 3, "bytes": 7}
    assert [each.asset for each in result.events if isinstance(each, AssetMaterialized)] == ["totals"]
    state = store.assets.states([ORDERS])[ORDERS]
    assert (state.latest, state.materialization_count) == (None, 0)
    assert state.observed is not None
    assert state.observed.data_version == "abc"
    assert store.assets.observations(HistoryFilter(asset=ORDERS)).items == [state.observed]
    assert store.assets.observation(state.observed.id) == state.observed
    assert store.assets.count_observations(HistoryFilter(asset=ORDERS)) == 1


def test_what_depends_on_it_waits_for_the_look() -> None:
    result = observe(None, "1", totals)

    started = [each.step for each in result.events if type(each).__name__ == "StepStarted"]
    assert started == ["raw/orders", "totals"]


def test_its_version_is_that_of_the_newest_look_and_changes_with_it(store: pt.Store) -> None:
    observe(store, "a")
    first = changed_at(store)
    observe(store, "a")
    assert changed_at(store) == first
    observe(store, "b")
    assert changed_at(store) > first


def test_a_look_that_tells_no_version_leaves_it_as_it_was(store: pt.Store) -> None:
    @pt.observable_asset(key="raw/orders")
    def silent() -> pt.Observation:
        return pt.Observation()

    pt.materialize(silent, store=store)
    assert store.assets.writes([ORDERS], partitioned=[]) == {"raw/orders": {}}
    observe(store, "a")
    first = changed_at(store)
    pt.materialize(silent, store=store)
    assert changed_at(store) == first
    assert store.assets.count_observations(HistoryFilter(asset=ORDERS)) == 3


def test_a_write_knows_the_version_that_was_observed(store: pt.Store) -> None:
    observe(store, "a", totals)
    observe(store, "b")
    pt.materialize([orders, totals], selection="totals", resources={"source": Source()}, store=store)

    writes = store.assets.materializations(HistoryFilter(asset=pt.AssetKey("totals"))).items
    assert [[each.version for each in write.inputs or ()] for write in writes] == [["b"], ["a"]]
    assert writes[0].version != writes[1].version


def test_partitions_are_observed_one_by_one_or_together(store: pt.Store) -> None:
    together = pt.materialize(feed, partition=["eu", "us"], store=store)
    assert [(each.partition, each.data_version) for each in together.events if isinstance(each, AssetObserved)] == [("eu", "eu"), ("us", "us")]

    @pt.observable_asset(key="feed", partitions=REGIONS)
    def again(context: pt.AssetContext) -> pt.Observation:
        return pt.Observation(data_version="new")

    before = changed_at(store, "feed", "eu")
    pt.materialize(again, partition="us", store=store)
    assert changed_at(store, "feed", "eu") == before < changed_at(store, "feed", "us")
    assert store.assets.count_observations(HistoryFilter(asset=pt.AssetKey("feed"), partition_keys=("us",))) == 2
    assert store.assets.partition_counts([pt.AssetKey("feed")]) == {"feed": {}}


def returning(value: Any, **declared: Any) -> Any:
    @pt.observable_asset(key="looked_at", **declared)
    def look() -> Any:
        return value

    return look


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, r"returned NoneType. Return pt.Observation\(data_version=...\)."),
        (3, r"returned int. Return pt.Observation"),
        (pt.Materialization(value=1), r"returned Materialization. Return pt.Observation"),
    ],
)
def test_a_function_that_gives_something_else_is_told_what_to_give(value: Any, words: str) -> None:
    result = pt.materialize(returning(value), raise_on_error=False)

    with pytest.raises(pt.ExecutionError, match=words):
        pt.materialize(returning(value))
    assert result.failed_steps == ("looked_at",)


def test_a_dict_holds_an_observation_for_each_partition() -> None:
    look = returning({"eu": pt.Observation(), "us": 3}, partitions=REGIONS)
    with pytest.raises(pt.ExecutionError, match="gave int for partition 'us'"):
        pt.materialize(look, partition=["eu", "us"])


def test_an_asset_that_is_written_here_is_not_observed() -> None:
    @pt.asset
    def written() -> Any:
        return pt.Observation(data_version="1")

    with pytest.raises(pt.ExecutionError, match=r"written elsewhere.*@pt.observable_asset"):
        pt.materialize(written)


@pytest.mark.parametrize("version", [3, "", b"x"])
def test_a_version_is_text(version: Any) -> None:
    with pytest.raises(pt.ExecutionError, match="data_version"):
        pt.Observation(data_version=version)
    with pytest.raises(pt.ExecutionError, match="data_version"):
        pt.Materialization(data_version=version)


def test_it_loads_nothing() -> None:
    with pytest.raises(SignatureError, match=r"'raw' would be an upstream asset.*deps="):

        @pt.observable_asset
        def look(raw: int) -> pt.Observation:
            return pt.Observation()

    with pytest.raises(SignatureError, match="upstream assets"):

        @pt.observable_asset
        def rest(**inputs: Any) -> pt.Observation:
            return pt.Observation()


def test_it_is_external_and_left_out_unless_it_is_named() -> None:
    named = pt.Repository("main", assets=[orders, totals], resources={"source": Source()}, jobs=[pt.asset_job("look", selection="group:raw")])

    assert (orders.spec.is_external, orders.spec.is_observable, totals.spec.is_observable) == (True, True, False)
    assert pt.select("*", [orders, totals]) == {"totals"}
    assert pt.select("is:external", [orders, totals]) == {"raw/orders"}
    assert named.job("look").execute().success
    with pytest.raises(RequestError, match="means no asset that can be materialized"):
        pt.materialize([pt.AssetSpec("raw/orders"), totals], selection="raw/orders")


def test_two_functions_that_observe_one_asset_are_refused() -> None:
    @pt.observable_asset(key="raw/orders")
    def other() -> pt.Observation:
        return pt.Observation()

    with pytest.raises(DuplicateNameError):
        pt.Repository("main", assets=[orders, other], resources={"source": Source()})


def test_another_location_refers_to_it() -> None:
    ingest = pt.Repository("ingest", assets=[orders], resources={"source": Source()})
    analytics = pt.Repository("analytics", assets=[pt.AssetSpec("raw/orders"), totals])
    catalog = Catalog({each.name: describe(each.name, [each]) for each in (analytics, ingest)})

    assert catalog.owner_of(ORDERS) == ("ingest", "ingest")
    assert catalog.problems == {}
    assert ORDERS in catalog.owners
    assert ORDERS not in catalog.writers


def test_a_backfill_says_that_it_is_not_written() -> None:
    catalog = Catalog({"main": describe("main", [pt.Repository("main", assets=[feed])])})
    scope = BackfillScope(graph=catalog.graph, owners=catalog.writers, now=datetime(2026, 1, 1, tzinfo=UTC))

    with pytest.raises(RequestError, match="asset 'feed' is written elsewhere, and only observed here"):
        plan_assets([pt.AssetKey("feed")], PartitionsChosen(is_all=True), scope, states_of=lambda _: {})


def test_its_verdicts_and_hooks_are_those_of_any_asset() -> None:
    called: list[str] = []

    @pt.on_success
    def note(context: pt.HookContext) -> None:
        called.append(context.step_key)

    @pt.asset_check(asset="looked_at")
    def is_there() -> pt.CheckResult:
        return pt.CheckResult(passed=True)

    result = pt.materialize(returning(pt.Observation(data_version="1"), checks=[is_there], hooks=[note]))

    assert result.success
    assert called == ["looked_at"]
    assert [type(each).__name__ for each in result.events_for("looked_at:is_there")][1] == "CheckEvaluated"


def test_it_can_be_observed_by_a_condition() -> None:
    @pt.observable_asset(automation=pt.Condition.on_cron("0 6 * * *"))
    def source() -> pt.Observation:
        return pt.Observation(data_version="1")

    report = simulate(pt.Repository("main", assets=[source]), start="2026-01-01", end="2026-01-04")

    assert [(run.assets, run.due_at.hour) for run in report.runs] == [(("source",), 6)] * 3


def test_it_is_called_like_any_function() -> None:
    assert orders(pt.build_context(), Source(version="9")).data_version == "9"
