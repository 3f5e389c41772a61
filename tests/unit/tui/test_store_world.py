"""What is known of the server, and what of it needs to be looked at."""

from __future__ import annotations

from datetime import timedelta

from partita_client.models.generated.types import TuiServer
from partita_client.tui.store.attention import concerns
from partita_client.tui.store.topics import (
    AlertsSeen,
    AssetsSeen,
    BackfillsSeen,
    Connected,
    Disconnected,
    Loaded,
    RunsSeen,
    ServerSeen,
    StreamFailed,
    TicksSeen,
    Topic,
)
from partita_client.tui.store.world import MOST_TICKS, World, active_runs
from support.tui_records import NOON, a_backfill, a_run, a_tick, an_alert, an_asset

LATER = NOON + timedelta(minutes=1)


def test_only_what_is_different_is_told() -> None:
    world = World()

    assert world.apply_all([RunsSeen([a_run(1), a_run(2)])]) == {Topic.RUNS: {"run_00000001", "run_00000002"}}
    assert world.apply_all([RunsSeen([a_run(1), a_run(2, "FAILED")])]) == {Topic.RUNS: {"run_00000002"}}
    assert world.apply_all([RunsSeen([a_run(1)])]) == {}


def test_the_first_answer_is_told_though_it_is_empty() -> None:
    world = World()

    assert world.apply_all([AssetsSeen([], is_all=True), Loaded(Topic.ASSETS)]) == {Topic.ASSETS: set()}
    assert Topic.ASSETS in world.loaded


def test_what_a_stream_tells_before_the_answer_is_not_taken_for_all_there_is() -> None:
    world = World()

    assert world.apply_all([RunsSeen([a_run(1)])]) == {Topic.RUNS: {"run_00000001"}}
    assert Topic.RUNS not in world.loaded


def test_what_is_gone_is_forgotten_when_all_was_told() -> None:
    world = World()
    world.apply_all([AssetsSeen([an_asset("a"), an_asset("b")], is_all=True)])

    assert world.apply_all([AssetsSeen([an_asset("a")], is_all=True)]) == {Topic.ASSETS: {"b"}}
    assert list(world.assets) == ["a"]


def test_what_runs_comes_before_what_waits() -> None:
    world = World()
    world.apply_all([RunsSeen([a_run(1, "QUEUED"), a_run(2, "RUNNING"), a_run(3, "SUCCEEDED"), a_run(4, "RUNNING")])])

    assert [run.id[-1] for run in active_runs(world)] == ["2", "4", "1"]
    world.apply_all([RunsSeen([a_run(2, "SUCCEEDED")])])
    assert [run.id[-1] for run in active_runs(world)] == ["4", "1"]


def test_the_last_ticks_of_each_automation_are_kept_and_dry_runs_are_not() -> None:
    world = World()
    world.apply_all(
        [TicksSeen([a_tick(number) for number in range(MOST_TICKS + 20)]), TicksSeen([a_tick(999, isDryRun=True), a_tick(5, name="other")])]
    )

    kept = world.ticks["ingest/main/files"]
    assert len(kept) == MOST_TICKS
    assert kept[-1].id == f"tick_{MOST_TICKS + 19:08}"
    assert len(world.ticks["ingest/main/other"]) == 1


def test_a_lost_server_leaves_the_time_at_which_all_was_known() -> None:
    world = World()
    world.apply_all([Disconnected(NOON, "refused")])
    assert not world.connection.is_stale
    world.apply_all([Connected(NOON), Disconnected(LATER, "gone"), Disconnected(LATER + timedelta(seconds=5), "refused", LATER)])

    connection = world.connection
    assert connection.is_stale
    assert (connection.seen_at, connection.lost_at, connection.retry_at) == (LATER, LATER, LATER)
    world.apply_all([Connected(LATER)])
    assert not world.connection.is_stale
    assert world.connection.lost_at is None


def test_a_topic_that_cannot_be_followed_says_why_until_it_can() -> None:
    world = World()
    world.apply_all([StreamFailed(Topic.ASSETS, "no such field")])
    assert world.problems == {Topic.ASSETS: "no such field"}
    world.apply_all([StreamFailed(Topic.ASSETS, None)])
    assert not world.problems


def test_what_keeps_most_from_working_comes_first() -> None:
    world = World()
    daemon = {"kind": "MONITOR", "isRequired": True, "isHealthy": False, "errors": [], "pastErrors": []}
    server = {
        "version": "1",
        "schemaHash": "x",
        "startedAt": NOON,
        "daemons": [daemon],
        "queue": {"queued": 0, "running": 0, "pools": [], "tagLimits": []},
    }
    check = {"name": "unique", "isBlocking": True, "latestResult": {"passed": False, "severity": "ERROR", "at": NOON}}
    world.apply_all(
        [
            ServerSeen(TuiServer.model_validate(server)),
            RunsSeen(
                [
                    a_run(1, "FAILED", error={"className": "ValueError", "message": "no"}),
                    a_run(2, "QUEUED", waitReason={"kind": "POOL", "message": "pool dbt"}),
                ]
            ),
            AssetsSeen([an_asset("orders", checks=[check])]),
            BackfillsSeen([a_backfill(1, counts={"FAILED": 2, "WAITING": 8})]),
            AlertsSeen([an_alert(1, "SENT"), an_alert(2, "WAITING", error="slack-1: 503")]),
        ]
    )

    found = concerns(world, NOON + timedelta(minutes=10))

    assert [each.kind for each in found] == ["daemon", "alert", "queue", "backf", "run", "check"]
    assert "ValueError: no" in found[4].text
    assert "pool dbt" in found[2].text
    assert found[1].text == "1 not told  slack-1: 503"
    assert found[3].text.endswith("2/10 partitions failed")


def test_what_was_retried_or_is_old_needs_no_attention() -> None:
    world = World()
    world.apply_all([RunsSeen([a_run(1, "FAILED"), a_run(2, "SUCCEEDED", parent={"id": "run_00000001"}), a_run(3, "FAILED")])])

    assert [each.route.id for each in concerns(world, LATER)] == ["run_00000003"]
    assert not concerns(world, NOON + timedelta(days=2))
