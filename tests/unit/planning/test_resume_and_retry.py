"""Going on after a failure: the same step again, or the rest of an earlier run."""

from __future__ import annotations

import pytest

import partita as pt
from partita.planning.resume import resume
from partita.planning.retry import retry_delay
from partita.records.runs import StepStatus
from support.running import a_chain, plan_of


def test_what_succeeded_is_taken_over_and_all_else_executed() -> None:
    plan = plan_of(pt.Repository("r", assets=a_chain(5)), assets=("a0", "a1", "a2", "a3", "a4"))
    before = {"a0": StepStatus.SUCCEEDED, "a1": StepStatus.FAILED, "a2": StepStatus.UPSTREAM_FAILED, "a3": StepStatus.CANCELED}

    assert resume(plan, before) == (("a1", "a2", "a3", "a4"), ("a0",))


def test_steps_that_the_plan_no_longer_has_are_forgotten() -> None:
    plan = plan_of(pt.Repository("r", assets=a_chain(1)), assets=("a0",))

    assert resume(plan, {"gone": StepStatus.SUCCEEDED}) == (("a0",), ())


def test_a_step_without_a_policy_is_not_tried_again() -> None:
    assert retry_delay(None, attempt=1, chance=0.5) is None


def test_a_step_is_tried_again_as_often_as_its_policy_says() -> None:
    policy = pt.Retry(max_retries=2, delay=1.5)

    assert [retry_delay(policy, attempt=attempt, chance=0.5) for attempt in (1, 2, 3)] == [1.5, 1.5, None]


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 0.0), (0.25, 2.0), (1.0, 8.0)])
def test_full_jitter_spreads_over_the_whole_delay(chance: float, expected: float) -> None:
    policy = pt.Retry(max_retries=9, delay=4, backoff="linear", jitter="full")

    assert retry_delay(policy, attempt=2, chance=chance) == expected


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 4.0), (0.5, 6.0), (1.0, 8.0)])
def test_plus_minus_jitter_spreads_by_one_base_delay(chance: float, expected: float) -> None:
    policy = pt.Retry(max_retries=9, delay=2, backoff="linear", jitter="plus_minus")

    assert retry_delay(policy, attempt=3, chance=chance) == expected


def test_jitter_never_makes_a_delay_negative() -> None:
    assert retry_delay(pt.Retry(max_retries=1, delay=3, jitter="plus_minus"), attempt=1, chance=0.0) == 0.0
