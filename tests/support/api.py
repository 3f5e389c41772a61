"""The API on a loopback port, over a store that holds a small workspace and what a test puts into it."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import uvicorn
from websockets.sync.client import ClientConnection, connect

import partita as pt
from partita.api.app import SERVER_OPTIONS, create_app
from partita.records.failures import PythonError
from partita.records.locations import LocationCatalog
from partita.records.runs import Run, RunRequest, RunStatus
from partita.storage.leases import location_lease
from partita.storage.store import Store
from partita.workspace.loader import describe
from partita.workspace.settings import LocationSettings, Settings, StorageSettings
from support.stores import Writer, plan, status, url_of

NOW = datetime(2026, 2, 10, 12, tzinfo=UTC)
"""What the API takes for now, so that partitions do not grow while the tests age."""
LEASE = timedelta(hours=1)
DAYS = pt.DailyPartitions(start="2026-01-01")
MONTHS = pt.MonthlyPartitions(start="2025-12-01")


class Limit(pt.Config):
    """How much to take."""

    limit: int = pt.Field(default=0, ge=0)
    carrier: str | None = None


class Place(pt.Resource):
    """Where to put it."""

    path: str = "here"


@pt.asset(key="raw/orders", group="raw", kinds=["csv"], owners=["team:data"], tags={"tier": "gold"}, partitions=DAYS, deps=["source/orders"])
def orders(context: pt.AssetContext, config: Limit) -> int:
    """Orders as they came.

    One row each.
    """
    return 1


@pt.asset(key="raw/customers", group="raw", kinds=["csv", "duckdb"], metadata={"rows": 3, "nothing": None})
def customers() -> int:
    return 1


@pt.asset_check(asset="raw/customers", blocking=True)
def not_empty(customers: int) -> pt.CheckResult:
    """There are customers."""
    return pt.CheckResult(passed=customers > 0)


@pt.op
def fetch(config: Limit, place: Place) -> int:
    """Fetch some."""
    return config.limit


@pt.op
def halve(number: int) -> int:
    return number // 2


@pt.op
def report(number: int) -> None:
    return None


@pt.graph
def middle(number: int) -> int:
    return halve(halve(number))


@pt.job(tags={"kind": "ops"})
def nightly() -> None:
    """Fetch, halve twice, report."""
    report(middle(fetch()))


@pt.job(partitions=DAYS)
def daily() -> None:
    report(fetch())


INGEST = pt.Repository(
    "main",
    assets=[pt.AssetSpec("source/orders", group="raw", description="Kept by others.", metadata={"by": "others"}), orders, customers],
    checks=[not_empty],
    jobs=[nightly, daily, pt.asset_job("refresh", selection="raw/customers")],
    resources={"place": Place()},
)


@pt.asset(key="marts/revenue", group="marts", partitions=MONTHS, deps=["raw/orders"])
def revenue() -> int:
    return 1


@pt.asset(key="marts/people", group="marts", deps=["raw/customers"])
def people() -> int:
    return 1


@pt.job(name="nightly")
def other_nightly() -> None:
    report(1)


ANALYTICS = pt.Repository(
    "marts",
    assets=[pt.AssetSpec("raw/orders"), pt.AssetSpec("raw/customers"), revenue, people],
    jobs=[other_nightly],
)


@dataclass
class Api:
    """A served API and the store behind it."""

    store: Store
    settings: Settings
    port: int = 0
    home: Path = field(default_factory=Path)

    def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that must succeed whole."""
        answer = self.send(document, variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    def refuse(self, document: str, **variables: Any) -> list[dict[str, Any]]:
        """The errors of an operation that must not succeed whole."""
        answer = self.send(document, variables)
        errors: list[dict[str, Any]] = answer["errors"]
        return errors

    def send(self, document: str, variables: dict[str, Any] | None = None, **rest: Any) -> dict[str, Any]:
        """The answer to an operation."""
        answer: dict[str, Any] = self.post({"query": document, "variables": variables or {}, **rest}).json
        return answer

    def post(self, body: Any, **headers: str) -> Answer:
        """The answer to a body, which may be anything."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", "/graphql", raw, {"content-type": "application/json", **_dashed(headers)})

    def request(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """The answer to an HTTP request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            got = connection.getresponse()
            return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())
        finally:
            connection.close()

    def socket(self, *, init: bool = True, protocols: Sequence[str] = ("graphql-transport-ws",), **headers: str) -> Socket:
        """A WebSocket, greeted unless told otherwise."""
        address = f"ws://127.0.0.1:{self.port}/graphql"
        options: dict[str, Any] = {"subprotocols": list(protocols), "additional_headers": _dashed(headers)}
        made = Socket(connect(address, **options))
        if init:
            made.send({"type": "connection_init"})
            assert made.receive()["type"] == "connection_ack"
        return made

    def publish(self, location: str, **definitions: Any) -> None:
        """Let a code location define this and nothing else."""
        repository = pt.Repository("main", **definitions)
        self.store.locations.publish(location, describe(location, [repository]), python_version="3.11", library_version="0.1", start="fork")

    def forget_changes(self) -> None:
        """As if every change had grown too old to be kept."""
        future, past = datetime.now(UTC) + timedelta(days=1), datetime(2000, 1, 1, tzinfo=UTC)
        self.store.retention.prune(events_before=past, changes_before=future, idempotency_before=past, limit=10_000)

    def run(self, **rest: Any) -> Run:
        """One queued run, of the job `nightly` unless told otherwise."""
        return self.store.runs.launch(
            [RunRequest(**{"location": "ingest", "repository": "main", **({} if rest.get("assets") else {"job": "nightly"}), **rest})]
        ).runs[0]

    def begin(self, *steps: str, **rest: Any) -> Writer:
        """A run that is running, with these steps."""
        run = self.run(**rest)
        terms: dict[str, Any] = {"owner": "worker", "location": run.request.location, "catalog_hash": "abc"}
        claims = {each.run.id: each for each in self.store.runs.claim(limit=1000, lease=LEASE, **terms)}
        claimed = claims.pop(run.id)
        for other in claims.values():
            self.store.runs.release(other.run.id, other.epoch)
        writer = Writer(self.store, claimed)
        writer.send(plan(*steps), status(RunStatus.RUNNING, 1))
        return writer


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def codes(self) -> list[str]:
        """The codes of its errors."""
        return [error["extensions"]["code"] for error in self.json["errors"]]


