"""`@pt.asset`: the spec that a function and its decorator make, and the function that stays one."""

from __future__ import annotations

import inspect
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.definitions.specs import DepSpec, InputSpec

HERE = str(Path(__file__))


class Limits(pt.Config):
    limit: int = 3


class Warehouse(pt.Resource):
    path: str


def test_a_bare_decorator_names_the_asset_after_its_function() -> None:
    @pt.asset
    def delays(flights: int) -> int:
        """Flights that came late."""
        return flights + 1

    assert delays.key == "delays"
    assert delays.spec.description == "Flights that came late."
    assert delays.spec.inputs == (InputSpec(name="flights", key=pt.AssetKey("flights"), type_name="int"),)
    assert not delays.spec.is_external


def test_an_asset_is_called_like_its_function() -> None:
    @pt.asset(group="marts")
    def delays(flights: int, factor: int = 2) -> int:
        """Doc."""
        return flights * factor

    assert delays(3) == 6
    assert delays(flights=3, factor=5) == 15
    assert delays.__name__ == "delays"
    assert delays.__doc__ == "Doc."
    assert list(inspect.signature(delays).parameters) == ["flights", "factor"]


def test_everything_that_is_declared_stands_in_the_spec() -> None:
    @pt.asset(
        key=["marts", "delays"],
        deps=["raw/airports", pt.Dep("raw/planes", mapping=pt.AllMapping())],
        group="marts/air",
        kinds=["pandas"],
        owners=["team:data", "ann@example.org"],
        tags={"tier": "1", "pii": ""},
        metadata={"rows": 3},
        description="Given.",
        partitions=pt.DailyPartitions("2013-01-01"),
        code_version="v2",
        io_manager="lake",
        retry=pt.Retry(max_retries=2),
        timeout=timedelta(minutes=1),
        pool="dbt",
        priority=5,
        requires={"memory": "8GiB", "gpu": 1},
    )
    def anything(config: Limits, warehouse: Warehouse) -> None:
        """Not this."""

    spec = anything.spec
    assert spec.key.path == ("marts", "delays")
    assert [dep.key for dep in spec.deps] == ["raw/airports", "raw/planes"]
    assert spec.deps[1].mapping == pt.AllMapping().spec
    assert (spec.group, spec.kinds, spec.owners) == ("marts/air", ("pandas",), ("team:data", "ann@example.org"))
    assert spec.tags == (("pii", ""), ("tier", "1"))
    assert spec.metadata[0].value == 3
    assert spec.description == "Given."
    assert spec.partitions == pt.DailyPartitions("2013-01-01").spec
    assert (spec.code_version, spec.io_manager, spec.pool, spec.priority) == ("v2", "lake", "dbt", 5)
    assert (spec.retry, spec.timeout) == (pt.Retry(max_retries=2), 60.0)
    assert spec.requires == (("gpu", "1"), ("memory", "8GiB"))
    assert spec.resources == ("warehouse",)
    assert spec.config is not None
    assert spec.config.defaults == {"limit": 3}
    assert not spec.stores_value
    assert anything.config_type is Limits


def test_a_prefix_goes_before_the_key() -> None:
    @pt.asset(key_prefix=["raw", "eu"])
    def flights() -> int: ...
    @pt.asset(key="x/y", key_prefix="raw")
    def other() -> int: ...

    assert flights.key == "raw/eu/flights"
    assert other.key == "raw/x/y"


def test_deps_may_be_assets_and_specs() -> None:
    @pt.asset(key="raw/flights")
    def flights() -> int: ...
    @pt.asset(deps=[flights, pt.AssetSpec("raw/planes"), pt.AssetKey("x")])
    def delays() -> None: ...

    assert delays.spec.deps == tuple(DepSpec(key=pt.AssetKey(key)) for key in ("raw/flights", "raw/planes", "x"))
    assert delays.spec.upstream == ("raw/flights", "raw/planes", "x")


def test_ins_say_what_a_parameter_loads() -> None:
    @pt.asset(key="raw/flights")
    def raw() -> int: ...
    @pt.asset(ins={"flights": pt.In(key=raw, mapping=pt.LastMapping(), io_manager="lake"), "weather": "raw/weather"})
    def delays(flights: int, weather: int, planes: int) -> int: ...

    flights, weather, planes = delays.spec.inputs
    assert (flights.key, flights.mapping, flights.io_manager) == ("raw/flights", pt.LastMapping().spec, "lake")
    assert (weather.key, planes.key) == ("raw/weather", "planes")
    assert delays.by_name == {"planes"}


def test_rest_parameters_take_the_rest_of_ins() -> None:
    @pt.asset(ins={"a": pt.In(key="x/a"), "b": pt.In(key="x/b")})
    def all_of(a: int, **inputs: int) -> int: ...

    assert [(each.name, each.key) for each in all_of.spec.inputs] == [("a", "x/a"), ("b", "x/b")]


