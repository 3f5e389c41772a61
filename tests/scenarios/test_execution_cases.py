"""Runs as the field's users expect them: order of events, failures, retries, re-execution, blocking checks, config.

The cases speak the incumbent's language; their jobs are written here in ours.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import partita as pt
from partita.errors import InvalidConfigErrors, RequestError
from partita.planning.retry import retry_delay
from partita.records.runs import RunStatus, StepStatus
from support.cases import Case, each_case
from support.running import kinds_of, started

KIND_OF = {
    "STEP_START": "step_started",
    "STEP_RESTARTED": "step_started",
    "LOADED_INPUT": "input",
    "HANDLED_OUTPUT": "output",
    "ASSET_CHECK_EVALUATION": "check",
    "STEP_SUCCESS": "step_succeeded",
    "STEP_FAILURE": "step_failed",
    "STEP_UP_FOR_RETRY": "step_failed",
    "STEP_SKIPPED": "step_skipped",
}
"""Our kinds; events that are missing here (STEP_INPUT, STEP_OUTPUT) tell what we tell once."""


def ours(events: list[str]) -> list[str]:
    return [KIND_OF[event] for event in events if event in KIND_OF]


@pt.op
def one() -> int:
    return 1


@pt.op
def two() -> int:
    return 2


@pt.op
def add_nums(a: int, b: int) -> int:
    return a + b


@pt.op
def mult(n: int) -> int:
    return n * 2


@pt.op
def sub1(n: int) -> int:
    return n - 1


@pt.job
def numbers() -> None:
    total = add_nums(one(), two())
    mult(total)
    sub1(total)


# ---- order and failures ---------------------------------------------------------------------------------------------


@each_case("run_event_order")
def test_events_of_a_run_come_in_order(case: Case) -> None:
    result = numbers.execute()

    assert started(result.events) == case.expected["step_order"]
    assert kinds_of(result.events, "add_nums") == ours(case.expected["events_of_step_add_nums"])


@each_case("failure_propagation")
def test_a_failure_stops_what_is_behind_it_and_nothing_else(case: Case) -> None:
    @pt.op
    def boom() -> int:
        raise ValueError

    @pt.op
    def after(x: int) -> int:
        return x

    @pt.op
    def indep() -> int:
        return 1

    @pt.job
    def job() -> None:
        after(boom())
        indep()

    result = job.execute(raise_on_error=False)

    expected = {step: ours(events) for step, events in case.expected["by_step"].items()}
    # a deliberate difference: what did not run because of the failure says so
    expected["after"] = ["step_upstream_failed"]
    assert {step: kinds_of(result.events, step) for step in expected} == expected
    assert result.success is case.expected["success"]


@each_case("conditional_outputs")
def test_what_needs_an_output_that_was_not_produced_is_skipped(case: Case) -> None:
    @pt.op(out={"x": pt.Out(optional=True), "y": pt.Out(optional=True)})
    def branch():  # type: ignore[no-untyped-def]
        yield pt.Output(1, output="x")

    @pt.op
    def onx(x: int) -> int:
        return x

    @pt.op
    def ony(y: int) -> int:
        return y

    @pt.op
    def both(values: list[int]) -> int:
        return sum(values)

    @pt.job
    def job() -> None:
        found = branch()
        onx(found.x)
        ony(found.y)
        both([found.x, found.y])

    result = job.execute()

    assert {step: kinds_of(result.events, step) for step in case.expected} == {step: ours(events) for step, events in case.expected.items()}


@each_case("retry_event_order")
def test_every_attempt_is_told(case: Case) -> None:
    attempts = []

    @pt.op(retry=pt.Retry(max_retries=case.input["max_retries"]))
    def flaky() -> int:
        attempts.append(1)
        if len(attempts) <= 2:
            raise ValueError
        return 1

    @pt.job
    def job() -> None:
        flaky()

    result = job.execute(raise_on_error=False)

    assert kinds_of(result.events, "flaky") == ours(case.expected["events"])
    assert result.success is case.expected["success"]


def a_policy(case: Case, **more: Any) -> pt.Retry:
    backoff = None if case.input["policy"] == "none" else case.input["policy"]
    return pt.Retry(max_retries=99, delay=case.input["delay"] or 0, backoff=backoff, **more)


@each_case("retry_policy_delay_seconds")
def test_delays_between_attempts(case: Case) -> None:
    policy = a_policy(case)

    assert [retry_delay(policy, attempt=attempt, chance=0.5) for attempt in case.input["attempts"]] == case.expected


@each_case("retry_policy_jitter_bounds")
def test_jitter_stays_within_its_bounds(case: Case) -> None:
    policy = a_policy(case, jitter=case.input["jitter"].lower())
    dice = random.Random(1)

    delays = [retry_delay(policy, attempt=case.input["attempt"], chance=dice.random()) or 0 for _ in range(500)]

    assert case.expected["min"] <= min(delays) <= case.expected["min"] + 0.2
    assert case.expected["max"] - 0.2 <= max(delays) <= case.expected["max"]


# ---- dynamic outputs and hooks ---------------------------------------------------------------------------------------


@each_case("dynamic_steps")
def test_each_item_of_a_dynamic_output_has_its_own_step(case: Case) -> None:
    @pt.op(out=pt.DynamicOut())
    def dyn() -> Iterator[pt.DynamicOutput[str]]:
        for key in case.input["mapping_keys"]:
            yield pt.DynamicOutput(key, mapping_key=key)

    @pt.op
    def up(x: str) -> str:
        return x.upper()

    @pt.op
    def join(xs: list[str]) -> str:
        return "".join(xs)

    @pt.job
    def job() -> None:
        join(dyn().map(up).collect())

    result = job.execute()

    assert sorted(result.steps) == case.expected["step_keys"]
    assert result.value("join") == case.expected["join_output"]


# a deliberate difference: what may stand in a name may stand in a mapping key, so a dash may
@each_case("dynamic_mapping_key_validity", where=lambda case: "-" not in case.input["mapping_key"])
def test_a_mapping_key_is_checked(case: Case) -> None:
    if case.expected == "ok":
        assert pt.DynamicOutput(1, mapping_key=case.input["mapping_key"]).mapping_key == case.input["mapping_key"]
        return

    with pytest.raises(pt.ExecutionError, match="is not a mapping key"):
        pt.DynamicOutput(1, mapping_key=case.input["mapping_key"])


@each_case("hooks")
def test_hooks_learn_of_the_steps_that_ran_and_of_no_others(case: Case) -> None:
    fired: list[list[str]] = []

    @pt.on_failure
    def failure(context: pt.HookContext) -> None:
        fired.append(["failure", context.step_key])

    @pt.on_success
    def success(context: pt.HookContext) -> None:
        fired.append(["success", context.step_key])

    @pt.op
    def boom() -> int:
        raise ValueError

    @pt.op
    def after(x: int) -> int:
        return x

    @pt.op
    def indep() -> int:
        return 1

    @pt.job(hooks=[failure, success])
    def job() -> None:
        after(boom())
        indep()

    job.execute(raise_on_error=False)

    assert fired == case.expected["fired"]


# ---- going on -------------------------------------------------------------------------------------------------------


def a_job_with_a_failure() -> tuple[Any, Callable[[], None]]:
    """`a -> b -> c; a -> d`, where `b` fails until it is mended."""
    state = {"fails": True}

    @pt.op
    def a() -> int:
        return 1

    @pt.op
    def b(x: int) -> int:
        if state["fails"]:
            raise ValueError
        return x

    @pt.op
    def c(x: int) -> int:
        return x

    @pt.op
    def d(x: int) -> int:
        return x

    @pt.job
    def job() -> None:
        first = a()
        c(b(first))
        d(first)

    return job, lambda: state.update(fails=False)


@each_case("reexecution_from_failure")
def test_re_execution_from_failure_runs_what_did_not_succeed(case: Case) -> None:
    job, mend = a_job_with_a_failure()
    first = job.execute(raise_on_error=False)
    mend()
    second = job.execute(resume=first)

    expected = case.expected
    assert (first.success, started(first.events)) == (expected["first_run"]["success"], expected["first_run"]["started"])
    assert (second.success, started(second.events)) == (expected["second_run"]["success"], expected["second_run"]["started"])
    assert (second.request.parent_id, second.request.root_id) == (first.run_id, first.run_id)


@each_case("reexecution_step_selection")
def test_re_execution_of_chosen_steps_runs_exactly_these(case: Case) -> None:
    job, mend = a_job_with_a_failure()
    first = job.execute(raise_on_error=False)
    mend()

    result = job.execute(resume=first, steps=case.input["step_selection"])

    assert started(result.events) == case.expected["started"]
    assert result.success is case.expected["success"]


def is_ours(selection: str) -> bool:
    """Whether the one grammar has it: the incumbent's `*a` and `++a` need not be supported."""
    return "*" not in selection and "++" not in selection


