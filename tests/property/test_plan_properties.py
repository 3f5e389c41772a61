"""Whatever is asked for of whatever graph: a plan has each step once, after all it needs, and nothing that was not asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, reject, settings
from hypothesis import strategies as st

import partita as pt
from partita.planning.build import build_plan
from partita.planning.plan import FromAsset, Plan, StepKind
from partita.records.runs import RunRequest

NOW = datetime(2024, 3, 1, tzinfo=UTC)
CUTS: tuple[pt.Partitions | None, ...] = (None, pt.DailyPartitions("2024-01-01"), pt.MonthlyPartitions("2024-01-01"))


@st.composite
def repositories(draw: Any) -> pt.Repository:
    """Up to eight assets on some of those before them, with and without checks, declared in any order."""
    made: list[Any] = []
    checks: list[Any] = []
    for number in range(draw(st.integers(1, 8))):
        above = draw(st.lists(st.sampled_from([each.key for each in made]), max_size=3, unique=True)) if made else []
        options = {"key": f"a{number}", "deps": above, "partitions": draw(st.sampled_from(CUTS)), "priority": draw(st.integers(0, 2))}

        @pt.asset(**options)
        def asset() -> None:
            """Nothing."""

        made.append(asset)
        if draw(st.booleans()):

            @pt.asset_check(asset=asset, name="fits", blocking=draw(st.booleans()))
            def fits() -> pt.CheckResult:
                return pt.CheckResult(passed=True)

            checks.append(fits)
    return pt.Repository("r", assets=draw(st.permutations(made)), checks=checks)


def planned(repository: pt.Repository, chosen: list[pt.AssetKey]) -> Plan:
    """The plan of some assets for a month, or without partitions where none of them has any."""
    cuts = {repository.graph.spec(key).partitions for key in chosen} - {None}
    keys = ("2024-01-02",) if CUTS[1] is not None and CUTS[1].spec in cuts else ("2024-01-01",) if cuts else ()
    request = RunRequest(location="l", repository="r", assets=tuple(chosen), partition_keys=keys)
    return build_plan(repository.spec, request, now=NOW)


@settings(max_examples=200)
@given(data=st.data(), repository=repositories())
def test_a_plan_holds_what_was_asked_for_in_an_order_that_can_be_walked(data: st.DataObject, repository: pt.Repository) -> None:
    chosen = data.draw(st.lists(st.sampled_from(list(repository.graph.keys)), min_size=1, unique=True))
    try:
        plan = planned(repository, chosen)
    except pt.PartitaError:
        reject()  # partitions that do not go together

    keys = [step.key for step in plan.steps]
    assert len(set(keys)) == len(keys)
    assert {step.asset for step in plan.steps if step.kind is StepKind.ASSET} == set(chosen)
    assert {step.key for step in plan.steps if step.kind is StepKind.CHECK} == {
        check.step_key for check in repository.spec.checks if check.asset in chosen
    }
    for place, step in enumerate(plan.steps):
        assert set(step.needs) <= set(keys[:place]), f"{step.key} comes before what it needs"
        if step.asset is not None and step.kind is StepKind.ASSET:
            above = {key for key in repository.graph.upstream(step.asset) if key in chosen}
            assert above <= set(step.needs)
        assert all(not isinstance(each.source, FromAsset) or each.source.asset in repository.graph for each in step.inputs)