def test_an_input_that_is_nothing_is_only_waited_for() -> None:
    @pt.asset(ins={"cleanup": pt.In(pt.Nothing, key="ops/cleanup")})
    def delays() -> int: ...

    assert delays.spec.inputs == ()
    assert delays.spec.deps == (DepSpec(key=pt.AssetKey("ops/cleanup")),)


def test_an_asset_knows_where_it_stands() -> None:
    @pt.asset
    def delays() -> int: ...

    assert delays.spec.source is not None
    assert (delays.spec.source.file, delays.spec.source.line) == (HERE, inspect.getsourcelines(delays.function)[1])


def test_an_external_asset_knows_where_it_stands() -> None:
    spec = pt.AssetSpec("raw/orders", group="raw", kinds=["csv"], deps=["raw/feed"])

    line = inspect.currentframe().f_lineno - 2  # type: ignore[union-attr]
    assert spec.is_external
    assert spec.source is not None
    assert (spec.source.file, spec.source.line) == (HERE, line)


def test_async_and_generator_functions_are_recorded() -> None:
    @pt.asset
    async def delays() -> int: ...

    assert delays.spec.is_async
    assert delays.signature.is_async


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"key": ""}, "segment is empty"),
        ({"key_prefix": "a b"}, "'a b'"),
        ({"group": "g 1"}, "group 'g 1'"),
        ({"kinds": ["a b"]}, "kind 'a b'"),
        ({"kinds": "sql"}, "kinds=['sql']"),
        ({"owners": ["ann"]}, "owner 'ann'"),
        ({"tags": {"a b": "c"}}, "tag 'a b'"),
        ({"tags": {"a": "b c"}}, "'b c'"),
        ({"tags": {"a": 5}}, "5"),
        ({"metadata": {"x": object()}}, "Metadata 'x'"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": "1h"}, "timeout='1h'"),
        ({"retry": 3}, "retry=3"),
        ({"partitions": "daily"}, "partitions='daily'"),
        ({"ins": {"flights": 5}}, "5 is not an asset key"),
        ({"deps": "raw/flights"}, "deps=['raw/flights']"),
        ({"ins": {"flihgts": pt.In(key="x")}}, "Did you mean 'flights'?"),
        ({"ins": {"config": pt.In(key="x")}}, "the function's config"),
        ({"ins": {"flights": pt.In(pt.Nothing)}}, "Drop the parameter"),
    ],
)
def test_what_cannot_be_is_refused_with_file_and_line(options: dict[str, Any], fault: str) -> None:
    def delays(flights: int, config: Limits) -> int: ...

    with pytest.raises(pt.DefinitionError) as caught:
        pt.asset(**options)(delays)

    line = inspect.getsourcelines(delays)[1]
    assert str(caught.value).startswith(f"{HERE}:{line}: asset 'delays': ")
    assert fault in str(caught.value)
    assert (caught.value.file, caught.value.line) == (HERE, line)


def test_an_external_asset_that_cannot_be_is_refused_with_file_and_line() -> None:
    with pytest.raises(pt.DefinitionError, match=r"test_asset_decorator\.py:\d+: asset 'x': group 'a b'"):
        pt.AssetSpec("x", group="a b")


def test_a_mapping_must_be_one() -> None:
    with pytest.raises(pt.DefinitionError, match="mapping='last'"):
        pt.In(mapping="last")  # type: ignore[arg-type]
    with pytest.raises(pt.DefinitionError, match="mapping='last'"):
        pt.Dep("x", mapping="last")  # type: ignore[arg-type]


def test_a_function_without_a_name_needs_a_key() -> None:
    with pytest.raises(pt.SignatureError, match="key="):
        pt.asset(lambda: 1)

    assert pt.asset(key="one")(lambda: 1).key == "one"


@pytest.mark.parametrize(
    ("requires", "problem"), [({"gpu": "x"}, "'x' is no amount of gpu"), ({"memory": "8GB?"}, "no amount of memory"), ({"cpu": -1}, "'-1'")]
)
def test_what_a_machine_must_provide_is_an_amount(requires: dict[str, object], problem: str) -> None:
    with pytest.raises(pt.DefinitionError, match=problem):

        @pt.asset(requires=requires)  # type: ignore[arg-type]
        def wanting() -> int:
            return 1


def test_amounts_are_numbers_or_bytes() -> None:
    @pt.asset(requires={"gpu": 1, "memory": "8 GiB", "disk": "1.5TB"})
    def wanting() -> int:
        return 1

    assert wanting.spec.requires == (("disk", "1.5TB"), ("gpu", "1"), ("memory", "8 GiB"))


def test_a_parameter_without_annotation_that_was_meant_for_something_else_is_told_how_to_write_it() -> None:
    @pt.asset
    def loads(warehouse, config) -> int:  # type: ignore[no-untyped-def]
        return 1

    with pytest.raises(pt.DefinitionErrors) as caught:
        pt.Repository("r", assets=[loads], resources={"warehouse": Warehouse(path="here")})

    said = str(caught.value)
    assert "If the resource of that name is meant, annotate it: warehouse: Warehouse." in said
    assert "If run config is meant, annotate it with the class that it is of, a pt.Config." in said