@each_case("op_selection", where=lambda case: all(map(is_ours, case.input["op_selection"])))
def test_ops_are_chosen_by_the_one_selection_grammar(case: Case) -> None:
    wanted = case.input["op_selection"]
    before = numbers.execute()
    if "error" in case.expected:
        with pytest.raises(RequestError, match="nope"):
            numbers.execute(steps=wanted, resume=before)
        return

    assert sorted(started(numbers.execute(steps=wanted, resume=before).events)) == case.expected["ops"]


@each_case("step_selection", where=lambda case: all(map(is_ours, case.input["selection"])))
def test_steps_are_chosen_by_the_one_selection_grammar(case: Case) -> None:
    @pt.op
    def a() -> int:
        return 1

    @pt.op
    def b(x: int) -> int:
        return x

    @pt.op
    def c(x: int) -> int:
        return x

    @pt.job
    def chain() -> None:
        c(b(a()))

    result = chain.execute(resume=chain.execute(), steps=case.input["selection"])

    assert started(result.events) == case.expected


# ---- checks ---------------------------------------------------------------------------------------------------------


@each_case("asset_check_blocking")
def test_a_blocking_check_stops_what_is_downstream_unless_it_only_warns(case: Case) -> None:
    @pt.asset
    def base() -> int:
        return 1

    @pt.asset
    def child(base: int) -> int:
        return base

    @pt.asset_check(asset=base, blocking=case.input["blocking"])
    def verdict() -> pt.CheckResult:
        return pt.CheckResult(passed=case.input["check_passed"], severity=pt.Severity(case.input["severity"].lower()))

    result = pt.materialize([base, child, verdict], raise_on_error=False)

    assert (result.status is RunStatus.SUCCEEDED) is case.expected["run_success"]
    assert (result.steps["child"] is StepStatus.SUCCEEDED) is case.expected["child_materialized"]
    assert kinds_of(result.events, "base:verdict") == ours(case.expected["check_step_events"])