class Socket:
    """A WebSocket that speaks JSON."""

    def __init__(self, connecting: AbstractContextManager[ClientConnection]) -> None:
        self._stack = ExitStack()
        self.connection = self._stack.enter_context(connecting)

    def send(self, message: Any) -> None:
        """Send a message, which may be anything."""
        self.connection.send(json.dumps(message))

    def receive(self) -> dict[str, Any]:
        """The next message."""
        raw = self.connection.recv(timeout=20)
        assert isinstance(raw, str)
        message: dict[str, Any] = json.loads(raw)
        return message

    def subscribe(self, document: str, operation_id: str = "1", **variables: Any) -> None:
        """Begin an operation."""
        self.send({"id": operation_id, "type": "subscribe", "payload": {"query": document, "variables": variables}})

    def next(self) -> dict[str, Any]:
        """The data of the next item, which must be one without errors."""
        message = self.receive()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        data: dict[str, Any] = message["payload"]["data"]
        return data

    def close_code(self) -> int:
        """The code with which the server closed it."""
        while self.connection.close_code is None:
            try:
                self.connection.recv(timeout=20)
            except Exception:
                break
        assert self.connection.close_code is not None
        return self.connection.close_code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def fill(store: Store) -> None:
    """Give a store the workspace: two locations that serve, and one that never loaded."""
    catalogs: list[LocationCatalog] = [describe("ingest", [INGEST]), describe("analytics", [ANALYTICS])]
    store.locations.declare([(each.location, {}) for each in catalogs] + [("broken", {"module": "broken"})])
    for catalog in catalogs:
        store.leases.acquire(location_lease(catalog.location), owner="worker", ttl=LEASE)
        store.locations.publish(catalog.location, catalog, python_version="3.11.7", library_version="0.1.0", start="fork")
    store.leases.acquire(location_lease("broken"), owner="worker", ttl=LEASE)
    store.locations.fail("broken", PythonError(class_name="ImportError", message="No module named 'nowhere'"))


def settings_of(home: Path) -> Settings:
    """Settings of a workspace in `home`."""
    names = ("ingest", "analytics", "broken")
    locations = tuple(LocationSettings(name=name, directory=str(home)) for name in names)
    return Settings(locations=locations, storage=StorageSettings(url=url_of(home)), home=home)


@contextmanager
def serving(home: Path, *, logs: str | None = None, **options: Any) -> Iterator[Api]:
    """The API over a store in `home`, with what runs have printed in the archive `logs`."""
    settings = settings_of(home)
    settings = replace(settings, storage=replace(settings.storage, logs=logs))
    with Store(url_of(home)) as store:
        fill(store)
        app = create_app(store, settings=settings, **{"clock": lambda: NOW, **options})
        with listening(app) as port:
            yield Api(store, settings, port, home)


@contextmanager
def listening(app: Any) -> Iterator[int]:
    """The application behind uvicorn, in a thread of its own."""
    config = uvicorn.Config(app, port=0, log_level="warning", lifespan="off", **SERVER_OPTIONS)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.005)
            assert thread.is_alive(), "uvicorn did not start"
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
