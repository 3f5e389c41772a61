"""From requests to plans: jobs of ops, their nested graphs, and their config."""

from __future__ import annotations

import pytest

import partita as pt
from partita.errors import InvalidConfigErrors, NotFoundError, RequestError
from partita.planning.plan import FromOutput, FromSeveral, FromValue, Plan
from support.running import plan_of

DAYS = pt.DailyPartitions(start="2013-01-01", end="2013-04-01")


def keys(plan: Plan) -> list[str]:
    return [step.key for step in plan.steps]


# ---- ops ------------------------------------------------------------------------------------------------------------


@pt.op
def number() -> int:
    return 1


@pt.op
def add(a: int, b: int = 10) -> int:
    return a + b


@pt.op
def total(xs: list[int]) -> int:
    return sum(xs)


@pt.op(ins={"after": pt.In(pt.Nothing)})
def finish() -> None:
    return None


@pt.graph
def twice(x):  # type: ignore[no-untyped-def]
    return add.alias("second")(add(x, 1), 2)


@pt.job
def nested() -> None:
    one = number()
    finish(after=total([twice(one), twice.alias("again")(5), one]))


def test_nested_graphs_are_flattened_to_steps_with_dotted_keys() -> None:
    plan = plan_of(pt.Repository("ops", jobs=[nested]), job="nested")

    assert keys(plan) == ["number", "twice.add", "twice.second", "again.add", "again.second", "total", "finish"]
    assert {step.definition for step in plan.steps} == {"number", "add", "total", "finish"}


def test_inputs_are_traced_through_the_graphs_around_them() -> None:
    plan = plan_of(pt.Repository("ops", jobs=[nested]), job="nested")
    sources = {step.key: {each.name: each.source for each in step.inputs} for step in plan.steps}

    assert sources["twice.add"] == {"a": FromOutput(step="number"), "b": FromValue(value=1)}
    assert sources["twice.second"] == {"a": FromOutput(step="twice.add"), "b": FromValue(value=2)}
    assert sources["again.add"]["a"] == FromValue(value=5)
    assert sources["total"] == {
        "xs": FromSeveral(sources=(FromOutput(step="twice.second"), FromOutput(step="again.second"), FromOutput(step="number")))
    }
    assert plan.by_key["finish"].depends_on == ("total",)


def test_an_unconnected_input_with_a_default_is_left_to_the_function() -> None:
    @pt.job
    def small() -> None:
        add(number())

    plan = plan_of(pt.Repository("ops", jobs=[small]), job="small")

    assert [each.name for each in plan.by_key["add"].inputs] == ["a"]


def test_every_op_of_a_partitioned_job_has_the_key_of_the_run() -> None:
    @pt.job(partitions=DAYS)
    def daily() -> None:
        add(number())

    plan = plan_of(pt.Repository("ops", jobs=[daily]), job="daily", partition_keys=("2013-01-05",))

    assert [step.partition_keys for step in plan.steps] == [("2013-01-05",), ("2013-01-05",)]
    with pytest.raises(RequestError, match=r"Job 'daily' is partitioned.*no partition is given"):
        plan_of(pt.Repository("ops", jobs=[daily]), job="daily")


def test_steps_can_be_chosen_by_key_or_selection_when_their_inputs_are_there() -> None:
    repository = pt.Repository("ops", jobs=[nested])

    assert keys(plan_of(repository, job="nested", steps=("number", "twice.add"))) == ["number", "twice.add"]
    assert keys(plan_of(repository, job="nested", steps=("+twice.second",))) == ["number", "twice.add", "twice.second"]
    assert keys(plan_of(repository, job="nested", steps=("total",), parent_id="run_0")) == ["total"]
    with pytest.raises(RequestError, match=r"Step 'total' needs the output of 'twice.second', which is not among the steps to run"):
        plan_of(repository, job="nested", steps=("total",))
    with pytest.raises(NotFoundError, match=r"There is no step 'totl'. Did you mean 'total'\?"):
        plan_of(repository, job="nested", steps=("totl",))


def test_assets_cannot_be_chosen_from_a_job_of_ops() -> None:
    with pytest.raises(RequestError, match=r"Job 'nested' is made of ops"):
        plan_of(pt.Repository("ops", jobs=[nested]), job="nested", assets=("a",))


# ---- config ---------------------------------------------------------------------------------------------------------


class Limits(pt.Config):
    limit: int
    name: str = "x"


@pt.op
def limited(config: Limits) -> int:
    return config.limit


@pt.job(config={"steps": {"limited": {"limit": 3}, "limited_2": {"limit": 4}}})
def with_default() -> None:
    limited()
    limited()


def test_a_launch_overrides_the_config_of_its_job_step_by_step() -> None:
    repository = pt.Repository("ops", jobs=[with_default])

    assert plan_of(repository, job="with_default").config == {"steps": {"limited": {"limit": 3}, "limited_2": {"limit": 4}}}
    plan = plan_of(repository, job="with_default", config={"steps": {"limited_2": {"limit": 9}}})
    assert plan.config == {"steps": {"limited": {"limit": 3}, "limited_2": {"limit": 9}}}


def test_config_of_steps_that_are_left_out_is_still_known() -> None:
    plan = plan_of(pt.Repository("ops", jobs=[with_default]), job="with_default", steps=("limited",))

    assert keys(plan) == ["limited"]


def test_bad_config_is_refused_all_of_it_together() -> None:
    config = {"steps": {"limited": {"limit": "many", "nme": "y"}, "limitd": {}}, "resource": {}}

    with pytest.raises(InvalidConfigErrors) as raised:
        plan_of(pt.Repository("ops", jobs=[with_default]), job="with_default", config=config)

    told = {".".join(error.path): error.suggestions for error in raised.value.errors}
    assert told == {
        "resource": ("resources",),
        "steps.limited.limit": (),
        "steps.limited.nme": ("name",),
        "steps.limitd": ("limited",),
    }
