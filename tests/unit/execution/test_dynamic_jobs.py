"""Dynamic fan-out in this process: what runs, in which order, what a failure means, and how a run goes on from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

import partita as pt
from partita.records.events import OutputSaved, StepsMapped
from partita.records.runs import RunStatus, StepStatus
from support.running import kinds_of, started


class Names(pt.Config):
    names: list[str] = pt.Field(default=["b", "a", "c"])
    fails: list[str] = pt.Field(default=[])


class Suffix(pt.Config):
    suffix: str = ""


@pt.op(out=pt.DynamicOut())
def shards(config: Names) -> Iterator[pt.DynamicOutput[str]]:
    for name in config.names:
        yield pt.DynamicOutput(name, mapping_key=name, metadata={"length": len(name)})


@pt.op
def clean(x: str, config: Suffix) -> str:
    if x == "bad":
        raise ValueError(x)
    return x.upper() + config.suffix


@pt.op
def store(x: str) -> str:
    return f"{x}!"


@pt.op
def report(xs: list[str]) -> str:
    return ",".join(xs)


@pt.op
def count(xs: list[str]) -> int:
    return len(xs)


@pt.graph
def load_one(x: str) -> str:
    return store(clean(x))


@pt.job
def nightly() -> None:
    names = shards()
    report(names.map(load_one).collect())
    count(names.collect())


def names(*keys: str) -> dict[str, Any]:
    return {"steps": {"shards": {"names": list(keys)}}}


def test_what_is_mapped_runs_once_for_each_item_and_is_collected_in_the_order_of_production() -> None:
    result = nightly.execute()

    assert list(result.steps) == [
        "shards",
        "load_one.clean[b]",
        "load_one.clean[a]",
        "load_one.clean[c]",
        "load_one.store[b]",
        "load_one.store[a]",
        "load_one.store[c]",
        "report",
        "count",
    ]
    assert result.value("report") == "B!,A!,C!"
    assert result.value("count") == 3


def test_values_are_asked_for_by_item_or_all_together() -> None:
    result = nightly.execute()

    assert result.value("load_one.store[a]") == "A!"
    assert result.value("load_one.store") == {"b": "B!", "a": "A!", "c": "C!"}
    assert result.value("shards") == {"b": "b", "a": "a", "c": "c"}
    with pytest.raises(pt.NotFoundError, match=r"load_one.stor"):
        result.value("load_one.stor[a]")


def test_the_log_tells_of_every_item_and_of_the_steps_it_leads_to() -> None:
    result = nightly.execute(config=names("x", "y"))

    saved = [event for event in result.events_for("shards") if isinstance(event, OutputSaved)]
    (mapped,) = [event for event in result.events_for("shards") if isinstance(event, StepsMapped)]
    assert [event.mapping_key for event in saved] == ["x", "y"]
    assert [event.metadata[0].label for event in saved] == ["length", "length"]
    assert mapped.keys == ("x", "y")
    assert mapped.steps == {
        "load_one.clean": ("load_one.clean[x]", "load_one.clean[y]"),
        "load_one.store": ("load_one.store[x]", "load_one.store[y]"),
    }
    assert kinds_of(result.events, "shards")[-2:] == ["step_succeeded", "mapped"]


def test_mapped_steps_share_their_config() -> None:
    config = {"steps": {"shards": {"names": ["x", "y"]}, "load_one.clean": {"suffix": "?"}}}

    assert nightly.execute(config=config).value("report") == "X?!,Y?!"


def test_config_for_a_single_item_is_refused() -> None:
    with pytest.raises(pt.InvalidConfigErrors, match=r"load_one\.clean"):
        nightly.execute(config={"steps": {"load_one.clean[a]": {"suffix": "?"}}})


def test_nothing_to_map_over_gives_an_empty_list() -> None:
    result = nightly.execute(config=names())

    assert result.success
    assert result.value("report") == ""
    assert result.value("count") == 0
    assert {result.steps[key] for key in ("load_one.clean", "load_one.store")} == {StepStatus.SKIPPED}
    assert started(result.events) == ["shards", "report", "count"]


def test_several_maps_may_be_chained_and_mixed_with_what_is_not_mapped() -> None:
    @pt.op
    def prefix() -> str:
        return ">"

    @pt.op
    def join(before: str, x: str) -> str:
        return before + x

    @pt.job
    def job() -> None:
        sign = prefix()
        report(shards().map(clean).map(store).map(lambda x: join(sign, x)).collect())

    assert job.execute().value("report") == ">B!,>A!,>C!"


def test_dynamic_outputs_cross_the_borders_of_graphs() -> None:
    @pt.graph
    def cleaned() -> Any:
        return shards().map(clean)

    @pt.graph
    def summary(xs: list[str]) -> str:
        return report(xs)

    @pt.job
    def job() -> None:
        summary(cleaned().map(store).collect())

    result = job.execute()

    assert result.value("summary.report") == "B!,A!,C!"
    assert "cleaned.clean[a]" in result.steps


def test_what_collects_may_itself_be_mapped() -> None:
    @pt.op(out=pt.DynamicOut())
    def others() -> Iterator[pt.DynamicOutput[str]]:
        yield pt.DynamicOutput("1", mapping_key="1")
        yield pt.DynamicOutput("2", mapping_key="2")

    @pt.op
    def every(xs: list[str], other: str) -> str:
        return other.join(xs)

    @pt.job
    def job() -> None:
        found = shards().map(clean).collect()
        report(others().map(lambda other: every(found, other)).collect())

    assert job.execute().value("report") == "B1A1C,B2A2C"


def test_several_outputs_and_lists_within_one_item() -> None:
    @pt.op(out={"left": pt.Out(), "right": pt.Out(optional=True)})
    def halve(x: str) -> Iterator[pt.Output[str]]:
        yield pt.Output(f"{x}<", output="left")
        if x != "a":
            yield pt.Output(f"{x}>", output="right")

    @pt.op
    def joined(parts: list[str]) -> str:
        return "".join(parts)

    @pt.op
    def only_right(x: str) -> str:
        return x

    @pt.job
    def job() -> None:
        halves = shards().map(halve)
        report(halves.right.map(only_right).collect())
        report.alias("joined_all")(shards.alias("again")().map(lambda x: joined([clean(x), store(x)])).collect())

    result = job.execute()

    assert result.value("report") == "b>,c>"
    assert result.steps["only_right[a]"] is StepStatus.SKIPPED
    assert result.value("joined_all") == "Bb!,Aa!,Cc!"


def test_waiting_for_mapped_steps_without_taking_their_values() -> None:
    order: list[str] = []

    @pt.op
    def note(x: str) -> None:
        order.append(x)

    @pt.op(ins={"after": pt.In(pt.Nothing)})
    def finish() -> None:
        order.append("finish")

    @pt.job
    def job() -> None:
        finish(after=shards().map(note))

    job.execute()
    assert order == ["b", "a", "c", "finish"]

    order.clear()
    job.execute(config=names())
    assert order == ["finish"]


def test_an_async_op_may_have_a_dynamic_output_and_be_mapped() -> None:
    @pt.op(out=pt.DynamicOut())
    async def slowly() -> AsyncIterator[pt.DynamicOutput[str]]:
        yield pt.DynamicOutput("x", mapping_key="x")

    @pt.op
    async def shout(x: str) -> str:
        return x.upper()

    @pt.job
    def job() -> None:
        report(slowly().map(shout).collect())

    assert job.execute().value("report") == "X"


def test_a_dynamic_output_may_be_returned_as_a_list_and_beside_others() -> None:
    @pt.op(out=pt.DynamicOut())
    def listed() -> list[pt.DynamicOutput[int]]:
        return [pt.DynamicOutput(number, mapping_key=str(number)) for number in range(2)]

    @pt.op(out={"parts": pt.DynamicOut(), "total": pt.Out()})
    def cut() -> Iterator[Any]:
        yield pt.DynamicOutput("p", mapping_key="p", output="parts")
        yield pt.Output(7, output="total")

    @pt.job
    def job() -> None:
        listed().map(store.alias("one"))
        cut().parts.map(store.alias("two"))

    result = job.execute()

    assert [key for key in result.steps if "[" in key] == ["one[0]", "one[1]", "two[p]"]
    assert result.value("cut", "total") == 7
    assert result.value("cut", "parts") == {"p": "p"}


def a_job_of(op: Any) -> pt.Job:
    @pt.job
    def job() -> None:
        op()

    return job


@pytest.mark.parametrize(
    ("items", "problem"),
    [
        ([pt.DynamicOutput(1, mapping_key="a"), pt.DynamicOutput(2, mapping_key="a")], "gave mapping key 'a' twice"),
        ([pt.DynamicOutput(1, mapping_key="a", output="resul")], "has no output 'resul'. Did you mean 'result'"),
        ([pt.Output(1)], r"is dynamic. Yield pt.DynamicOutput\(..., mapping_key=\"...\"\)"),
        ([1], r"yielded int. Yield pt.DynamicOutput"),
    ],
)
def test_items_that_cannot_be_fail_the_step_in_words(items: list[Any], problem: str) -> None:
    @pt.op(out=pt.DynamicOut())
    def wrong() -> Iterator[pt.DynamicOutput[int]]:
        yield from items

    with pytest.raises(pt.ExecutionError, match=problem):
        a_job_of(wrong).execute()


def test_a_bad_mapping_key_fails_the_step_in_words() -> None:
    result = nightly.execute(config=names("a", "b/c"), raise_on_error=False)

    assert result.failed_steps == ("shards",)
    assert "'b/c' is not a mapping key" in str(result.errors["shards"])
    assert result.steps["load_one.clean"] is StepStatus.UPSTREAM_FAILED


def test_an_item_for_an_output_that_is_not_dynamic_fails_the_step() -> None:
    @pt.op
    def wrong() -> Any:
        return pt.DynamicOutput(1, mapping_key="a")

    with pytest.raises(pt.ExecutionError, match=r"which is not dynamic\. Declare it with pt.DynamicOut"):
        a_job_of(wrong).execute()


# ---- failures and going on ------------------------------------------------------------------------------------------


def test_a_mapped_step_that_fails_stops_what_is_behind_it_and_what_collects_it() -> None:
    result = nightly.execute(config=names("a", "bad", "c"), raise_on_error=False)

    assert result.failed_steps == ("load_one.clean[bad]",)
    assert result.steps["load_one.store[bad]"] is StepStatus.UPSTREAM_FAILED
    assert result.steps["load_one.store[c]"] is StepStatus.SUCCEEDED
    assert result.steps["report"] is StepStatus.UPSTREAM_FAILED
    assert result.steps["count"] is StepStatus.SUCCEEDED


def a_job_with_a_failing_item() -> tuple[pt.Job, dict[str, bool]]:
    state = {"fails": True}

    @pt.op
    def fragile(x: str) -> str:
        if x == "a" and state["fails"]:
            raise ValueError(x)
        return x.upper()

    @pt.job
    def job() -> None:
        report(shards().map(fragile).map(store).collect())

    return job, state


def test_going_on_executes_only_the_mapped_steps_that_failed_and_what_is_behind_them() -> None:
    job, state = a_job_with_a_failing_item()
    first = job.execute(raise_on_error=False)
    state["fails"] = False

    second = job.execute(resume=first)

    assert started(second.events) == ["fragile[a]", "store[a]", "report"]
    assert second.value("report") == "B!,A!,C!"
    assert second.value("store") == {"b": "B!", "a": "A!", "c": "C!"}
    assert started(job.execute(resume=second).events) == []


def test_going_on_executes_a_failed_dynamic_step_and_all_that_it_leads_to() -> None:
    result = nightly.execute(config=names("a", "b/c"), raise_on_error=False)

    again = nightly.execute(resume=result, config=names("a"))

    assert started(again.events) == ["shards", "load_one.clean[a]", "load_one.store[a]", "report", "count"]


def test_going_on_after_a_fan_out_over_nothing() -> None:
    state = {"fails": True}

    @pt.op
    def last(xs: list[str]) -> int:
        if state["fails"]:
            raise ValueError
        return len(xs)

    @pt.job
    def job() -> None:
        last(shards().map(store).collect())

    first = job.execute(config=names(), raise_on_error=False)
    state["fails"] = False

    assert job.execute(resume=first).value("last") == 0


def test_chosen_items_of_a_mapped_op_run_alone() -> None:
    result = nightly.execute(steps=["shards", "load_one.clean[a]", "load_one.store[a]", "report"])

    assert started(result.events) == ["shards", "load_one.clean[a]", "load_one.store[a]", "report"]
    assert result.value("report") == "A!"


def test_chosen_items_of_an_earlier_run_are_executed_again_and_collected_with_the_others() -> None:
    first = nightly.execute()

    second = nightly.execute(resume=first, steps=["load_one.store[a]", "report"], config={"steps": {}})

    assert started(second.events) == ["load_one.store[a]", "report"]
    assert second.value("report") == "B!,A!,C!"


def test_what_collects_is_not_run_over_what_failed_before() -> None:
    job, state = a_job_with_a_failing_item()
    first = job.execute(raise_on_error=False)
    state["fails"] = False

    with pytest.raises(pt.RequestError, match=r"'report' needs the output of 'store\[a\]', which the run before did not produce"):
        job.execute(resume=first, steps=["report"])

    second = job.execute(resume=first, steps=["fragile[a]", "store[a]", "report"])
    assert second.value("report") == "B!,A!,C!"


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (["load_one.clean[a]"], "needs the output of 'shards'"),
        (["report[a]"], r"no step 'report\[a\]'"),
        (["load_one.claen[a]"], "claen"),
    ],
)
def test_items_that_cannot_be_chosen_are_refused_in_words(steps: list[str], problem: str) -> None:
    with pytest.raises(pt.RequestError, match=problem):
        nightly.execute(steps=steps)


def test_a_mapped_step_is_tried_again_by_itself() -> None:
    attempts: list[str] = []

    @pt.op(retry=pt.Retry(max_retries=1))
    def flaky(x: str) -> str:
        attempts.append(x)
        if attempts.count(x) < 2 and x == "a":
            raise ValueError
        return x

    @pt.job
    def job() -> None:
        report(shards().map(flaky).collect())

    assert job.execute().value("report") == "b,a,c"
    assert attempts == ["b", "a", "a", "c"]


def test_a_dynamic_step_that_is_tried_again_counts_the_items_of_its_last_attempt_alone() -> None:
    attempts: list[int] = []

    @pt.op(out=pt.DynamicOut(), retry=pt.Retry(max_retries=1))
    def moody() -> Iterator[pt.DynamicOutput[int]]:
        attempts.append(1)
        yield pt.DynamicOutput(len(attempts), mapping_key=f"k{len(attempts)}")
        if len(attempts) == 1:
            raise ValueError

    @pt.job
    def job() -> None:
        count(moody().collect())

    result = job.execute()

    assert result.value("moody") == {"k2": 2}
    assert result.value("count") == 1


def test_a_remembered_run_keeps_every_item_apart(tmp_path: Path) -> None:
    job, state = a_job_with_a_failing_item()
    with pt.Store(f"sqlite:///{tmp_path / 'runs.db'}") as store_:
        first = job.execute(store=store_, raise_on_error=False)
        state["fails"] = False
        second = job.execute(resume=first, store=store_)
        rows = store_.runs.steps([first.run_id, second.run_id])

    assert second.value("report") == "B!,A!,C!"
    assert [(step.key, step.status.value) for step in rows[first.run_id]] == [
        ("shards", "succeeded"),
        ("fragile[b]", "succeeded"),
        ("fragile[a]", "failed"),
        ("fragile[c]", "succeeded"),
        ("store[b]", "succeeded"),
        ("store[a]", "upstream_failed"),
        ("store[c]", "succeeded"),
        ("report", "upstream_failed"),
    ]
    assert {step.status for step in rows[second.run_id]} == {StepStatus.SUCCEEDED}


def test_five_thousand_items_are_mapped_and_collected() -> None:
    result = nightly.execute(config=names(*(f"n{number}" for number in range(5000))))

    assert result.status is RunStatus.SUCCEEDED
    assert len(result.steps) == 10_003
    assert result.value("count") == 5000
