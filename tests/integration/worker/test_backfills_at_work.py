"""Backfills with a real daemon and real workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from partita.automation.published import PublishedWorkspace
from partita.definitions.keys import AssetKey
from partita.definitions.policies import BackfillPolicy
from partita.planning.backfill import BackfillScope, PartitionsChosen, plan_assets, plan_job
from partita.records.backfills import Backfill, BackfillItemStatus, BackfillJob, BackfillRequest, BackfillStatus
from partita.records.filters import RunFilter
from partita.records.pages import PageRequest
from partita.records.runs import Run, RunStatus
from support.sites import Site, a_site, present
from support.waiting import eventually

FLIGHTS = """
DAYS = pt.DailyPartitions(start="2024-01-01", end="2024-03-01")
MONTHS = pt.MonthlyPartitions(start="2024-01-01", end="2024-03-01")


@pt.asset(partitions=DAYS)
def raw(context: pt.AssetContext) -> str:
    if context.partition_key == (SCRATCH / "bad").read_text() if (SCRATCH / "bad").exists() else False:
        raise ValueError("a bad day")
    return context.partition_key


@pt.asset(partitions=DAYS)
def clean(context: pt.AssetContext, raw: str) -> str:
    return raw


@pt.asset(partitions=MONTHS)
def monthly(context: pt.AssetContext, clean: dict[str, str]) -> int:
    context.add_metadata({"days": len(clean)})
    return len(clean)


@pt.asset(partitions=DAYS, backfill=pt.Backfill.single_run())
def together(context: pt.AssetContext) -> dict[str, int]:
    return {key: 1 for key in context.partition_keys}


@pt.asset(partitions=pt.MultiPartitions({"day": DAYS, "region": pt.StaticPartitions(["eu", "us"])}))
def sales(context: pt.AssetContext) -> str:
    return context.partition_dimensions["region"]


@pt.asset(partitions=DAYS)
def regions(context: pt.AssetContext, sales: dict[str, str]) -> None:
    note("regions." + context.partition_key, keys=sorted(sales))


@pt.op
def look(context: pt.OpContext) -> list[str]:
    return list(context.partition_keys)


@pt.job(partitions=DAYS)
def daily_look() -> None:
    look()


@pt.multi_asset(specs=[pt.AssetSpec("carriers"), pt.AssetSpec("routes", deps=["carriers", "season"])], partitions=DAYS)
def reference(context: pt.AssetContext):
    return {key: str(key) for key in context.selected_keys}


@pt.asset(partitions=MONTHS)
def season() -> int:
    return 1


@pt.asset(partitions=DAYS)
def slow(context: pt.AssetContext) -> None:
    note("slow." + context.partition_key)
    wait_for("go")
