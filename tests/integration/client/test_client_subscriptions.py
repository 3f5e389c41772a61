"""Following what happens: across lost connections with nothing lost or doubled, to the end and no further."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from partita_client import AsyncClient, Client, ConnectionFailedError, RequestRefusedError, Run, TimedOutError
from partita_client.models import LogEvent
from support.client_answers import RUN_ID, batch, launched, run
from support.fake_server import AnswerError, DropError, FakeServer, RefusalError
from support.waiting import eventually

RAW = "subscription ($after: String) { runEvents(runId: 1, after: $after) { cursor } }"
WITHOUT_CURSOR = "subscription { runEvents(runId: 1) { runStatus } }"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        fake.answers["LaunchRun"] = lambda _: launched()
        fake.answers["GetRun"] = lambda _: {"run": run("SUCCEEDED")}
        yield fake


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    with Client(server.url, patience=10) as made:
        yield made


class Log:
    """The events of a run that ends after `last`; the connection goes wrong, once each, after the numbers in `troubles`."""

    def __init__(self, last: int, troubles: dict[int, Exception | None]) -> None:
        self.last, self.troubles = last, troubles

    async def __call__(self, variables: dict[str, Any]) -> AsyncIterator[Any]:
        for seq in range(int(variables.get("after") or 0) + 1, self.last + 1):
            yield batch(seq, status="SUCCEEDED" if seq == self.last else "RUNNING")
            if seq in self.troubles:
                trouble = self.troubles.pop(seq)
                if trouble is None:
                    return
                raise trouble


def test_events_are_typed_and_end_with_the_run(server: FakeServer, client: Client) -> None:
    server.streams["FollowRun"] = Log(3, {})

    events = list(client.launch("nightly").events())

    assert [event.message for event in events] == ["event 1", "event 2", "event 3"]
    assert all(isinstance(event, LogEvent) for event in events)


@pytest.mark.parametrize("trouble", [DropError(), RefusalError(500), None], ids=["cut", "closed", "completed too early"])
def test_a_lost_connection_loses_and_doubles_nothing(server: FakeServer, client: Client, trouble: Exception | None) -> None:
    server.streams["FollowRun"] = Log(6, {2: trouble, 5: trouble})

    cursors = [event.cursor for event in client.launch("nightly").events()]

    assert cursors == ["1", "2", "3", "4", "5", "6"]
    assert [asked.get("after") for asked in server.asked("FollowRun")] == [None, "2", "5"]


def test_events_can_be_followed_from_one_on(server: FakeServer, client: Client) -> None:
    server.streams["FollowRun"] = Log(4, {})

    cursors = [event.cursor for event in client.launch("nightly").events(after="2")]

    assert cursors == ["3", "4"]


def test_following_survives_a_server_that_restarts(server: FakeServer, client: Client) -> None:
    release = threading.Event()

    async def events(variables: dict[str, Any]) -> AsyncIterator[Any]:
        after = int(variables.get("after") or 0)
        for seq in range(after + 1, 5):
            if seq == 3:
                await asyncio.to_thread(release.wait, 10)
            yield batch(seq, status="SUCCEEDED" if seq == 4 else "RUNNING")

    server.streams["FollowRun"] = events
    source = client.launch("nightly").events()
    first = [next(source).cursor, next(source).cursor]

    server.stop()
    server.start_later(0.2)
    release.set()

    assert [*first, *(event.cursor for event in source)] == ["1", "2", "3", "4"]


def test_a_socket_that_was_open_once_is_waited_for(server: FakeServer, client: Client) -> None:
    opened = threading.Event()

    async def items(_: dict[str, Any]) -> AsyncIterator[Any]:
        if not opened.is_set():
            opened.set()
            await asyncio.sleep(60)
        yield batch(1)

    server.streams["runEvents"] = items
    found: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: found.extend(client.subscribe(RAW)))
    thread.start()
    assert opened.wait(5)

    server.stop()
    server.start_later(1.0)
    thread.join(10)

    assert [item["runEvents"]["cursor"] for item in found] == ["1"]


def test_waiting_ends_when_the_run_has(server: FakeServer, client: Client) -> None:
    server.streams["AwaitRun"] = Log(3, {1: DropError()})
    made = client.launch("nightly")

    done = made.wait(timeout=10)

    assert done is made
    assert done.status == "succeeded"


def test_waiting_no_longer_than_allowed(server: FakeServer, client: Client) -> None:
    stopped = threading.Event()

    async def silence(_: dict[str, Any]) -> AsyncIterator[Any]:
        yield batch(1)
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    server.streams["AwaitRun"] = silence
    began = time.monotonic()

    with pytest.raises(TimedOutError, match=rf"Run {RUN_ID} takes longer than 0.2 s") as caught:
        client.launch("nightly").wait(timeout=0.2)

    assert time.monotonic() - began < 5
    assert isinstance(caught.value, TimeoutError)
    assert stopped.wait(5), "the server still works on a subscription that nobody wants"


def test_one_socket_serves_every_subscription(server: FakeServer, client: Client) -> None:
    server.streams["AwaitRun"] = Log(1, {})
    server.streams["FollowRun"] = Log(2, {})

    for _ in range(3):
        made = client.launch("nightly")
        assert len(list(made.events())) == 2
        made.wait()

    assert server.sockets_opened == 1


def test_subscriptions_of_several_threads_share_the_socket(server: FakeServer, client: Client) -> None:
    server.streams["FollowRun"] = Log(50, {})
    found: dict[int, list[str]] = {}

    def follow(number: int) -> None:
        found[number] = [event.cursor for event in client.launch("nightly").events()]

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert found == {number: [str(seq) for seq in range(1, 51)] for number in range(4)}
    assert server.sockets_opened == 1


def test_a_subscription_that_is_left_is_ended_at_the_server(server: FakeServer, client: Client) -> None:
    stopped = threading.Event()

    async def endless(_: dict[str, Any]) -> AsyncIterator[Any]:
        try:
            for seq in range(1, 10_000):
                yield batch(seq)
                await asyncio.sleep(0.005)
        finally:
            stopped.set()

    server.streams["FollowRun"] = endless

    for event in client.launch("nightly").events():
        if event.cursor == "3":
            break

    assert stopped.wait(5)


def test_a_subscription_that_the_server_refuses_says_why(server: FakeServer, client: Client) -> None:
    async def refuse(variables: dict[str, Any]) -> AsyncIterator[Any]:
        if not variables.get("after"):
            raise AnswerError({"message": "There is no run 'x'.", "extensions": {"code": "BAD_USER_INPUT"}})
        yield batch(1)

    server.streams["runEvents"] = refuse

    with pytest.raises(RequestRefusedError, match="There is no run") as caught:
        next(iter(client.subscribe(RAW)))

    assert caught.value.code == "BAD_USER_INPUT"


def test_a_socket_that_is_closed_as_forbidden_is_not_tried_again(server: FakeServer, client: Client) -> None:
    server.streams["runEvents"] = Log(3, {1: RefusalError(403)})

    with pytest.raises(RequestRefusedError) as caught:
        list(client.subscribe(RAW))

    assert caught.value.code == "FORBIDDEN"
    assert server.sockets_opened == 1


def test_any_subscription_with_a_cursor_resumes(server: FakeServer, client: Client) -> None:
    server.streams["runEvents"] = Log(4, {2: DropError()})

    items = list(client.subscribe(RAW))

    assert [item["runEvents"]["cursor"] for item in items] == ["1", "2", "3", "4"]


def test_a_subscription_without_a_cursor_does_not_pretend_to_resume(server: FakeServer, client: Client) -> None:
    server.streams["runEvents"] = Log(4, {2: DropError()})
    source = client.subscribe(WITHOUT_CURSOR)
    next(source)
    next(source)

    with pytest.raises(ConnectionFailedError):
        next(source)

    assert len(server.asked("runEvents")) == 1


def test_a_server_that_stays_away_is_given_up(server: FakeServer) -> None:
    server.streams["FollowRun"] = Log(9, {2: DropError()})
    with Client(server.url, patience=0.3) as client:
        source = client.launch("nightly").events()
        next(source)
        server.stop()

        with pytest.raises(ConnectionFailedError, match="refused"):
            list(source)


def test_a_reload_is_waited_for_until_the_new_code_stands(server: FakeServer, client: Client) -> None:
    def location(*, is_reloading: bool, **fields: Any) -> dict[str, Any]:
        plain = {"id": "L", "name": "hive", "status": "LOADED", "isReloading": is_reloading, "warnings": [], "repositories": [], "error": None}
        return plain | {"pythonVersion": None, "libraryVersion": None, "loadedAt": None, "start": None} | fields

    async def changes(_: dict[str, Any]) -> AsyncIterator[Any]:
        steps = [location(is_reloading=False, id="other"), location(is_reloading=True), location(is_reloading=True, status="LOADING")]
        steps.append(location(is_reloading=False, loadedAt="2026-11-22T08:00:00Z"))
        for number, step in enumerate(steps):
            yield {"workspace": {"cursor": str(number), "codeLocation": step}}
        await asyncio.sleep(60)

    server.answers["ReloadCodeLocation"] = lambda _: {"reloadCodeLocation": {"codeLocation": location(is_reloading=True), "errors": []}}
    server.streams["FollowWorkspace"] = changes

    done = client.reload("hive")

    assert (done.status, done.is_reloading) == ("loaded", False)
    assert done.loaded_at is not None
    assert client.reload("hive", wait=False).is_reloading


def test_the_async_client_does_the_same(server: FakeServer) -> None:
    server.streams["FollowRun"] = Log(5, {2: DropError()})
    server.streams["AwaitRun"] = Log(2, {})

    async def work() -> tuple[list[str], str]:
        async with AsyncClient(server.url) as client:
            made = await client.launch("nightly")
            cursors = [event.cursor async for event in made.events()]
            return cursors, (await made.wait()).status

    assert asyncio.run(work()) == (["1", "2", "3", "4", "5"], "succeeded")


def test_a_forgotten_client_ends_its_thread(server: FakeServer) -> None:
    def threads() -> int:
        return sum(thread.name == "partita-client" for thread in threading.enumerate())

    def use() -> Run:
        made = Client(server.url).launch("nightly")
        assert threads() == before + 1
        return made

    before = threads()

    made = use()
    assert made.refresh().status == "succeeded", "a run keeps its connection"
    del made
    gc.collect()

    eventually(lambda: threads() == before, what="the thread to end")


def test_closing_a_client_does_not_wait_for_who_still_iterates(server: FakeServer) -> None:
    async def silence(_: dict[str, Any]) -> AsyncIterator[Any]:
        yield batch(1)
        await asyncio.sleep(60)

    server.streams["FollowRun"] = silence
    client = Client(server.url)
    paused, blocked = (client.launch("nightly").events() for _ in range(2))
    next(paused)
    next(blocked)
    problems: list[str] = []

    def follow() -> None:
        with pytest.raises(RuntimeError) as caught:
            next(blocked)
        problems.append(str(caught.value))

    thread = threading.Thread(target=follow)
    thread.start()
    eventually(lambda: len(server.asked("FollowRun")) == 2)
    began = time.monotonic()

    client.close()
    thread.join(5)

    assert time.monotonic() - began < 2
    assert problems == ["The client was closed."]
