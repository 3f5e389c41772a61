"""A repository with something of everything that the first encoding of a catalog holds, and a run of it that leaves every kind of event.

What stands in `encodings/` was made from it and is never written again: it is what stores of earlier versions hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import partita as pt
from partita.records.events import Event
from partita.records.locations import LocationCatalog

DAYS = pt.DailyPartitions("2024-01-01", end="2024-02-01", timezone="Europe/Berlin", hour_offset=2)
SHOPS = pt.DynamicPartitions("shops")


class Limits(pt.Config):
    """Bounds."""

    limit: int = pt.Field(default=3, ge=0)
    names: list[str] = pt.Field(default=["x"])


class Warehouse(pt.Resource):
    """Where things are kept."""

    path: str = "/tmp"


@pt.on_failure
def page(context: pt.HookContext) -> None:
    """Tell somebody."""


@pt.asset(
    key="raw/orders", partitions=DAYS, kinds=["csv"], owners=["team:data"], tags={"tier": "1"}, metadata={"rows": 3, "docs": pt.Url("https://x.y")}
)
def orders(context: pt.AssetContext, config: Limits) -> dict[str, int]:
    """Orders of a day."""
    context.log.info("reading")
    context.progress(1, 2, "half")
    return {"a": config.limit}


@pt.asset(
    group="marts",
    partitions=pt.MonthlyPartitions("2024-01-01"),
    ins={"orders": pt.In(key="raw/orders", mapping=pt.TimeWindowMapping(start_offset=-1, allow_missing=True))},
    deps=[pt.Dep("raw/shops", mapping=pt.AllMapping())],
    code_version="2",
    retry=pt.Retry(max_retries=2, delay=0.5, backoff="exponential", jitter="full"),
    timeout=timedelta(minutes=5),
    pool="dbt",
    priority=3,
    requires={"gpu": 1, "memory": "8GiB"},
    backfill=pt.Backfill.runs_of(7),
    hooks=[page],
)
def revenue(orders: dict[str, Any], warehouse: Warehouse) -> None:
    """Orders of a month, counted."""


@pt.asset(partitions=pt.StaticPartitions(["eu", "us"]))
async def regions() -> str:
    """One by one."""
    return "x"


@pt.asset(partitions=SHOPS)
def visits() -> int:
    """Per shop."""
    return 1


@pt.asset_check(asset=orders, blocking=True, metadata={"why": "x"})
def not_empty(orders: dict[str, int]) -> pt.CheckResult:
    """There are some."""
    return pt.CheckResult(passed=bool(orders), metadata={"count": len(orders)})


@pt.op(out=pt.DynamicOut(), tags={"a": "b"})
def shards() -> Iterator[pt.DynamicOutput[int]]:
    """Two."""
    for name in ("a", "b"):
        yield pt.DynamicOutput(1, mapping_key=name)


@pt.op(out={"even": pt.Out(optional=True), "odd": pt.Out(optional=True)})
def split(n: int) -> Iterator[pt.Output[int]]:
    """One of two."""
    yield pt.Output(n, output="odd")


@pt.op(retry=pt.Retry(max_retries=1, delay=0.0))
def fails(n: int) -> int:
    """Never works."""
    raise pt.Failure("no", metadata={"n": n})


@pt.op
def after(n: int) -> int:
    """Never reached."""
    return n


@pt.op(ins={"when": pt.In(pt.Nothing)})
def report(xs: list[int]) -> int:
    """All of them."""
    return sum(xs)


@pt.graph
def one(x: int) -> int:
    """Twice."""
    return after(after(x))


@pt.job(partitions=DAYS, config={"steps": {}}, tags={"team": "etl"}, hooks=[page], step_retry=pt.Retry(max_retries=1), timeout=60)
def nightly() -> None:
    """Everything in a graph."""
    total = report(shards().map(one).collect(), when=split(4).odd)
    parts = split(total)
    after.alias("even")(parts.even)
    after.alias("broken")(fails(parts.odd))


@pt.job
def plain() -> None:
    """Without partitions."""
    shards()


refresh = pt.asset_job("refresh", selection="group:marts", tags={"x": "y"}, executor=pt.in_process())


@pt.schedule(cron=["0 2 * * 1-5", "0 4 * * 0,6"], target=refresh, timezone="Europe/Berlin")
def chosen(context: pt.ScheduleContext) -> pt.RunRequest:
    """On demand."""
    return pt.RunRequest(partition="2024-01")


@pt.sensor(target=nightly, interval=5.0, timeout=30.0, default_on=True)
def files(context: pt.SensorContext) -> pt.Skip:
    """New ones."""
    return pt.Skip("none")


repository = pt.Repository(
    "everything",
    assets=[orders, revenue, regions, visits, pt.AssetSpec("raw/shops", description="Elsewhere.")],
    checks=[not_empty],
    jobs=[nightly, plain, refresh],
    schedules=[pt.Schedule("hourly", cron="@hourly", target="plain", tags={"a": "b"}), chosen, pt.partition_schedule(nightly, hour=1)],
    sensors=[files],
    resources={"warehouse": Warehouse()},
    io_managers={"io_manager": pt.MemoryIO()},
    executor=pt.in_process(),
)
"""All of it."""


def catalog() -> LocationCatalog:
    """The catalog of a location that holds it."""
    return LocationCatalog(location="main", repositories=(repository.spec,), warnings=("careful",))


def events() -> list[Event]:
    """What runs of it leave behind."""
    first = pt.materialize([orders, not_empty], partition="2024-01-02", raise_on_error=False)
    second = nightly.execute(partition="2024-01-02", raise_on_error=False)
    return [*first.events, *second.events]