"""

BEGUN = RunFilter(statuses=(RunStatus.STARTING, RunStatus.RUNNING))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main=FLIGHTS) as made:
        made.work()
        made.start("daemon")
        yield made


def start(site: Site, *keys: str, policy: BackfillPolicy | None = None, key_range: tuple[str, str] | None = None, job: str | None = None) -> Backfill:
    workspace = PublishedWorkspace(site.store).read()
    scope = BackfillScope(graph=workspace.graph, owners=workspace.owners, now=site.store.now(), dynamic={})
    chosen = PartitionsChosen(range=key_range) if key_range else PartitionsChosen(is_all=True)
    assets = tuple(AssetKey(key) for key in keys)
    if job is not None:
        partitions = workspace.find_job(job).spec.partitions
        assert partitions is not None
        items = plan_job(partitions, chosen, scope, name=job)
        request = BackfillRequest(job=BackfillJob(location="main", repository="main", name=job), policy=policy)
    else:
        items = plan_assets(assets, chosen, scope, states_of=lambda _: {})
        request = BackfillRequest(selection=" or ".join(keys), assets=assets, policy=policy)
    return site.store.backfills.create(request, items).backfill


def ended(site: Site, backfill: Backfill, *, seconds: float = 60) -> Backfill:
    def found() -> Backfill | None:
        now = site.store.backfills.get(backfill.id)
        return now if now.status.is_finished else None

    return present(eventually(found, seconds=seconds, what=f"the backfill to end: {site.said()}"))


def runs_of(site: Site, backfill: Backfill) -> Sequence[Run]:
    return site.store.runs.list(RunFilter(backfill_id=backfill.id), page=PageRequest(first=500)).items


def counts(site: Site, backfill: Backfill) -> dict[BackfillItemStatus, int]:
    return {status: count for status, count in site.store.backfill_items.counts([backfill.id])[backfill.id].items() if count}


def test_days_come_before_the_months_that_need_them(site: Site) -> None:
    backfill = start(site, "raw", "clean", "monthly", key_range=("2024-01-01", "2024-01-31"))

    done = ended(site, backfill)

    assert done.status is BackfillStatus.SUCCEEDED, done
    assert counts(site, backfill) == {BackfillItemStatus.SUCCEEDED: 31 + 31 + 1}
    runs = runs_of(site, backfill)
    daily = [run for run in runs if run.request.assets == ("raw", "clean")]
    (monthly,) = [run for run in runs if run.request.assets == ("monthly",)]
    assert len(daily) == 31
    # What a month needs are its days, not the ends of their runs, which are written a moment later.
    steps = [step for of_run in site.store.runs.steps([run.id for run in daily]).values() for step in of_run]
    assert all(step.ended_at is not None and step.ended_at <= monthly.created_at for step in steps)
    assert {run.request.launched_by for run in runs} == {f"backfill:{backfill.id}"}


def test_a_day_waits_for_all_that_it_needs_in_another_dimension(site: Site) -> None:
    backfill = start(site, "sales", "regions", key_range=("2024-01-02|eu", "2024-01-04|us"))

    assert ended(site, backfill).status is BackfillStatus.SUCCEEDED
    assert counts(site, backfill) == {BackfillItemStatus.SUCCEEDED: 6 + 3}
    assert site.noted("regions.2024-01-03")["keys"] == ["2024-01-03|eu", "2024-01-03|us"]


def test_a_failed_day_skips_what_needs_it_and_a_retry_writes_only_that(site: Site) -> None:
    (site.scratch / "bad").write_text("2024-01-05")
    backfill = start(site, "raw", "clean", "monthly", key_range=("2024-01-01", "2024-01-31"))

    failed = ended(site, backfill)

    assert failed.status is BackfillStatus.FAILED
    assert failed.error is not None
    assert failed.error.message == "Of 63 partitions, 2 failed and 1 skipped because of that."
    (site.scratch / "bad").unlink()
    before = len(runs_of(site, backfill))

    site.store.backfills.retry(backfill.id)
    done = ended(site, backfill)

    assert done.status is BackfillStatus.SUCCEEDED
    assert len(runs_of(site, backfill)) == before + 2


def test_one_run_writes_all_partitions_where_the_asset_says_so(site: Site) -> None:
    backfill = start(site, "together")

    assert ended(site, backfill).status is BackfillStatus.SUCCEEDED
    (run,) = runs_of(site, backfill)
    assert len(run.request.partition_keys) == 60
    assert counts(site, backfill) == {BackfillItemStatus.SUCCEEDED: 60}


def test_runs_of_some_partitions_each_for_a_job(site: Site) -> None:
    backfill = start(site, job="daily_look", policy=BackfillPolicy(max_partitions_per_run=25))

    assert ended(site, backfill).status is BackfillStatus.SUCCEEDED
    assert sorted(len(run.request.partition_keys) for run in runs_of(site, backfill)) == [10, 25, 25]


def test_a_pause_lets_what_has_begun_go_on_and_a_resume_does_the_rest(site: Site) -> None:
    backfill = start(site, "slow", key_range=("2024-01-01", "2024-01-31"))
    eventually(lambda: any(site.scratch.glob("slow.*")), seconds=20, what="a slow day to begin")
    site.store.backfills.pause(backfill.id)
    site.allow("go")
    eventually(lambda: not site.store.runs.count(BEGUN), seconds=60, what="what has begun to end")
    written = counts(site, backfill).get(BackfillItemStatus.SUCCEEDED, 0)

    assert site.store.backfills.get(backfill.id).status is BackfillStatus.PAUSED
    assert site.store.runs.count(RunFilter(statuses=(RunStatus.QUEUED,))) > 0
    site.store.backfills.resume(backfill.id)
    done = ended(site, backfill)

    assert done.status is BackfillStatus.SUCCEEDED
    assert written < 31 == counts(site, backfill)[BackfillItemStatus.SUCCEEDED] == len(runs_of(site, backfill))


def test_cancelling_ends_its_runs_and_launches_nothing_more(site: Site) -> None:
    backfill = start(site, "slow")
    eventually(lambda: any(site.scratch.glob("slow.*")), seconds=20, what="a slow day to begin")

    site.store.backfills.request_cancel(backfill.id)
    done = ended(site, backfill)

    assert done.status is BackfillStatus.CANCELED
    assert counts(site, backfill) == {BackfillItemStatus.CANCELED: 60}
    assert Counter(run.status for run in runs_of(site, backfill)) == {RunStatus.CANCELED: len(runs_of(site, backfill))}


@pytest.mark.faults
def test_a_pause_outlives_the_daemon(tmp_path: Path) -> None:
    with a_site(tmp_path, main=FLIGHTS) as site:
        site.work()
        daemon = site.start("daemon", lease=1.0)
        backfill = start(site, "raw", "clean", "monthly")
        eventually(lambda: counts(site, backfill).get(BackfillItemStatus.SUCCEEDED, 0) >= 10, seconds=60, what="some days")
        site.store.backfills.pause(backfill.id)
        daemon.kill()
        eventually(lambda: not site.store.runs.count(BEGUN), seconds=60, what="what has begun to end")
        written, launched = sum(run.status is RunStatus.SUCCEEDED for run in runs_of(site, backfill)), len(runs_of(site, backfill))
        daemon = site.start("daemon", lease=1.0)
        eventually(lambda: counts(site, backfill)[BackfillItemStatus.SUCCEEDED] == 2 * written, seconds=60, what="what was written to be counted")

        assert site.store.backfills.get(backfill.id).status is BackfillStatus.PAUSED
        assert len(runs_of(site, backfill)) == launched
        daemon.kill()
        site.store.backfills.resume(backfill.id)
        site.start("daemon", lease=1.0)

        assert ended(site, backfill, seconds=90).status is BackfillStatus.SUCCEEDED
        days = Counter((run.request.assets, key) for run in runs_of(site, backfill) for key in run.request.partition_keys)
        assert len(days) == 60 + 2
        assert set(days.values()) == {1}


@pytest.mark.faults
def test_a_daemon_that_dies_repeats_nothing(tmp_path: Path) -> None:
    with a_site(tmp_path, main=FLIGHTS) as site:
        site.work()
        daemon = site.start("daemon", lease=1.0)
        backfill = start(site, "raw", "clean", "monthly")
        for share in (10, 25, 40):
            eventually(lambda share=share: counts(site, backfill).get(BackfillItemStatus.SUCCEEDED, 0) >= share, seconds=60, what="some days")  # type: ignore[misc]
            daemon.kill()
            daemon = site.start("daemon", lease=1.0)

        done = ended(site, backfill, seconds=90)

        assert done.status is BackfillStatus.SUCCEEDED
        written = Counter((run.request.assets, key) for run in runs_of(site, backfill) for key in run.request.partition_keys)
        assert len(written) == 60 + 2
        assert set(written.values()) == {1}


def test_what_a_step_computes_together_is_backfilled_together(site: Site) -> None:
    backfill = start(site, "carriers", "season", "routes", key_range=("2024-01-01", "2024-01-03"))

    done = ended(site, backfill)

    assert done.status is BackfillStatus.SUCCEEDED, done
    runs = runs_of(site, backfill)
    assert sorted(len(run.request.assets) for run in runs) == [1, 2, 2, 2]
    assert {tuple(step.key for step in steps) for steps in site.store.runs.steps([run.id for run in runs]).values()} == {("season",), ("reference",)}
