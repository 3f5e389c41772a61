"""What would run, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import partita as pt
from partita.definitions.keys import AssetKey
from partita.definitions.specs import AssetSpec
from partita.errors import ChoiceError, PartitionsError
from partita.planning.preview import Preview, PreviewScope, preview_job, preview_selection
from partita.planning.staleness import assess
from partita.records.assets import InputVersion, Write

NOW = datetime(2026, 1, 4, tzinfo=UTC)
DAYS = pt.DailyPartitions("2026-01-01")


@pt.asset(code_version="2", deps=["source"])
def raw() -> int: ...


@pt.asset(group="marts")
def orders(raw: int) -> int: ...


@pt.asset(group="marts")
def revenue(orders: int) -> int: ...


@pt.asset(partitions=DAYS)
def day(context: pt.AssetContext) -> str: ...


@pt.asset_check(asset=orders, blocking=True)
def some(orders: int) -> pt.CheckResult: ...


@pt.multi_asset(specs=[pt.AssetSpec("left"), pt.AssetSpec("right", group="marts")], can_subset=True)
def halves() -> tuple[int, int]: ...


@pt.op
def extract() -> int: ...


@pt.job
def nightly() -> None:
    extract()


SHOP = pt.Repository(
    "shop",
    assets=[pt.AssetSpec("source"), raw, orders, revenue, day, halves],
    checks=[some],
    jobs=[nightly, pt.asset_job("refresh", selection="group:marts")],
)
HERE = ("here", "shop")


def write(version: str, *, code: str | None = None, inputs: dict[str, str] | None = None) -> Write:
    made_from = tuple(InputVersion(asset=AssetKey(key), version=each) for key, each in (inputs or {}).items())
    return Write(id=f"mat_{version}", at=NOW, version=version, changed_at=NOW, read_at=NOW, code_version=code, inputs=made_from)


WRITES: Any = {
    raw.key: {None: write("r2", code="1", inputs={"source": ""})},
    orders.key: {None: write("o1", inputs={"raw": "r1"})},
    day.key: {"2026-01-02": write("d")},
}


def scope(*, writes: Any = None) -> PreviewScope:
    graph = SHOP.graph
    owners = dict.fromkeys(graph.materializable, HERE)

    def references_for(location: str, repository: str) -> dict[AssetKey, AssetSpec]:
        assert (location, repository) == HERE
        return {}

    return PreviewScope(
        graph=graph,
        owners=owners,
        repositories={HERE: SHOP.spec},
        references_for=references_for,
        location_of={},
        now=NOW,
        staleness=None if writes is None else assess(graph, writes, now=NOW),
    )


def preview(selection: str, *, partitions: tuple[str, ...] = (), writes: Any = None) -> Preview:
    return preview_selection(pt.Selection.parse(selection), scope(writes=writes), partition_keys=partitions)


def reasons(found: Preview) -> dict[str, tuple[str, ...]]:
    return {step.key: step.why for run in found.runs for step in run.steps}


def test_every_step_says_which_part_of_the_selection_means_it() -> None:
    found = preview("raw or revenue or +orders")

    assert reasons(found) == {
        "raw": ("selected by raw",),
        "orders": ("selected by orders",),
        "orders:some": ("checks orders, and holds back what is behind it",),
        "revenue": ("selected by revenue",),
    }
    assert reasons(preview("raw+1"))["orders"] == ("behind raw",)


def test_how_things_stand_is_told_where_it_is_known() -> None:
    found = reasons(preview("+revenue", writes=WRITES))

    assert found["raw"] == ("before revenue", "stale: has a new code version")
    assert found["orders"] == ("before revenue", "stale: has a new dependency data version: raw")
    assert found["revenue"] == ("selected by revenue", "never written")


def test_partitions_are_told_apart() -> None:
    written, missing = (reasons(preview("day", partitions=(key,), writes=WRITES))["day"] for key in ("2026-01-02", "2026-01-03"))

    assert (written, missing) == (("selected by day", "fresh"), ("selected by day", "never written"))


def test_what_is_near_and_left_out_says_why() -> None:
    found = preview("orders or key:source", writes=WRITES)

    assert {each.key: each.why for each in found.left_out} == {
        "source": "external: no code location computes it",
        "raw": "not selected; orders reads its last write, which is stale: has a new code version",
        "revenue": "not selected; it depends on orders and may be stale afterwards",
    }
    assert {each.key: each.why for each in preview("revenue", writes={}).left_out} == {
        "orders": "not selected; revenue reads it, and it was never written"
    }


def test_assets_with_and_without_partitions_are_runs_of_their_own() -> None:
    found = preview("raw or day", partitions=("2026-01-01", "2026-01-02"))

    assert [(run.partitions, [step.key for step in run.steps]) for run in found.runs] == [
        ((), ["raw"]),
        (("2026-01-01",), ["day"]),
        (("2026-01-02",), ["day"]),
    ]


def test_what_cannot_run_is_refused_as_a_launch_would_be() -> None:
    with pytest.raises(PartitionsError, match="no partition is given"):
        preview("day")
    with pytest.raises(ChoiceError, match="no code location computes 'source'"):
        preview("key:source")


def test_jobs_are_previewed_by_name() -> None:
    assert reasons(preview_job(HERE, "nightly", scope())) == {"extract": ("in the job",)}
    refresh = preview_job(HERE, "refresh", scope(writes=WRITES))
    assert reasons(refresh)["revenue"] == ("in the job's selection group:marts", "never written")
    assert [each.key for each in refresh.left_out] == ["raw"]


def test_selections_may_speak_of_states_that_are_known() -> None:
    assert list(reasons(preview("status:stale", writes=WRITES))) == ["raw", "orders", "orders:some"]


def test_a_step_of_several_assets_tells_of_each() -> None:
    (step,) = preview("left or right", writes={AssetKey("left"): {None: write("l")}}).runs[0].steps

    assert (step.key, step.why) == ("halves", ("selected by left", "selected by right", "left fresh", "right never written"))
