"""Resources while a run lasts: when they open and close, and where their values come from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, ClassVar

import pytest

import partita as pt
from partita.errors import ExecutionError, InvalidConfigErrors
from partita.records.events import LogWritten


class Connection(pt.Resource):
    """Tells when it is opened and closed."""

    told: ClassVar[list[str]] = []
    name: str = "main"
    secret: str = ""

    @contextmanager
    def lifespan(self, context: Any) -> Iterator[Any]:
        self.told.append(f"open {self.name} as {context.name}")
        yield self
        self.told.append(f"close {self.name}")


@pytest.fixture(autouse=True)
def _nothing_told() -> None:
    Connection.told.clear()


@pt.asset
def before() -> int:
    Connection.told.append("before")
    return 1


@pt.asset
def first(before: int, db: Connection) -> str:
    Connection.told.append("first")
    return db.name


@pt.asset
def second(first: str, db: Connection, lake: Connection) -> str:
    Connection.told.append("second")
    return first + lake.name


def test_a_resource_opens_before_the_first_step_that_needs_it_and_closes_in_reverse_order() -> None:
    result = pt.materialize([before, first, second], resources={"lake": Connection(name="lake"), "db": Connection()})

    assert Connection.told == ["before", "open main as db", "first", "open lake as lake", "second", "close lake", "close main"]
    assert result.value("second") == "mainlake"


def test_resources_close_when_a_step_fails() -> None:
    @pt.asset
    def boom(db: Connection) -> int:
        raise ValueError

    pt.materialize([boom], resources={"db": Connection()}, raise_on_error=False)

    assert Connection.told[-1] == "close main"


def test_config_of_the_run_overrides_fields_of_a_resource(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_NAME", "from the environment")
    resources = {"db": Connection(secret="kept")}

    @pt.asset
    def shows(db: Connection) -> list[str]:
        return [db.name, db.secret]

    plain = pt.materialize([shows], resources=resources, config={"resources": {"db": {"name": "other"}}})
    late = pt.materialize([shows], resources=resources, config={"resources": {"db": {"name": {"env": "DB_NAME"}}}})

    assert plain.value("shows") == ["other", "kept"]
    assert late.value("shows") == ["from the environment", "kept"]
    assert resources["db"].name == "main"


def test_a_late_value_is_read_when_the_run_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = Connection(secret=pt.EnvVar("DB_SECRET"))
    monkeypatch.setenv("DB_SECRET", "hush")

    @pt.asset
    def shows(db: Connection) -> str:
        return db.secret

    assert pt.materialize([shows], resources={"db": resource}).value("shows") == "hush"


def test_a_variable_that_is_not_set_is_named_with_the_path_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DB_SECRET", raising=False)
    attempts = []

    @pt.asset(retry=pt.Retry(max_retries=2))
    def shows(context: pt.AssetContext, db: Connection) -> str:
        attempts.append(context.attempt)
        return db.secret

    with pytest.raises(InvalidConfigErrors, match=r"resources.db.secret: the environment variable 'DB_SECRET' is not set"):
        pt.materialize([shows], resources={"db": Connection(secret=pt.EnvVar("DB_SECRET"))})
    assert attempts == []


def test_a_resource_that_cannot_be_opened_fails_the_step_that_needs_it() -> None:
    class Broken(pt.Resource):
        @contextmanager
        def lifespan(self, context: Any) -> Iterator[Any]:
            raise ConnectionError("refused")
            yield

    @pt.asset
    def needs(db: Broken) -> int:
        return 1

    with pytest.raises(ExecutionError, match=r"Resource 'db' could not be opened: ConnectionError: refused"):
        pt.materialize([needs], resources={"db": Broken()})


def test_a_resource_that_cannot_be_closed_is_logged_and_keeps_no_other_open() -> None:
    class Sticky(pt.Resource):
        @contextmanager
        def lifespan(self, context: Any) -> Iterator[Any]:
            yield self
            raise ConnectionError("stuck")

    @pt.asset
    def needs(db: Connection, sticky: Sticky) -> int:
        return 1

    result = pt.materialize([needs], resources={"db": Connection(), "sticky": Sticky()})

    assert result.success
    assert Connection.told[-1] == "close main"
    (record,) = [event for event in result.events if isinstance(event, LogWritten)]
    assert "stuck" in record.message


def test_a_lifespan_may_give_something_else_than_the_resource() -> None:
    class Pool(pt.Resource):
        @contextmanager
        def lifespan(self, context: Any) -> Iterator[Any]:
            context.log.info("connecting for %s", context.run_id)
            yield {"connected": True}

    @pt.asset
    def uses(db: Pool) -> Any:
        return dict(db)  # type: ignore[call-overload]

    result = pt.materialize([uses], resources={"db": Pool()})

    assert result.value("uses") == {"connected": True}
    assert any(isinstance(event, LogWritten) and result.run_id in event.message for event in result.events)


def test_a_resource_with_a_default_may_be_missing() -> None:
    @pt.asset
    def asks(db: Connection | None = None) -> bool:
        return db is None

    assert pt.materialize([asks]).value("asks") is True
    assert pt.materialize([asks], resources={"db": Connection()}).value("asks") is False


def test_a_plain_object_is_given_as_it_is() -> None:
    client = object()
    seen = []

    @pt.asset
    def uses(client: pt.Provided[object]) -> int:
        seen.append(client)
        return 1

    pt.materialize([uses], resources={"client": client})

    assert seen == [client]


def test_io_managers_reach_resources_by_name() -> None:
    class Table(pt.IOManager):
        def save(self, context: pt.OutputContext, value: Any) -> None:
            context.resources["db"].told.append(f"save {value}")

        def load(self, context: pt.InputContext) -> Any:
            context.resources["db"].told.append("load")
            return 7

    @pt.asset
    def a() -> int:
        return 1

    @pt.asset
    def b(a: int) -> int:
        return a

    pt.materialize([a, b], resources={"db": Connection(), "io_manager": Table()})

    assert Connection.told == ["open main as db", "save 1", "load", "save 7", "close main"]


class Catalogue(pt.Resource):
    """Holds others."""

    db: Connection
    spare: Connection = Connection(name="spare")

    @contextmanager
    def lifespan(self, context: Any) -> Iterator[Any]:
        Connection.told.append(f"catalogue with {self.db.secret or self.db.name}")
        yield self
        Connection.told.append("close catalogue")


def test_resources_inside_a_resource_are_open_as_long_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    @pt.asset
    def shown(catalogue: Catalogue) -> str:
        return catalogue.db.secret

    monkeypatch.setenv("SECRET", "hush")
    result = pt.materialize([shown], resources={"catalogue": Catalogue(db=Connection(secret=pt.EnvVar("SECRET")))})

    assert result.value("shown") == "hush"
    opened = ["open main as catalogue.db", "open spare as catalogue.spare", "catalogue with hush"]
    assert Connection.told == [*opened, "close catalogue", "close spare", "close main"]


def test_a_resource_that_functions_ask_for_too_is_opened_once() -> None:
    @pt.asset
    def shown(catalogue: Catalogue, shared: Connection) -> bool:
        return catalogue.db is shared

    shared = Connection(name="shared")
    result = pt.materialize([shown], resources={"catalogue": Catalogue(db=shared), "shared": shared})

    assert result.value("shown") is True
    assert Connection.told.count("open shared as shared") == Connection.told.count("close shared") == 1


class Nested(pt.Resource):
    path: str
    n: int = 1


class Outer(pt.Resource):
    inner: Nested
    path: str
    n: int = 1


@pt.asset
def described(outer: Outer) -> list[Any]:
    return [outer.path, outer.n, outer.inner.path, outer.inner.n]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"n": 2}, ["x", 2, "d", 1]),
        ({"path": "y"}, ["y", 1, "d", 1]),
        ({"inner": {"n": 7}}, ["x", 1, "d", 7]),
        ({"inner": {"path": {"env": "SOMEWHERE"}}}, ["x", 1, "late", 1]),
    ],
)
def test_config_lies_over_the_fields_of_the_resource_and_of_those_inside_it(
    config: dict[str, Any], expected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOMEWHERE", "late")
    outer = Outer(path="x", inner=Nested(path="d"))

    assert pt.materialize([described], resources={"outer": outer}, config={"resources": {"outer": config}}).value("described") == expected


def test_a_field_that_is_not_there_is_named_however_deep() -> None:
    outer = Outer(path="x", inner=Nested(path="d"))

    with pytest.raises(pt.PartitaError, match=r"resources\.outer\.inner\.pth: there is no such field\. Did you mean 'path'"):
        pt.materialize([described], resources={"outer": outer}, config={"resources": {"outer": {"inner": {"pth": "y"}}}})


class Numbers(pt.Config):
    need: int
    other: int = 0


THREE = Numbers(need=3)


@pt.asset
def counted(config: Numbers = THREE) -> list[int]:
    return [config.need, config.other]


def test_config_lies_over_the_default_of_the_parameter() -> None:
    assert pt.materialize([counted], config={"steps": {"counted": {"other": 5}}}).value("counted") == [3, 5]


class Bound(pt.Resource):
    """Belongs to the loop that it was opened on."""

    told: ClassVar[list[Any]] = []

    @asynccontextmanager
    async def lifespan(self, context: Any) -> AsyncIterator[Any]:
        self.told.append(asyncio.get_running_loop())
        yield self
        self.told.append(asyncio.get_running_loop())


class Later(pt.IOManager):
    """Keeps values by awaiting."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def save(self, context: pt.OutputContext, value: Any) -> None:
        await asyncio.sleep(0)
        self.kept[context.step_key] = value

    async def load(self, context: pt.InputContext) -> Any:
        await asyncio.sleep(0)
        assert context.upstream is not None
        return self.kept[context.upstream.step_key]


@pt.asset
async def fetched(pool: Bound) -> int:
    Bound.told.append(asyncio.get_running_loop())
    return 1


@pt.asset
def doubled(fetched: int) -> int:
    return fetched * 2


def test_async_resources_share_the_loop_of_async_functions_and_async_io_managers_are_awaited() -> None:
    Bound.told.clear()

    result = pt.materialize([fetched, doubled], resources={"pool": Bound(), "io_manager": Later()})

    assert result.value("doubled") == 2
    assert len(Bound.told) == 3
    assert len(set(Bound.told)) == 1


def test_threads_have_no_loop_in_common_for_an_async_resource() -> None:
    @pt.asset
    def plain(pool: Bound) -> int:
        return 1

    repository = pt.Repository("r", assets=[plain], resources={"pool": Bound()}, jobs=[pt.asset_job("j", selection="*", executor=pt.threads(2))])

    with pytest.raises(ExecutionError, match=r"use pt.processes\(\), or a plain lifespan"):
        repository.job("j").execute()
