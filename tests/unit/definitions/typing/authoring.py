"""What a type checker makes of authored code. `# E:` marks a line that it must refuse, with a part of what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_type

import partita as pt


class Limits(pt.Config):
    limit: int = pt.Field(default=3, ge=0)


class Warehouse(pt.Resource):
    path: str


@pt.asset
def flights() -> list[int]:
    return [1]


@pt.asset(group="marts", ins={"flights": pt.In(key="raw/flights")})
def delays(context: pt.Context, flights: list[int], config: Limits, warehouse: Warehouse) -> int:
    return len(flights) + config.limit


@pt.asset
async def later(delays: int) -> str:
    return str(delays)


assert_type(flights(), list[int])
assert_type(delays(pt.Context(), [1], Limits(), Warehouse(path=pt.EnvVar("PLACE"))), int)
assert_type(delays.spec, pt.AssetSpec)
delays(pt.Context(), ["x"], Limits(), Warehouse(path="x"))  # E: List item 0 has incompatible type "str"
delays(pt.Context(), [1])  # E: Missing positional arguments "config", "warehouse"
flights(3)  # E: Too many arguments
pt.AssetSpec("x", grop="y")  # E: Unexpected keyword argument "grop"
pt.asset(grop="x")  # E: did you mean "group"?
Limits(limt=3)  # E: Unexpected keyword argument "limt"


@pt.asset_check(asset=delays, blocking=True)
def positive(delays: int) -> pt.CheckResult:
    return pt.CheckResult(passed=delays > 0, severity=pt.Severity.WARN)


assert_type(positive(3), pt.CheckResult)
positive("x")  # E: has incompatible type "str"; expected "int"


@pt.op
def extract(context: pt.Context, config: Limits) -> int:
    return config.limit


@pt.op
def clean(x: int, factor: int = 2) -> int:
    return x * factor


@pt.op(tags={"a": "b"})
def scaled(x: int, config: Limits) -> int:
    return x * config.limit


@pt.op(out={"even": pt.Out(optional=True), "odd": pt.Out(optional=True)})
def split(n: int) -> Iterator[pt.Output[int]]:
    yield pt.Output(n, output="even")


@pt.op(ins={"after": pt.In(pt.Nothing)})
def report() -> None: ...


@pt.graph
def load_one(x: int) -> int:
    return clean(scaled(x))


@pt.job(tags={"team": "etl"})
def nightly() -> None:
    number = extract()
    assert_type(number, int)
    parts = split(load_one(number))
    clean(parts.even, factor=3)
    clean.alias("again")(parts.odd)
    report(after=parts.even)


@pt.job
def wrong() -> None:
    clean("x")  # E: has incompatible type "str"; expected "int"
    clean()  # E: Missing positional argument "x"
    load_one("x")  # E: has incompatible type "str"; expected "int"
    clean.alias("again")("x")  # E: has incompatible type "str"; expected "int"


assert_type(nightly, pt.Job)
assert_type(clean(3), int)
repository = pt.Repository("r", assets=[flights, delays], checks=[positive], jobs=[nightly, pt.asset_job("refresh", selection="*")])
assert_type(pt.select("+delays", repository), set[pt.AssetKey])
assert_type(nightly.execute().success, bool)


class Words(pt.IOManager):
    def save(self, context: pt.OutputContext, value: object) -> None: ...

    def load(self, context: pt.InputContext) -> str:
        return context.name


class Forgetful(pt.IOManager):
    def save(self, context: pt.OutputContext, value: object) -> None: ...


Forgetful()  # E: Cannot instantiate abstract class