# ---- config and names -----------------------------------------------------------------------------------------------


class Settings(pt.Config):
    name: str
    n: int = 3
    tag: str | None = None


@pt.op
def cop(config: Settings) -> str:
    return f"{config.name}-{config.n}-{config.tag}"


@pt.job
def configured() -> None:
    cop()


@each_case("run_config")
def test_run_config_reaches_the_op_or_is_refused_with_its_path(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_NAME", "fromenv")
    steps = {name: op["config"] for name, op in case.input["run_config"].get("ops", {}).items()}
    config = {"steps": steps} if steps else {}
    if isinstance(case.expected, str):
        assert configured.execute(config=config).value("cop") == case.expected
        return

    with pytest.raises(InvalidConfigErrors) as raised:
        configured.execute(config=config)

    (error,) = raised.value.errors
    assert error.path == (("steps", "cop", "zzz") if "zzz" in str(case.expected) else ("steps", "cop", "name"))


@each_case("run_config_shape")
def test_run_config_has_one_shape(case: Case) -> None:
    result = configured.execute(config={"steps": {"cop": Settings(name="x")}})

    (given,) = result.plan.config["steps"].values()
    assert {key: given[key] for key in case.expected["ops"]["cop"]["config"]} == case.expected["ops"]["cop"]["config"]


@each_case("nested_step_keys")
def test_steps_of_nested_graphs_are_named_by_their_path(case: Case) -> None:
    @pt.op
    def s() -> int:
        return 1

    @pt.op
    def s2() -> int:
        return 1

    @pt.op
    def up(x: int) -> int:
        return x

    @pt.op
    def up2(x: int) -> int:
        return x

    @pt.graph
    def inner(x):  # type: ignore[no-untyped-def]
        return up(up2(x))

    @pt.job
    def job() -> None:
        inner(s())
        inner.alias("again")(s2())

    assert sorted(job.execute().steps) == case.expected


@each_case("node_name_dedup")
def test_repeated_calls_of_an_op_are_numbered(case: Case) -> None:
    @pt.op
    def rep() -> int:
        return 1

    @pt.job
    def job() -> None:
        rep()
        rep()
        rep()

    assert list(job.execute().steps) == case.expected
