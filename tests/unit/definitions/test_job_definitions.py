"""Jobs: of ops, and of assets whose selection a repository resolves."""

from __future__ import annotations

import msgspec
import pytest

import partita as pt
from partita.definitions import jobs

DAILY = pt.DailyPartitions("2013-01-01")
MONTHLY = pt.MonthlyPartitions("2013-01-01")


@pt.asset(partitions=DAILY, group="raw")
def flights() -> int: ...


@pt.asset(partitions=DAILY, group="marts")
def delays(flights: int) -> int: ...


@pt.asset(partitions=MONTHLY)
def punctuality(delays: int) -> int: ...


@pt.asset
def planes() -> int: ...


@pt.asset_check(asset=delays)
def has_rows() -> pt.CheckResult: ...


@pt.asset_check(asset="feed")
def is_fresh() -> pt.CheckResult: ...


FEED = pt.AssetSpec("feed", group="raw")
ASSETS = [FEED, flights, delays, punctuality, planes]


def resolved(job: pt.Job) -> pt.Job:
    return pt.Repository("r", assets=ASSETS, checks=[has_rows, is_fresh], jobs=[job]).job(job.name)


def test_everything_that_is_declared_stands_in_the_spec() -> None:
    @pt.op
    def extract() -> int: ...

    @pt.job(
        partitions=DAILY,
        config="steps: {extract: {limit: 3}}",
        executor=pt.processes(4),
        tags={"team": "etl"},
        step_retry=pt.Retry(max_retries=1),
        run_retry=pt.Retry(max_retries=2),
        timeout=60,
    )
    def nightly() -> None:
        """Each night."""
        extract()

    spec = nightly.spec
    assert (spec.name, spec.graph, spec.description, spec.partitions) == ("nightly", "nightly", "Each night.", DAILY.spec)
    assert spec.config == {"steps": {"extract": {"limit": 3}}}
    assert (spec.executor, spec.tags, spec.timeout) == (pt.processes(4), (("team", "etl"),), 60.0)
    assert (spec.step_retry, spec.run_retry) == (pt.Retry(max_retries=1), pt.Retry(max_retries=2))
    assert spec.source is not None
    assert spec.source.file == __file__


def test_a_selection_means_assets_and_their_checks() -> None:
    job = resolved(pt.asset_job("refresh", selection="+delays"))

    assert job.spec.assets == ("flights", "delays")
    assert job.spec.checks == ("delays:has_rows",)
    assert job.spec.selection == "+delays"
    assert job.spec.graph is None


def test_external_assets_are_not_materialised_but_their_checks_are_evaluated() -> None:
    job = resolved(pt.asset_job("raw", selection="group:raw"))

    assert job.spec.assets == ("flights",)
    assert job.spec.checks == ("feed:is_fresh",)


@pytest.mark.parametrize("selection", [[delays, "flights"], pt.Selection.keys(flights, delays), "flights or delays"])
def test_a_selection_may_be_given_in_several_ways(selection: object) -> None:
    assert resolved(pt.asset_job("refresh", selection=selection)).spec.assets == ("flights", "delays")  # type: ignore[arg-type]


def test_the_common_partitions_of_its_assets_are_those_of_the_job() -> None:
    assert resolved(pt.asset_job("daily", selection=[flights, delays, planes])).spec.partitions == DAILY.spec
    assert resolved(pt.asset_job("none", selection=[planes])).spec.partitions is None


def test_different_partitions_need_a_word() -> None:
    with pytest.raises(pt.DefinitionError) as caught:
        resolved(pt.asset_job("all", selection="*"))

    assert "'flights' is daily from 2013-01-01" in str(caught.value)
    assert "'punctuality' is monthly from 2013-01-01" in str(caught.value)
    assert resolved(pt.asset_job("all", selection="*", partitions=MONTHLY)).spec.partitions == MONTHLY.spec


