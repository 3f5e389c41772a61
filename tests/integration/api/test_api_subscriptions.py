"""Following runs, events and code locations: replayed, then live, resumable, nothing lost or doubled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from partita.api.subscriptions.run_events import BATCH
from partita.records.events import StepStarted, StepSucceeded
from partita.records.failures import PythonError
from partita.records.runs import RunStatus
from partita.storage.leases import location_lease
from support.api import Api, Socket
from support.stores import NOON, at, log, status
from support.waiting import eventually

EVENTS = "subscription($id: ID!, $a: String, $f: RunEventFilter) { runEvents(runId: $id, after: $a, filter: $f)"
EVENTS += " { cursor runStatus isCaughtUp events { cursor message run: runId } } }"
RUNS = "subscription($a: String, $f: RunFilter) { runs(after: $a, filter: $f) { cursor run { id status steps { key } tags { key } } } }"
WORKSPACE = "subscription($a: String) { workspace(after: $a) { cursor codeLocation { name status error { message } repositories { name } } } }"


def batches(socket: Socket, until: int) -> list[dict[str, Any]]:
    """Batches up to the one that holds event number `until`."""
    found: list[dict[str, Any]] = []
    while not found or int(found[-1]["cursor"]) < until:
        found.append(socket.next()["runEvents"])
    return found


def seqs(found: list[dict[str, Any]]) -> list[int]:
    return [int(event["cursor"]) for batch in found for event in batch["events"]]


def test_events_are_replayed_followed_and_end_with_the_run(api: Api) -> None:
    writer = api.begin("fetch")
    with api.socket() as socket:
        socket.subscribe(EVENTS, id=writer.run_id)
        replayed = socket.next()["runEvents"]
        writer.send(StepStarted(at=NOON, step="fetch"), log("hello", step="fetch"))
        live = batches(socket, until=6)
        writer.send(status(RunStatus.SUCCEEDED, 5))
        last = batches(socket, until=7)

        assert seqs([replayed]) == [1, 2, 3, 4]
        assert (replayed["isCaughtUp"], replayed["runStatus"]) == (True, "RUNNING")
        assert seqs(live) == [5, 6]
        assert seqs(last) == [7]
        assert last[-1]["runStatus"] == "SUCCEEDED"
        assert socket.receive()["type"] == "complete"


def test_events_of_a_run_that_has_ended_end_at_once(api: Api) -> None:
    run = api.run()
    api.store.runs.request_cancel(run.id)
    with api.socket() as socket:
        socket.subscribe(EVENTS, id=run.id[-8:])

        batch = socket.next()["runEvents"]
        assert [each["message"] for each in batch["events"]][-1].startswith("Run canceled")
        assert socket.receive()["type"] == "complete"


def test_a_stream_resumes_after_its_cursor(api: Api) -> None:
    writer = api.begin("fetch")
    writer.send(log("one"), log("two"), status(RunStatus.SUCCEEDED, 5))
    with api.socket() as socket:
        socket.subscribe(EVENTS, id=writer.run_id, a="5")
        assert seqs([socket.next()["runEvents"]]) == [6, 7]
        assert socket.receive()["type"] == "complete"
        socket.subscribe(EVENTS, id=writer.run_id, a="7")
        assert socket.next()["runEvents"]["events"] == []
        assert socket.receive()["type"] == "complete"


def test_a_long_replay_comes_in_batches(api: Api) -> None:
    writer = api.begin("fetch")
    for _ in range(6):
        writer.send(*(log("x") for _ in range(200)))
    writer.send(status(RunStatus.SUCCEEDED, 5))
    with api.socket() as socket:
        socket.subscribe(EVENTS, id=writer.run_id)
        found = batches(socket, until=1205)

        assert seqs(found) == list(range(1, 1206))
        assert [len(each["events"]) for each in found] == [BATCH, BATCH, 205]
        assert [each["isCaughtUp"] for each in found] == [False, False, True]


def test_filtered_events_move_the_cursor_past_what_they_leave_out(api: Api) -> None:
    writer = api.begin("fetch")
    writer.send(log("quiet"), StepStarted(at=NOON, step="fetch"), log("quiet"))
    with api.socket() as socket:
        socket.subscribe(EVENTS, id=writer.run_id, f={"kinds": ["STARTED"]})
        batch = socket.next()["runEvents"]

        assert seqs([batch]) == [6]
        assert batch["cursor"] == "7"
        writer.send(log("quiet"), status(RunStatus.FAILED, 5))
        end = socket.next()["runEvents"]
        assert (end["events"], end["cursor"], end["runStatus"]) == ([], "9", "FAILED")
        assert socket.receive()["type"] == "complete"


@pytest.mark.parametrize("cursor", ["-1", "x", "99", "1" * 30])
def test_a_cursor_of_another_run_is_refused(api: Api, cursor: str) -> None:
    run = api.run()
    with api.socket() as socket:
        socket.subscribe(EVENTS, id=run.id, a=cursor)
        message = socket.receive()

        assert message["payload"]["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_every_follower_of_a_run_gets_every_event_once(api: Api) -> None:
    writer = api.begin("fetch")
    sockets = [api.socket() for _ in range(4)]
    for socket in sockets:
        socket.subscribe(EVENTS, id=writer.run_id)
    for number in range(20):
        writer.send(log(f"{number}"), log(f"{number} again"))
    writer.send(status(RunStatus.SUCCEEDED, 5))

    for socket in sockets:
        with socket:
            assert seqs(batches(socket, until=45)) == list(range(1, 46))


def test_a_stream_is_resumed_on_another_server_with_nothing_lost_or_doubled(api: Api) -> None:
    from partita.api.app import create_app
    from support.api import listening

    writer = api.begin("fetch")
    with api.socket() as socket:
        socket.subscribe(EVENTS, id=writer.run_id)
        first = batches(socket, until=4)
    writer.send(log("while nobody listened"))
    with listening(create_app(api.store, settings=api.settings)) as port:
        other = Api(api.store, api.settings, port)
        with other.socket() as socket:
            socket.subscribe(EVENTS, id=writer.run_id, a=first[-1]["cursor"])
            second = batches(socket, until=5)
            writer.send(log("live again"))
            third = batches(socket, until=6)

    assert seqs([*first, *second, *third]) == [1, 2, 3, 4, 5, 6]


def test_runs_are_followed_from_now_on(api: Api) -> None:
    api.run()
    with api.socket() as socket:
        socket.subscribe(RUNS)
        eventually(lambda: b"partita_subscriptions 1" in api.request("GET", "/metrics").body)
        writer = api.begin("fetch", tags={"a": "1"})
        seen: list[dict[str, Any]] = []
        while not seen or seen[-1]["status"] != "RUNNING":
            seen.append(socket.next()["runs"]["run"])

        assert {each["id"] for each in seen if each["tags"]} == {writer.run_id}
        assert seen[-1]["steps"] == [{"key": "fetch"}]


def test_changes_of_runs_are_replayed_after_a_cursor(api: Api) -> None:
    start = api.store.changes.latest()
    first = api.run()
    second = api.begin("fetch")
    second.send(status(RunStatus.FAILED, 5))
    with api.socket() as socket:
        socket.subscribe(RUNS, a=start)
        replayed = [socket.next()["runs"] for _ in range(2)]
        third = api.run()
        live = socket.next()["runs"]

        assert {each["run"]["id"] for each in replayed} == {first.id, second.run_id}
        assert replayed[-1]["run"]["status"] == "FAILED", "several changes of one run come as its newest state"
        assert live["run"]["id"] == third.id
        cursor = replayed[-1]["cursor"]
        socket.subscribe(RUNS, "2", a=cursor)
        assert socket.next()["runs"]["run"]["id"] == third.id


def test_only_wanted_runs_are_followed(api: Api) -> None:
    start = api.store.changes.latest()
    api.run()
    wanted = api.run(job="daily", partition_keys=("2026-01-01",))
    with api.socket() as socket:
        socket.subscribe(RUNS, a=start, f={"jobNames": ["daily"]})
        assert socket.next()["runs"]["run"]["id"] == wanted.id
        api.run()
        again = api.run(job="daily", partition_keys=("2026-01-02",))
        assert socket.next()["runs"]["run"]["id"] == again.id


def test_a_cursor_that_is_too_old_gets_the_fresh_state(api: Api) -> None:
    start = api.store.changes.latest()
    old = [api.run().id, api.run().id]
    api.forget_changes()
    with api.socket() as socket:
        socket.subscribe(RUNS, a=start)
        expired = socket.receive()
        fresh = [socket.next()["runs"]["run"]["id"] for _ in old]
        new = api.run()
        live = socket.next()["runs"]

        assert expired["type"] == "next"
        assert expired["payload"]["errors"][0]["extensions"]["code"] == "EXPIRED"
        assert fresh == old
        assert live["run"]["id"] == new.id


def test_code_locations_are_shown_as_they_stand_and_as_they_change(api: Api) -> None:
    with api.socket() as socket:
        socket.subscribe(WORKSPACE)
        first = [socket.next()["workspace"]["codeLocation"] for _ in range(3)]
        api.store.locations.fail("ingest", PythonError(class_name="SyntaxError", message="bad line"))
        changed = socket.next()["workspace"]

        assert [(each["name"], each["status"]) for each in first] == [("ingest", "LOADED"), ("analytics", "LOADED"), ("broken", "FAILED")]
        assert changed["codeLocation"] == {"name": "ingest", "status": "FAILED", "error": {"message": "bad line"}, "repositories": [{"name": "main"}]}
        api.store.locations.fail("analytics", PythonError(class_name="SyntaxError", message="worse"))
        socket.subscribe(WORKSPACE, "2", a=changed["cursor"])
        later = [socket.receive() for _ in range(2)]
        assert {each["id"] for each in later} == {"1", "2"}
        assert all(each["payload"]["data"]["workspace"]["codeLocation"]["name"] == "analytics" for each in later)


def test_a_worker_that_is_gone_is_noticed_though_it_writes_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partita.api.subscriptions.locations.LOOK", 0.05)
    with api.socket() as socket:
        socket.subscribe(WORKSPACE)
        for _ in range(3):
            socket.next()
        epoch = api.store.leases.acquire(location_lease("ingest"), owner="worker", ttl=timedelta(milliseconds=1))
        assert epoch is not None

        seen = socket.next()["workspace"]["codeLocation"]
        while seen["status"] != "UNREACHABLE":
            seen = socket.next()["workspace"]["codeLocation"]
        assert seen["name"] == "ingest"


def test_a_workspace_cursor_that_is_too_old_gets_the_fresh_state(api: Api) -> None:
    start = api.store.changes.latest()
    api.run()
    api.run()
    api.forget_changes()
    with api.socket() as socket:
        socket.subscribe(WORKSPACE, a=start)

        assert socket.receive()["payload"]["errors"][0]["extensions"]["code"] == "EXPIRED"
        assert [socket.next()["workspace"]["codeLocation"]["name"] for _ in range(3)] == ["ingest", "analytics", "broken"]


def test_nothing_is_polled_when_nobody_follows(api: Api) -> None:
    def followers() -> str:
        return next(line for line in api.request("GET", "/metrics").body.decode().splitlines() if line.startswith("partita_subscriptions"))

    with api.socket() as socket:
        socket.subscribe(RUNS)
        eventually(lambda: followers() == "partita_subscriptions 1")

    eventually(lambda: followers() == "partita_subscriptions 0")


def test_a_change_reaches_a_follower_soon(api: Api) -> None:
    writer = api.begin("fetch")
    with api.socket() as socket:
        socket.subscribe(EVENTS, id=writer.run_id)
        batches(socket, until=4)
        delays = []
        for number in range(5, 15):
            sent = datetime.now(UTC)
            writer.send(log(f"{number}"))
            batches(socket, until=number)
            delays.append((datetime.now(UTC) - sent).total_seconds())

        assert sorted(delays)[5] < 0.25


def test_what_is_behind_an_item_is_read_anew_for_every_item(api: Api) -> None:
    writer = api.begin("fetch")
    start = api.store.changes.latest()
    with api.socket() as socket:
        socket.subscribe("subscription($a: String) { runs(after: $a) { run { steps { status } } } }", a=start)
        writer.send(StepStarted(at=at(2), step="fetch"))
        assert socket.next()["runs"]["run"]["steps"] == [{"status": "RUNNING"}]
        writer.send(StepSucceeded(at=at(4), step="fetch", duration=2.0))
        assert socket.next()["runs"]["run"]["steps"] == [{"status": "SUCCEEDED"}]
