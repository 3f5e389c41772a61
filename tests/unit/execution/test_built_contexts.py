"""Functions called directly, with a context that a test builds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

import partita as pt
from partita.errors import ExecutionError
from partita.records.events import LogWritten, ProgressMade

DAYS = pt.DailyPartitions("2024-01-01")


class Limits(pt.Config):
    limit: int = 3


class Connection(pt.Resource):
    told: ClassVar[list[str]] = []

    @contextmanager
    def lifespan(self, context: Any) -> Iterator[str]:
        self.told.append("open")
        yield "connection"
        self.told.append("close")


@pt.asset(partitions=DAYS)
def delays(context: pt.AssetContext, flights: list[int], config: Limits) -> int:
    context.log.info("day %s", context.partition_key)
    context.progress(1, 2)
    context.add_metadata({"rows": len(flights)})
    return sum(flights[: config.limit]) + sum(context.load("raw/extra", partition=context.partition_key))


@pt.op
def stoppable(context: pt.OpContext) -> int:
    done = 0
    while not context.is_cancelled:
        done += 1
        context.cancel()  # type: ignore[attr-defined]  # as somebody would meanwhile
    return done


@pt.asset_check(asset=delays)
def positive(context: pt.CheckContext, delays: int) -> pt.CheckResult:
    return pt.CheckResult(passed=delays > 0, description=str(context.asset_key))


def test_a_function_is_called_with_a_context_of_its_kind() -> None:
    context = pt.build_context(partition="2024-01-02", partitions=DAYS, upstream={"raw/extra": {"2024-01-01": [5], "2024-01-02": [7]}})

    assert delays(context, [1, 2, 3, 4], Limits()) == 13
    assert context.metadata == {"rows": 4}
    assert [type(event) for event in context.events] == [LogWritten, ProgressMade]
    assert context.partition_window.start == datetime(2024, 1, 2, tzinfo=UTC)
    assert context.upstream_keys("extra") == ("2024-01-01", "2024-01-02")
    assert positive(pt.build_context(asset=delays), 3) == pt.CheckResult(passed=True, description="delays")
    assert stoppable(pt.build_context()) == 1


def test_resources_are_open_while_the_context_is() -> None:
    with pt.build_context(resources={"db": Connection(), "plain": 3}) as context:
        assert (context.resources["db"], context.resources["plain"]) == ("connection", 3)
        assert Connection.told == ["open"]

    assert Connection.told == ["open", "close"]


def test_config_and_tags_are_what_was_given() -> None:
    context = pt.build_context(config=Limits(limit=1), tags={"team": "etl"}, partition=["a", "b"])

    assert (context.config, context.tags, context.partition_keys) == (Limits(limit=1), {"team": "etl"}, ("a", "b"))


def test_the_last_write_of_an_asset_is_what_was_given() -> None:
    context = pt.build_context(latest={delays: pt.Materialization(metadata={"rows": 3}, data_version="7")})
    found = context.latest("delays")

    assert found is not None
    assert (found.metadata, found.data_version) == ({"rows": 3}, "7")
    with pytest.raises(pt.RequestError, match=r"latest=\{'delays': 3\}: give a pt\.Materialization"):
        pt.build_context(latest={"delays": 3})  # type: ignore[dict-item]


def test_what_cannot_be_is_refused_in_words() -> None:
    with pytest.raises(pt.RequestError, match="partition='yesterday' is no key of the partitions given: daily from 2024-01-01"):
        pt.build_context(partition="yesterday", partitions=DAYS)
    with pytest.raises(pt.RequestError, match=r"upstream=\[1\]: give a mapping"):
        pt.build_context(upstream=[1])  # type: ignore[arg-type]
    with pytest.raises(pt.NotFoundError, match=r"There is no upstream asset 'raw/ordesr'\. Did you mean 'raw/orders'"):
        pt.build_context(upstream={"raw/orders": 1}).load("raw/ordesr")
    with pytest.raises(pt.NotFoundError, match="partition of upstream asset 'raw/orders'"):
        pt.build_context(upstream={"raw/orders": {"a": 1}}).load("raw/orders", partition="b")
    with pytest.raises(ExecutionError, match="is not partitioned by time"):
        _ = pt.build_context(partition="a").partition_window


def test_the_asset_says_how_its_partition_is_cut() -> None:
    @pt.asset(partitions=pt.DailyPartitions("2024-01-01"))
    def daily(context: pt.AssetContext) -> str:
        return context.partition_window.start.date().isoformat()

    assert daily(pt.build_context(asset=daily, partition="2024-02-03")) == "2024-02-03"
    with pytest.raises(pt.RequestError, match="is no key of the partitions"):
        pt.build_context(asset=daily, partition="monday")