@pytest.mark.parametrize(
    ("selection", "fault"),
    [
        ("group:nowhere", "means no asset"),
        ("is:external and group:nowhere", "means no asset"),
        ("delay", "Did you mean 'delays'?"),
        (["flight"], "Did you mean 'flights'?"),
        ("location:here", "known to a server only"),
    ],
)
def test_a_selection_that_means_nothing_is_refused(selection: object, fault: str) -> None:
    job = pt.asset_job("refresh", selection=selection)  # type: ignore[arg-type]

    with pytest.raises(pt.DefinitionError) as caught:
        resolved(job)

    assert f"{__file__}:{job.spec.source.line if job.spec.source else 0}: job 'refresh': " in str(caught.value)
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"selection": "group:"}, "column 7"),
        ({"selection": []}, "empty list"),
        ({"executor": "threads"}, "executor='threads'"),
        ({"run_retry": 3}, "run_retry=3"),
        ({"config": "- a"}, "not a mapping"),
        ({"tags": {"a": 1}}, "'a': 1"),
        ({"timeout": -1}, "timeout=-1"),
        ({"partitions": "daily"}, "partitions='daily'"),
    ],
)
def test_what_cannot_be_is_refused_with_file_and_line(options: dict[str, object], fault: str) -> None:
    with pytest.raises(pt.DefinitionError) as caught:
        pt.asset_job("refresh", **options)  # type: ignore[arg-type]

    assert str(caught.value).startswith(f"{__file__}:")
    assert fault in str(caught.value)


def test_the_job_of_a_repository_remembers_it_and_the_declared_one_does_not() -> None:
    declared = pt.asset_job("refresh", selection="flights")
    repository = pt.Repository("r", assets=ASSETS, jobs=[declared])

    assert repository.job("refresh").repository is repository
    assert declared.repository is None
    assert declared.spec.assets == ()


def test_resources_of_a_job_join_those_of_the_repository() -> None:
    @pt.op
    def use(client: pt.Provided[dict[str, int]]) -> int: ...

    @pt.job(resources={"client": {"a": 1}})
    def nightly() -> None:
        use()  # type: ignore[call-arg]

    assert pt.Repository("r", jobs=[nightly]).resource_instances == {"client": {"a": 1}}
    with pytest.raises(pt.DuplicateNameError, match="brings a resource 'client'"):
        pt.Repository("r", jobs=[nightly], resources={"client": {}})


def test_execute_hands_over_to_whoever_executes(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, dict[str, object]]] = []
    monkeypatch.setattr(jobs, "_runners", [lambda job, **options: calls.append((job, options))])
    job = resolved(pt.asset_job("refresh", selection="flights"))

    job.execute(partition="2013-01-01", config={"steps": {}})

    assert calls[0][0] is job
    assert {name for name, value in calls[0][1].items() if value is not None} == {"partition", "config", "raise_on_error"}


def test_execute_without_anything_that_executes_says_what_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_runners", [])

    with pytest.raises(pt.OperationError, match=r"partita\.execution"):
        pt.asset_job("refresh").execute()


def test_job_specs_are_values() -> None:
    spec = pt.asset_job("refresh", selection="*").spec

    assert msgspec.structs.replace(spec, tags=()) == spec


def test_a_job_of_ops_is_called_as_a_plain_function() -> None:
    @pt.op
    def one() -> int:
        return 1

    @pt.op
    def double(n: int) -> int:
        return n * 2

    @pt.job
    def sums() -> int:
        return double(one())

    assert sums() == 2
    with pytest.raises(pt.OperationError, match=r"materialises assets, so it cannot be called; run it with \.execute\(\)"):
        pt.asset_job("refresh")()


def test_a_job_whose_assets_are_cut_otherwise_is_refused_at_load() -> None:
    @pt.asset(partitions=pt.DailyPartitions("2024-01-01"))
    def daily() -> int:
        return 1

    job = pt.asset_job("refresh", selection="*", partitions=pt.StaticPartitions(["eu", "us"]))

    with pytest.raises(pt.DefinitionError, match=r"none of its assets is cut like that: 'daily' is .* Leave partitions= out"):
        pt.Repository("r", assets=[daily], jobs=[job])
