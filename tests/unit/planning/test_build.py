"""From requests to plans: assets, checks, partitions, ops; and what is refused."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest

import partita as pt
from partita.errors import CycleError, NotFoundError, RequestError, UnknownPartitionError
from partita.planning.plan import FromAsset, Plan, StepKind
from support.running import NOW, a_chain, plan_of

DAYS = pt.DailyPartitions(start="2013-01-01", end="2013-04-01")
MONTHS = pt.MonthlyPartitions(start="2013-01-01", end="2013-04-01")


@pt.asset(partitions=DAYS)
def flights() -> list[int]:
    return []


@pt.asset(partitions=MONTHS)
def monthly(flights: dict[str, list[int]]) -> int:
    return len(flights)


@pt.asset
def model(monthly: dict[str, int]) -> int:
    return sum(monthly.values())


@pt.asset
def airports() -> list[str]:
    return []


@pt.asset(partitions=DAYS)
def joined(flights: list[int], airports: list[str]) -> int:
    return len(flights) + len(airports)


def a_repository(*assets: Any, **rest: Any) -> pt.Repository:
    return pt.Repository("flights", assets=assets or [flights, monthly, model, airports, joined], **rest)


def keys(plan: Plan) -> list[str]:
    return [step.key for step in plan.steps]


def reads(plan: Plan, step: str, name: str) -> FromAsset:
    source = next(each.source for each in plan.by_key[step].inputs if each.name == name)
    assert isinstance(source, FromAsset)
    return source


# ---- assets ---------------------------------------------------------------------------------------------------------


def test_assets_become_steps_in_topological_order() -> None:
    @pt.asset
    def last(middle: int) -> int:
        return middle

    @pt.asset
    def middle(first: int) -> int:
        return first

    @pt.asset
    def first() -> int:
        return 1

    plan = plan_of(a_repository(last, middle, first), assets=("last", "first", "middle"))

    assert keys(plan) == ["first", "middle", "last"]
    assert plan.by_key["last"].depends_on == ("middle",)


def test_an_upstream_asset_that_is_not_chosen_is_loaded_and_not_waited_for() -> None:
    plan = plan_of(a_repository(), assets=("joined",), partition_keys=("2013-01-05",))

    assert keys(plan) == ["joined"]
    assert plan.by_key["joined"].depends_on == ()
    assert reads(plan, "joined", "airports") == FromAsset(asset=pt.AssetKey("airports"), io_manager="io_manager", type_name="list[str]")


def test_priority_decides_among_steps_that_could_both_be_next() -> None:
    @pt.asset
    def calm() -> int:
        return 1

    @pt.asset(priority=3)
    def urgent() -> int:
        return 1

    assert keys(plan_of(a_repository(calm, urgent), assets=("calm", "urgent"))) == ["urgent", "calm"]


def test_a_check_follows_its_asset_and_a_blocking_one_holds_back_what_is_downstream() -> None:
    @pt.asset
    def base() -> int:
        return 1

    @pt.asset
    def child(base: int) -> int:
        return base

    @pt.asset_check(asset=base, blocking=True)
    def strict(base: int) -> bool:
        return base > 0

    @pt.asset_check(asset=base)
    def loose(base: int) -> bool:
        return base > 0

    plan = plan_of(a_repository(base, child, checks=[strict, loose]), assets=("base", "child"))

    assert keys(plan) == ["base", "base:strict", "base:loose", "child"]
    assert plan.by_key["base:strict"].kind is StepKind.CHECK
    assert plan.by_key["base:strict"].depends_on == ("base",)
    assert plan.by_key["child"].blocked_by == ("base:strict",)


def test_a_blocking_check_does_not_hold_back_what_it_needs_itself() -> None:
    @pt.asset
    def base() -> int:
        return 1

    @pt.asset
    def child(base: int) -> int:
        return base

    @pt.asset_check(asset=base, blocking=True)
    def compares(base: int, child: int) -> bool:
        return base == child

    plan = plan_of(a_repository(base, child, checks=[compares]), assets=("base", "child"))

    assert keys(plan) == ["base", "child", "base:compares"]


def test_checks_can_be_left_out_or_run_alone() -> None:
    @pt.asset
    def base() -> int:
        return 1

    @pt.asset_check(asset=base)
    def sane(base: int) -> bool:
        return base > 0

    repository = a_repository(base, checks=[sane])

    assert keys(plan_of(repository, assets=("base",), checks=())) == ["base"]
    assert keys(plan_of(repository, checks=("base:sane",))) == ["base:sane"]


def test_an_asset_job_runs_its_assets_and_their_checks_or_a_part_of_them() -> None:
    repository = a_repository(jobs=[pt.asset_job("daily", selection="flights or joined", step_retry=pt.Retry(max_retries=2), timeout=60)])

    whole = plan_of(repository, job="daily", partition_keys=("2013-01-05",))
    part = plan_of(repository, job="daily", assets=("flights",), partition_keys=("2013-01-05",))

    assert keys(whole) == ["flights", "joined"]
    assert whole.timeout == 60
    assert whole.by_key["flights"].retry == pt.Retry(max_retries=2)
    assert keys(part) == ["flights"]


# ---- partitions -----------------------------------------------------------------------------------------------------


def test_a_daily_step_reads_the_same_day_as_a_single_value() -> None:
    plan = plan_of(a_repository(), assets=("flights", "joined"), partition_keys=("2013-01-05",))

    assert plan.by_key["joined"].partition_keys == ("2013-01-05",)
    assert reads(plan, "joined", "flights").partitions == ("2013-01-05",)
    assert reads(plan, "joined", "flights").is_single


def test_a_step_without_partitions_takes_part_in_a_partitioned_run() -> None:
    plan = plan_of(a_repository(), assets=("airports", "flights", "joined"), partition_keys=("2013-01-05",))

    assert plan.by_key["airports"].partition_keys == ()
    assert reads(plan, "joined", "airports").partitions is None
    assert reads(plan, "joined", "airports").is_single


def test_a_monthly_step_reads_its_days_as_a_dict() -> None:
    source = reads(plan_of(a_repository(), assets=("monthly",), partition_keys=("2013-02-01",)), "monthly", "flights")

    assert source.partitions is not None
    assert (len(source.partitions), source.partitions[0], source.partitions[-1]) == (28, "2013-02-01", "2013-02-28")
    assert not source.is_single


def test_a_month_of_a_single_day_is_a_dict_too() -> None:
    @pt.asset(partitions=pt.DailyPartitions(start="2013-01-31", end="2013-02-02"))
    def days() -> int:
        return 1

    @pt.asset(partitions=MONTHS, ins={"days": pt.In(mapping=pt.TimeWindowMapping(allow_missing=True))})
    def months(days: dict[str, int]) -> int:
        return len(days)

    source = reads(plan_of(a_repository(days, months), assets=("months",), partition_keys=("2013-01-01",)), "months", "days")

    assert source.partitions == ("2013-01-31",)
    assert not source.is_single


def test_a_daily_step_reads_the_month_it_lies_in_as_a_single_value() -> None:
    @pt.asset(partitions=DAYS)
    def share(monthly: int) -> float:
        return 1 / monthly

    source = reads(plan_of(a_repository(flights, monthly, share), assets=("share",), partition_keys=("2013-02-14",)), "share", "monthly")

    assert source == FromAsset(asset=pt.AssetKey("monthly"), io_manager="io_manager", partitions=("2013-02-01",), type_name="int")


def test_a_step_without_partitions_reads_all_of_its_upstream() -> None:
    source = reads(plan_of(a_repository(), assets=("model",)), "model", "monthly")

    assert source.partitions == ("2013-01-01", "2013-02-01", "2013-03-01")
    assert not source.is_single


def test_a_mapping_on_the_edge_replaces_the_default_one() -> None:
    @pt.asset(ins={"newest": pt.In(key="monthly", mapping=pt.LastMapping())})
    def report(newest: int) -> int:
        return newest

    @pt.asset(partitions=DAYS, ins={"flights": pt.In(mapping=pt.TimeWindowMapping(start_offset=-1, end_offset=-1))})
    def day_before(flights: list[int]) -> int:
        return len(flights)

    @pt.asset(partitions=DAYS, ins={"flights": pt.In(mapping=pt.TimeWindowMapping(start_offset=-1))})
    def two_days(flights: dict[str, list[int]]) -> int:
        return len(flights)

    repository = a_repository(flights, monthly, report, day_before, two_days)
    plan = plan_of(repository, assets=("report", "day_before", "two_days"), partition_keys=("2013-01-05",))

    assert reads(plan, "report", "newest").partitions == ("2013-03-01",)
    assert reads(plan, "report", "newest").is_single
    assert (reads(plan, "day_before", "flights").partitions, reads(plan, "day_before", "flights").is_single) == (("2013-01-04",), True)
    assert (reads(plan, "two_days", "flights").partitions, reads(plan, "two_days", "flights").is_single) == (("2013-01-04", "2013-01-05"), False)


def test_an_upstream_partition_that_does_not_exist_is_refused() -> None:
    @pt.asset(partitions=pt.DailyPartitions(start="2012-12-01", end="2013-04-01"))
    def longer(flights: list[int]) -> int:
        return len(flights)

    with pytest.raises(UnknownPartitionError, match=r"Asset 'flights' has no partition '2012-12-31'.*'longer' \[2012-12-31\] needs it"):
        plan_of(a_repository(flights, longer), assets=("longer",), partition_keys=("2012-12-31",))


def test_the_day_before_the_first_is_a_single_value_that_is_not_there() -> None:
    @pt.asset(partitions=DAYS, ins={"flights": pt.In(mapping=pt.TimeWindowMapping(start_offset=-1, end_offset=-1))})
    def day_before(flights: list[int] | None) -> int:
        return len(flights or [])

    source = reads(plan_of(a_repository(flights, day_before), assets=("day_before",), partition_keys=("2013-01-01",)), "day_before", "flights")

    assert (source.partitions, source.is_single) == ((), True)


def test_several_keys_of_a_run_are_written_by_one_step_in_their_order() -> None:
    plan = plan_of(a_repository(), assets=("flights", "joined"), partition_keys=("2013-01-07", "2013-01-05"))

    assert plan.by_key["flights"].partition_keys == ("2013-01-05", "2013-01-07")
    assert reads(plan, "joined", "flights").partitions == ("2013-01-05", "2013-01-07")
    assert not reads(plan, "joined", "flights").is_single


def test_a_run_for_a_month_writes_the_days_before_it_too() -> None:
    plan = plan_of(a_repository(), assets=("flights", "monthly"), partition_keys=("2013-02-01",))

    assert plan.by_key["monthly"].partition_keys == ("2013-02-01",)
    assert len(plan.by_key["flights"].partition_keys) == 28


def test_keys_belong_to_the_partitions_of_the_job() -> None:
    repository = a_repository(jobs=[pt.asset_job("by_month", selection="flights", partitions=MONTHS)])

    plan = plan_of(repository, job="by_month", partition_keys=("2013-02-01",))

    assert plan.by_key["flights"].partition_keys[-1] == "2013-02-28"


def test_partitionings_that_have_nothing_in_common_are_refused() -> None:
    @pt.asset(partitions=pt.StaticPartitions(["eu", "us"]))
    def regions() -> int:
        return 1

    with pytest.raises(RequestError, match=r"Asset 'flights' is partitioned daily.*Materialize it in a run of its own"):
        plan_of(a_repository(flights, regions), assets=("flights", "regions"), partition_keys=("eu",))


def test_a_partitioned_asset_without_a_key_is_refused_and_told_what_to_give() -> None:
    with pytest.raises(RequestError, match=r"Asset 'flights' is partitioned daily from 2013-01-01.*Give a partition, such as '2013-03-31'"):
        plan_of(a_repository(), assets=("flights", "airports"))


def test_a_key_for_something_without_partitions_is_refused() -> None:
    with pytest.raises(RequestError, match=r"Asset 'airports' has no partitions, so partition '2013-01-01' means nothing"):
        plan_of(a_repository(), assets=("airports",), partition_keys=("2013-01-01",))


def test_an_unknown_key_is_refused_naming_the_asset() -> None:
    with pytest.raises(UnknownPartitionError, match=r"Asset 'flights' has no partition '2013-13-01'"):
        plan_of(a_repository(), assets=("flights",), partition_keys=("2013-13-01",))


def test_a_partition_that_lies_in_the_future_is_refused() -> None:
    @pt.asset(partitions=pt.DailyPartitions(start="2013-01-01"))
    def endless() -> int:
        return 1

    with pytest.raises(UnknownPartitionError, match=r"2026-05-17"):
        plan_of(a_repository(endless), assets=("endless",), partition_keys=("2026-05-17",), now=NOW)


# ---- across locations -----------------------------------------------------------------------------------------------


def test_a_reference_adopts_partitions_and_io_manager_of_its_owner() -> None:
    @pt.asset(partitions=MONTHS)
    def summary(flights: dict[str, list[int]]) -> int:
        return len(flights)

    owner = pt.AssetSpec("flights", partitions=DAYS, io_manager="lake")
    repository = a_repository(pt.AssetSpec("flights"), summary)

    plan = plan_of(repository, assets=("summary",), partition_keys=("2013-02-01",), references={owner.key: owner})

    source = reads(plan, "summary", "flights")
    assert len(source.partitions or ()) == 28
    assert source.io_manager == "lake"


def test_what_a_reference_says_of_its_io_manager_counts_before_its_owner() -> None:
    @pt.asset
    def summary(flights: list[int]) -> int:
        return len(flights)

    owner = pt.AssetSpec("flights", io_manager="lake")
    repository = a_repository(pt.AssetSpec("flights", io_manager="mirror"), summary, io_managers={"mirror": pt.FilesystemIO("/nowhere")})

    plan = plan_of(repository, assets=("summary",), references={owner.key: owner})

    assert reads(plan, "summary", "flights").io_manager == "mirror"


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_unknown_names_are_refused_with_the_nearest_one() -> None:
    repository = a_repository(jobs=[pt.asset_job("refresh", selection="airports")])

    with pytest.raises(NotFoundError, match=r"There is no asset 'airprts'. Did you mean 'airports'\?"):
        plan_of(repository, assets=("airprts",))
    with pytest.raises(NotFoundError, match=r"There is no job 'refrsh'. Did you mean 'refresh'\?"):
        plan_of(repository, job="refrsh")
    with pytest.raises(NotFoundError, match=r"There is no check 'airports:size'"):
        plan_of(repository, assets=("airports",), checks=("airports:size",))
    with pytest.raises(NotFoundError, match=r"There is no asset of job 'refresh' 'model'"):
        plan_of(repository, job="refresh", assets=("model",))


def test_what_nothing_computes_cannot_be_materialized() -> None:
    with pytest.raises(RequestError, match=r"Asset 'raw' is external to repository 'flights'"):
        plan_of(a_repository(pt.AssetSpec("raw"), airports), assets=("raw",))


def test_a_request_for_nothing_is_refused() -> None:
    with pytest.raises(RequestError, match=r"selects nothing to run"):
        plan_of(a_repository())


def test_blocking_checks_that_wait_for_each_other_are_refused() -> None:
    @pt.asset
    def a() -> int:
        return 1

    @pt.asset
    def b() -> int:
        return 1

    @pt.asset
    def from_a(a: int) -> int:
        return a

    @pt.asset
    def from_b(b: int) -> int:
        return b

    @pt.asset_check(asset=a, blocking=True)
    def needs_b(from_b: int) -> bool:
        return from_b > 0

    @pt.asset_check(asset=b, blocking=True)
    def needs_a(from_a: int) -> bool:
        return from_a > 0

    with pytest.raises(CycleError, match=r"wait for each other"):
        plan_of(a_repository(a, b, from_a, from_b, checks=[needs_b, needs_a]), assets=("a", "b", "from_a", "from_b"))


# ---- speed ----------------------------------------------------------------------------------------------------------


def test_planning_a_thousand_chained_assets_takes_milliseconds() -> None:
    repository = pt.Repository("chain", assets=a_chain(1000))
    wanted = tuple(asset.key for asset in repository.assets)
    plan_of(repository, assets=wanted)

    durations = []
    for _ in range(5):
        began = process_time()
        plan = plan_of(repository, assets=wanted)
        durations.append(process_time() - began)

    assert len(plan.steps) == 1000
    # 12 to 20 ms on an idle machine
    assert min(durations) < 0.1
