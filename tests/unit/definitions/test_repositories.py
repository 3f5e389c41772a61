"""Repositories: what they resolve, what they refuse, all of it at once and with file and line."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import partita as pt
from partita.definitions.specs import RepositorySpec
from partita.records import codec

if TYPE_CHECKING:
    from partita import AssetContext as OnlyForTypeCheckers


class Warehouse(pt.Resource):
    """Where tables live."""

    path: str


class Limits(pt.Config):
    limit: int = pt.Field(default=3, ge=0)


class DictIO(pt.IOManager):
    def save(self, context: pt.OutputContext, value: Any) -> None: ...
    def load(self, context: pt.InputContext) -> Any: ...


class OneProcessIO(DictIO):
    needs_one_process = True


def refused(**parts: Any) -> pt.DefinitionError:
    with pytest.raises(pt.DefinitionError) as caught:
        pt.Repository("r", **parts)
    return caught.value


def an_asset(key: str, **options: Any) -> Any:
    @pt.asset(key=key, **options)
    def computed() -> int: ...

    return computed


# ---- upstream names


def test_an_upstream_name_is_a_key_or_the_only_last_segment() -> None:
    @pt.asset
    def delays(planes: int, flights: int) -> int: ...

    repository = pt.Repository("r", assets=[an_asset("planes"), an_asset("old/planes"), an_asset("raw/flights"), delays])

    assert [each.key for each in repository.asset("delays").spec.inputs] == ["planes", "raw/flights"]
    assert [each.key for each in delays.spec.inputs] == ["planes", "flights"]
    assert repository.graph.upstream(pt.AssetKey("delays")) == ("planes", "raw/flights")


def test_an_ambiguous_name_is_told_with_its_candidates() -> None:
    @pt.asset
    def delays(flights: int) -> int: ...

    error = refused(assets=[an_asset("eu/flights"), an_asset("us/flights"), delays])

    assert isinstance(error, pt.UnknownDependencyError)
    assert "parameter 'flights' may be any of 'eu/flights', 'us/flights'" in str(error)


def test_an_unknown_dependency_is_told_with_the_nearest_and_with_what_to_do() -> None:
    @pt.asset(deps=["raw/planes"])
    def delays(flihgts: int) -> int: ...

    error = refused(assets=[an_asset("flights"), delays])

    assert isinstance(error, pt.DefinitionErrors)
    by_name, by_deps = map(str, error.errors)
    assert by_name.startswith(f"{__file__}:")
    assert "asset 'delays': parameter 'flihgts' loads asset 'flihgts', which the repository does not have. Did you mean 'flights'?" in by_name
    assert "deps name asset 'raw/planes'" in by_deps
    assert "pt.AssetSpec('raw/planes')" in by_deps


def test_a_spec_alone_declares_what_is_made_elsewhere() -> None:
    @pt.asset(deps=["raw/planes"])
    def delays(flights: int) -> int: ...

    repository = pt.Repository("r", assets=[delays, pt.AssetSpec("raw/planes"), pt.AssetSpec("ingest/flights")])

    assert repository.asset("delays").spec.inputs[0].key == "ingest/flights"
    assert [each.is_external for each in repository.spec.assets] == [False, True, True]


def test_an_optional_parameter_that_names_no_asset_keeps_its_default() -> None:
    @pt.asset
    def delays(flights: int, threshold: int = 15) -> int: ...

    repository = pt.Repository("r", assets=[an_asset("flights"), delays])

    assert [each.name for each in repository.asset("delays").spec.inputs] == ["flights"]


def test_an_unresolved_annotation_is_told_where_it_matters() -> None:
    @pt.asset
    def delays(context: OnlyForTypeCheckers) -> int: ...

    assert "Its annotation 'OnlyForTypeCheckers' cannot be resolved" in str(refused(assets=[delays]))


def test_a_circle_is_refused_with_places() -> None:
    @pt.asset
    def a(b: int) -> int: ...
    @pt.asset
    def b(a: int) -> int: ...

    error = refused(assets=[a, b])

    assert isinstance(error, pt.CycleError)
    assert f"({__file__}:" in str(error)


# ---- names


def test_two_assets_with_one_key_are_refused_with_both_places() -> None:
    one, other = an_asset("x"), pt.AssetSpec("x")

    error = refused(assets=[one, other])

    assert isinstance(error, pt.DuplicateNameError)
    assert str(error).startswith(f"{other.source.file}:{other.source.line}: asset 'x'" if other.source else "?")
    assert f"{one.spec.source.file}:{one.spec.source.line}" in str(error)


def test_the_same_asset_may_be_listed_twice_and_in_lists() -> None:
    one, two = an_asset("x"), an_asset("y")

    assert [each.key for each in pt.Repository("r", assets=[one, [two, [one]]]).assets] == ["x", "y"]
    assert [each.key for each in pt.Repository("r", assets=one).assets] == ["x"]


def test_two_checks_of_one_name_are_refused() -> None:
    def a_check() -> Any:
        @pt.asset_check(asset="x")
        def same() -> pt.CheckResult: ...

        return same

    error = refused(assets=[an_asset("x")], checks=[a_check(), a_check()])

    assert isinstance(error, pt.DuplicateNameError)
    assert "check 'x:same'" in str(error)


def test_a_check_of_an_unknown_asset_is_refused() -> None:
    @pt.asset_check(asset="delay")
    def ok() -> pt.CheckResult: ...

    assert "Did you mean 'delays'?" in str(refused(assets=[an_asset("delays")], checks=[ok]))


def test_two_jobs_of_one_name_are_refused() -> None:
    error = refused(assets=[an_asset("x")], jobs=[pt.asset_job("refresh"), pt.asset_job("refresh")])

    assert isinstance(error, pt.DuplicateNameError)
    assert "job 'refresh'" in str(error)


def test_two_ops_of_one_name_are_refused() -> None:
    def a_job(name: str) -> pt.Job:
        @pt.op
        def extract() -> int: ...
        @pt.job(name=name)
        def body() -> None:
            extract()

        return body

    error = refused(jobs=[a_job("one"), a_job("two")])

    assert isinstance(error, pt.DuplicateNameError)
    assert "op 'extract'" in str(error)
    assert "alias()" in str(error)


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"assets": [len]}, "Decorate the function with @pt.asset"),
        ({"assets": "delays"}, "'delays' is not an asset"),
        ({"assets": 5}, "5 is not an asset"),
        ({"assets": sys}, "pt.load_assets(sys)"),
        ({"checks": [5]}, "5 is not a check"),
        ({"jobs": [5]}, "5 is not a job"),
        ({"resources": {"a b": 1}}, "'a b'"),
        ({"resources": {"w": Warehouse}}, "Give an instance: Warehouse(...)"),
        ({"resources": {"io": DictIO()}}, "io_managers={...}"),
        ({"io_managers": {"io": DictIO}}, "not an instance of a pt.IOManager"),
        ({"resources": {"x": 1}, "io_managers": {"x": DictIO()}}, "a resource is called so too"),
        ({"executor": "threads"}, "executor='threads'"),
    ],
)
def test_what_does_not_belong_is_refused(parts: dict[str, Any], fault: str) -> None:
    error = refused(**parts)

    assert fault in str(error)
    assert str(error).startswith(f"{__file__}:")


def test_checks_and_graphs_in_the_wrong_place_are_told_where_they_go() -> None:
    @pt.asset_check(asset="x")
    def ok() -> pt.CheckResult: ...
    @pt.graph
    def load() -> None: ...

    assert "checks=[...]" in str(refused(assets=[ok]))
    assert "body of a @pt.job" in str(refused(jobs=[load]))


def test_a_bad_name_is_refused() -> None:
    with pytest.raises(pt.DefinitionError, match="'a/b'"):
        pt.Repository("a/b")


# ---- resources and IO managers


def test_a_missing_resource_is_refused_for_assets_checks_and_ops() -> None:
    @pt.asset
    def delays(warehose: Warehouse) -> int: ...
    @pt.asset_check(asset=delays)
    def ok(client: pt.Provided[int]) -> pt.CheckResult: ...
    @pt.op
    def extract(feed: Warehouse) -> int: ...
    @pt.job
    def nightly() -> None:
        extract()

    error = refused(assets=[delays], checks=[ok], jobs=[nightly], resources={"warehouse": Warehouse(path="x")})

    assert isinstance(error, pt.DefinitionErrors)
    told = [str(each) for each in error.errors]
    assert [each.split(": ")[1] for each in told] == ["asset 'delays'", "check 'delays:ok'", "op 'extract'"]
    assert "Did you mean 'warehouse'?" in told[0]


def test_a_resource_of_another_type_is_refused() -> None:
    @pt.asset
    def delays(warehouse: Warehouse) -> int: ...

    assert "takes a Warehouse, and the resource of that name is a int" in str(refused(assets=[delays], resources={"warehouse": 5}))


def test_a_resource_with_a_default_may_be_missing() -> None:
    @pt.asset
    def delays(warehouse: Warehouse | None = None) -> int: ...

    assert pt.Repository("r", assets=[delays]).asset("delays").spec.resources == ("warehouse",)


def test_a_missing_io_manager_is_refused() -> None:
    @pt.asset(ins={"x": pt.In(key="x", io_manager="laek")})
    def reads(x: int) -> None: ...
    @pt.op(out=pt.Out(io_manager="lakes"))
    def extract() -> int: ...
    @pt.job
    def nightly() -> None:
        extract()

    error = refused(assets=[an_asset("x", io_manager="lak"), reads], jobs=[nightly], io_managers={"lake": DictIO()})

    assert isinstance(error, pt.DefinitionErrors)
    told = [str(each) for each in error.errors]
    assert [each.split(": ", 1)[1].split(": it")[0] for each in told] == ["asset 'x'", "asset 'reads': input 'x'", "op 'extract'"]
    assert all("Did you mean 'lake'?" in each for each in told)


def test_an_external_assets_io_manager_is_needed_by_who_loads_it() -> None:
    @pt.asset
    def reads(feed: int) -> None: ...

    external = pt.AssetSpec("feed", io_manager="lake")

    assert pt.Repository("r", assets=[external]).spec.assets[0].io_manager == "lake"
    assert "asset 'reads': input 'feed'" in str(refused(assets=[external, reads]))


def test_an_asset_that_stores_nothing_needs_no_io_manager() -> None:
    @pt.asset(io_manager="unknown")
    def writes_itself() -> None: ...

    pt.Repository("r", assets=[writes_itself])


def test_values_in_memory_need_an_executor_of_one_process() -> None:
    managers = {"io_manager": OneProcessIO()}

    assert "executor=pt.in_process()" in str(refused(io_managers=managers))
    pt.Repository("r", io_managers=managers, executor=pt.in_process())
    job = pt.asset_job("refresh", executor=pt.processes(2))
    error = refused(assets=[an_asset("x")], jobs=[job], io_managers=managers, executor=pt.in_process())
    assert f"{__file__}:" in str(error)
    assert "job 'refresh'" in str(error)


# ---- all at once


def test_an_error_of_materialize_leads_to_its_caller() -> None:
    with pytest.raises(pt.DefinitionError) as caught:
        pt.materialize([len])

    assert str(caught.value).startswith(f"{__file__}:")


def test_all_errors_are_told_together() -> None:
    @pt.asset
    def delays(nothing: int, warehouse: Warehouse) -> int: ...

    error = refused(assets=[delays, an_asset("x"), pt.AssetSpec("x")], jobs=[pt.asset_job("refresh", selection="nope")])

    assert isinstance(error, pt.DefinitionErrors)
    assert {type(each) for each in error.errors} == {pt.DuplicateNameError, pt.UnknownDependencyError, pt.DefinitionError}
    assert str(error).startswith("Repository 'r' has 4 errors:\n- ")
    assert all(str(each).startswith(f"{__file__}:") for each in error.errors)


# ---- what a repository gives


def a_rich_repository() -> pt.Repository:
    @pt.asset(
        key_prefix="marts",
        deps=[pt.Dep("raw/planes", mapping=pt.AllMapping())],
        ins={"flights": pt.In(mapping=pt.TimeWindowMapping(start_offset=-1))},
        partitions=pt.DailyPartitions("2013-01-01", timezone="America/New_York"),
        metadata={"rows": 3, "note": pt.Markdown("*x*"), "table": pt.Table([{"a": 1}])},
        retry=pt.Retry(max_retries=2, backoff="exponential"),
        tags={"tier": "1"},
    )
    def delays(context, flights: int, config: Limits, warehouse: Warehouse) -> int:  # type: ignore[no-untyped-def]
        """Late flights."""
        return 1

    @pt.asset_check(asset=delays, blocking=True)
    def ok(delays: int) -> pt.CheckResult: ...
    @pt.op(out={"a": pt.Out(), "b": pt.Out(optional=True)})
    def split(n: int, config: Limits) -> Any: ...
    @pt.graph
    def inner(x: int) -> Any:
        return split(x)

    @pt.job(config={"steps": {"inner.split": {"limit": 2}}})
    def nightly() -> None:
        inner(inner(3).a)

    return pt.Repository(
        "rich",
        description="All of it.",
        assets=[delays, pt.AssetSpec("raw/planes"), pt.AssetSpec("raw/flights", partitions=pt.DailyPartitions("2013-01-01"))],
        checks=[ok],
        jobs=[nightly, pt.asset_job("refresh", selection="marts/delays", executor=pt.in_process())],
        resources={"warehouse": Warehouse(path=pt.EnvVar("PLACE")), "client": object()},
        io_managers={"lake": DictIO()},
        executor=pt.processes(4),
    )


def test_the_spec_of_a_repository_can_be_encoded_and_comes_back() -> None:
    spec = a_rich_repository().spec

    assert codec.decode(codec.encode(spec), RepositorySpec) == spec


def test_the_spec_holds_all_that_was_declared() -> None:
    spec = a_rich_repository().spec

    assert [each.key for each in spec.assets] == ["marts/delays", "raw/planes", "raw/flights"]
    assert [each.step_key for each in spec.checks] == ["marts/delays:ok"]
    assert [each.name for each in spec.ops] == ["split"]
    assert [each.name for each in spec.graphs] == ["nightly", "inner"]
    assert [each.name for each in spec.jobs] == ["nightly", "refresh"]
    assert [(each.name, each.type_name, each.is_io_manager) for each in spec.resources] == [
        ("warehouse", "Warehouse", False),
        ("client", "object", False),
        ("lake", "DictIO", True),
    ]
    assert spec.resources[0].config is not None
    assert spec.resources[0].config.defaults == {"path": {"env": "PLACE"}}
    assert spec.resources[0].description == "Where tables live."
    assert (spec.executor, spec.description) == (pt.processes(4), "All of it.")


def test_definitions_are_found_by_name() -> None:
    repository = a_rich_repository()

    assert repository.asset("marts/delays").spec.inputs[0].key == "raw/flights"
    assert repository.check("marts/delays:ok").spec.is_blocking
    assert repository.op("split").name == "split"
    assert repository.job("nightly").repository is repository
    assert set(repository.resource_instances) == {"warehouse", "client"}
    assert set(repository.io_manager_instances) == {"lake"}


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    repository = a_rich_repository()

    for find, wrong, right in (
        (repository.asset, "delays", "marts/delays"),
        (repository.check, "marts/delays:okay", "marts/delays:ok"),
        (repository.op, "splits", "split"),
        (repository.job, "nightl", "nightly"),
    ):
        with pytest.raises(pt.NotFoundError, match=f"Did you mean '{right}'"):
            find(wrong)
    with pytest.raises(pt.NotFoundError):
        repository.asset("raw/planes")


# ---- load_assets


def test_assets_of_a_module_are_loaded_in_order_of_definition() -> None:
    module = ModuleType("tables")
    one, two, three = an_asset("one"), an_asset("two"), pt.AssetSpec("three")
    vars(module).update(two=two, many=[one, three], again=two, number=5)

    assert pt.load_assets(module) == [two, one, three]


def test_assets_of_a_package_are_loaded_from_all_its_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "assets_for_load"
    (package / "deep").mkdir(parents=True)
    for name, key in (("__init__", "a"), ("tables", "b"), ("deep/__init__", "c"), ("deep/more", "d")):
        (package / f"{name}.py").write_text(f"import partita as pt\n\n@pt.asset(key='{key}')\ndef one() -> int:\n    return 1\n")
    (package / "__main__.py").write_text("raise SystemExit('a program is not to be run')\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert [each.spec.key for each in pt.load_assets("assets_for_load")] == ["a", "c", "d", "b"]


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(pt.DefinitionError, match=r"load_assets\(3\): give a module or package, or its name"):
        pt.load_assets(3)  # type: ignore[arg-type]
