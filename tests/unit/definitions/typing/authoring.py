"""What a type checker makes of authored code. `# E:` marks a line that it must refuse, with a part of what it says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
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


@pt.op(out=pt.DynamicOut(), retry=pt.Retry())
def shards(context: pt.OpContext) -> Iterator[pt.DynamicOutput[int]]:
    yield pt.DynamicOutput(1, mapping_key="a")


@pt.op(out=pt.DynamicOut())
async def letters(word: str) -> AsyncIterator[pt.DynamicOutput[str]]:
    yield pt.DynamicOutput(word, mapping_key=word)


@pt.op
def total(xs: list[int]) -> int:
    return sum(xs)


@pt.on_failure
def page(context: pt.HookContext, warehouse: Warehouse) -> None:
    context.log.error("%s: %s", context.step_key, context.error)


@pt.on_success(name="applause")
def cheer(context: pt.Context) -> bool:
    return True


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


@pt.job(hooks=[page, cheer])
def fan_out() -> None:
    numbers = shards()
    assert_type(numbers, pt.Dynamic[int])
    assert_type(numbers.map(load_one), pt.Dynamic[int])
    assert_type(numbers.map(lambda x: clean(x, factor=2)).collect(), list[int])
    total(numbers.map(scaled).collect())
    assert_type(letters("ab"), pt.Dynamic[str])


@pt.job
def wrong() -> None:
    total(shards().map(clean))  # E: has incompatible type "Dynamic[int]"; expected "list[int]"
    letters("ab").map(clean)  # E: expected "Callable[[str], int]"
    letters(3)  # E: has incompatible type "int"; expected "str"
    clean(shards())  # E: has incompatible type "Dynamic[int]"; expected "int"
    clean("x")  # E: has incompatible type "str"; expected "int"
    clean()  # E: Missing positional argument "x"
    load_one("x")  # E: has incompatible type "str"; expected "int"
    clean.alias("again")("x")  # E: has incompatible type "str"; expected "int"


assert_type(cheer(pt.Context()), bool)
assert_type([each.value for each in letters("ab")], list[str])


@pt.asset(hooks=[page])
def watched() -> int:
    raise pt.RetryRequested("later", delay=5, max_retries=2)


@pt.op(out=pt.DynamicOut())  # E: incompatible type
def no_items() -> int:
    return 1


pt.asset(hooks=[clean])  # E: List item 0 has incompatible type
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

assert_type(pt.Condition.eager() & ~pt.Condition.failed().any_dep(), pt.Condition)
pt.asset(automation="eager")  # E: No overload variant
pt.Condition.missing() & "failed"  # E: Unsupported operand types for &
pt.AssetSpec("x", freshness=3)  # E: incompatible type "int"
