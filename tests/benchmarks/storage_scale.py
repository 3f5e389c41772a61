"""What storing costs: appending, many writers at once, claims, a million partitions, years of history, pruning.

On SQLite, and on PostgreSQL where the machine has one, with everything that keeps it safe from a loss of power turned on.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import orjson
from sqlalchemy import text

from benchmarks.figures import Figure, timed
from partita.definitions.keys import AssetKey
from partita.records.events import LogLevel, LogWritten
from partita.records.filters import RunFilter
from partita.records.pages import PageRequest
from partita.records.runs import RunStatus
from partita.storage.store import Store
from support.postgres import PostgresServer, find_binaries
from support.stores import Writer, begin, claim, launch, log, materialized, request, status, url_of

TESTS = Path(__file__).parents[1]
LONG = timedelta(minutes=10)
SECONDS = 60
RUNS = 10_000
PARTITIONS = 1_000_000


def measure_storage() -> Iterator[Figure]:
    """Appending, 16 writers at once, claims: on both kinds of databases."""
    yield from _on_each(_appending)
    yield from _on_each(_steady_writers)
    yield from _on_each(_claims)
    yield from _hurried_writers()
    yield from _pruning()


def measure_storage_history() -> Iterator[Figure]:
    """Pages and states beside 10^5, 10^6 and 10^7 events of 10,000 runs, and beside a million partitions."""
    for events in (100_000, 1_000_000, 10_000_000):
        with _sqlite() as url:
            yield from _history(url, events)
    yield from _partitions()


@contextmanager
def _sqlite() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield url_of(Path(folder))


@contextmanager
def _postgres() -> Iterator[str]:
    binaries = find_binaries()
    assert binaries is not None
    with tempfile.TemporaryDirectory() as folder:
        server = PostgresServer(binaries, Path(folder), is_durable=True)
        try:
            yield server.database()
        finally:
            server.close()


def _on_each(measure: Callable[[str, str], Iterator[Figure]]) -> Iterator[Figure]:
    with _sqlite() as url:
        yield from measure(url, "SQLite")
    if find_binaries() is not None:
        with _postgres() as url:
            yield from measure(url, "PostgreSQL")


def _together(commands: Sequence[Sequence[str]], *, meanwhile: Callable[[], object] = lambda: None) -> list[list[float]]:
    """What several processes print that begin at the same moment."""
    with ExitStack() as stack:
        started = []
        for command in commands:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.storage_roles", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TESTS
            )
            started.append(stack.enter_context(process))
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        meanwhile()
        found = [process.communicate(timeout=300)[0] for process in started]
        assert [process.returncode for process in started] == [0] * len(started)
    return [orjson.loads(each) for each in found]


def _appending(url: str, kind: str) -> Iterator[Figure]:
    with Store(url) as store:
        writer = begin(store, "orders")
        batches = [[log(f"line {number} of what a step says") for number in range(100)] for _ in range(10)]
        rates = []
        for _ in range(20):
            took = timed(lambda: [writer.send(*batch, lease=LONG) for batch in batches])
            rates.append(1000 / took * 1000)
    reach = "> 25,000" if kind == "SQLite" else "> 5,000"
    yield Figure(what=f"{kind}: events appended in batches of 100", incumbent="", reach=reach, values=rates, unit="events/s")


def _steady_writers(url: str, kind: str) -> Iterator[Figure]:
    found = _together([["steady", url, f"w{number}", "200", "10"] for number in range(16)])
    lags = sorted(lag for lags in found for lag in lags)
    reach = "p99 < 50 ms" if kind == "SQLite" else "p99 < 250 ms"
    yield Figure(what=f"{kind}: 16 writers, 200 events/s each: told to committed", incumbent="", reach=reach, values=lags)
    yield _p99(f"{kind}: the same, 99th percentile", lags, reach=reach)


def _claims(url: str, kind: str) -> Iterator[Figure]:
    with Store(url) as store:
        for _ in range(10):
            store.runs.launch([request("orders") for _ in range(400)])
    found = _together([["claiming", url, f"w{number}"] for number in range(4)])
    claimed = Counter(run for runs, _ in found for run in runs)  # type: ignore[attr-defined]
    assert len(claimed) == 4000
    assert set(claimed.values()) == {1}
    slowest = max(took for _, took in found)  # type: ignore[misc]
    yield Figure(what=f"{kind}: runs claimed by 4 workers, none twice", incumbent="", reach="> 1,000", values=[4000 / slowest], unit="runs/s")


def _hurried_writers() -> Iterator[Figure]:
    with _sqlite() as url:
        with Store(url) as store:
            launch(store, "orders")
        writers = [["hurried", url, f"w{number}", str(SECONDS)] for number in range(16)]
        found = _together([*writers, *(["reading", url, f"r{number}", str(SECONDS)] for number in range(4))])
    writes = sorted(took for each in found[:16] for took in each)
    yield Figure(what=f"SQLite: 16 writers and 4 readers for {SECONDS} s: a write", incumbent="", reach="p99 < 300 ms", values=writes)
    yield _p99("SQLite: the same, 99th percentile", writes, reach="p99 < 300 ms")
    yield Figure(what="SQLite: a look of the readers", incumbent="", reach="", values=[took for each in found[16:] for took in each])


def _pruning() -> Iterator[Figure]:
    """A million events of old runs, while eight writers go on."""
    with _sqlite() as url, Store(url) as store:
        _load(store, runs=1000, events=1_000_000)
        portions: list[float] = []

        def prune_all() -> None:
            now = datetime.now(UTC)
            while True:
                began = time.perf_counter()
                pruned = store.retention.prune(events_before=now, changes_before=now - timedelta(days=1), idempotency_before=now)
                portions.append((time.perf_counter() - began) * 1000)
                if not pruned.total:
                    return
                time.sleep(0.02)

        found = _together([["hurried", url, f"w{number}", "20"] for number in range(8)], meanwhile=prune_all)
        writes = sorted(took for each in found for took in each)
        yield Figure(what="1,000,000 events pruned beside 8 writers: a write", incumbent="", reach="p99 < 500 ms", values=writes)
        yield _p99("the same, 99th percentile", writes, reach="p99 < 500 ms")
        yield Figure(what="the same, in all", incumbent="", reach="", values=[sum(portions) / 1000], unit="s")


def _history(url: str, events: int) -> Iterator[Figure]:
    with Store(url) as store:
        keys = _load(store, runs=RUNS, events=events)
        middle = store.runs.list(page=PageRequest(first=RUNS // 2)).items[-1]
    opening = [timed(lambda: Store(url).close()) for _ in range(5)]
    what = f"beside {events:,} events"
    yield Figure(what=f"{what}: opening the store", incumbent="", reach="< 100 ms", values=opening)
    with Store(url) as store:
        filters = {
            "none": RunFilter(),
            "status": RunFilter(statuses=(RunStatus.FAILED,)),
            "tag": RunFilter(tags=(("team", "t3"),)),
            "asset": RunFilter(assets=(AssetKey("asset_7"),)),
            "partition": RunFilter(partition_keys=("p5",)),
            "status, tag and asset": RunFilter(statuses=(RunStatus.SUCCEEDED,), tags=(("team", "t3"),), assets=(AssetKey("asset_7"),)),
        }
        values = [timed(partial(store.runs.list, where, page=PageRequest(first=25))) for where in filters.values() for _ in range(5)]
        yield Figure(what=f"{what}: 25 runs, by any of {len(filters)} filters", incumbent="", reach="< 10 ms", values=values)
        values = [timed(lambda: store.events.list(middle.id, page=PageRequest(first=1000))) for _ in range(20)]
        yield Figure(what=f"{what}: a page of up to 1,000 events", incumbent="", reach="< 15 ms", values=values)
        values = [timed(lambda: store.assets.states(keys)) for _ in range(20)]
        yield Figure(what=f"{what}: latest state of 100 assets", incumbent="", reach="< 5 ms", values=values)
        yield _tail(store, url, what)


def _tail(store: Store, url: str, what: str) -> Figure:
    writer = begin(store, "orders")
    lags: list[float] = []

    def tell() -> None:
        for number in range(300):
            writer.send(LogWritten(at=datetime.now(UTC), level=LogLevel.INFO, logger="bench", message=str(number)), lease=LONG)
            time.sleep(0.01)

    [lags] = _together([["watching", url, writer.run_id, "300"]], meanwhile=tell)
    return _p99(f"{what}: an event seen by another process, 99th percentile", sorted(lags), reach="p99 < 100 ms")


def _partitions() -> Iterator[Figure]:
    with _sqlite() as url, Store(url) as store:
        begin(store, "orders", partition_keys=("first",)).send(materialized("orders", "first"), status(RunStatus.SUCCEEDED))
        [asset] = store._database.read(lambda connection: connection.execute(text("SELECT id FROM assets")).scalars().all())
        many = f"WITH RECURSIVE n(x) AS (SELECT 2 UNION ALL SELECT x + 1 FROM n WHERE x < {PARTITIONS})"
        for statement in (
            f"INSERT INTO partition_keys (id, key) {many} SELECT x, 'p' || x FROM n",
            "INSERT INTO asset_partitions (asset_id, partition_id, status, settled_status) "
            f"{many} SELECT {asset}, x, CASE x % 10 WHEN 0 THEN 'failed' ELSE 'materialized' END, 'materialized' FROM n",
        ):
            store._database.write(lambda connection, sql: connection.execute(text(sql)), statement)
        key = AssetKey("orders")
        assert sum(store.assets.partition_counts([key])[key].values()) == PARTITIONS
        values = [timed(lambda: store.assets.partition_counts([key])) for _ in range(50)]
        yield Figure(what=f"{PARTITIONS:,} partitions of one asset: how many stand how", incumbent="", reach="< 2 ms", values=values)
        values = []
        for number in range(50):
            partition = f"p{number * 1000 + 7}"
            writer = begin(store, "orders", partition_keys=(partition,))
            values.append(timed(partial(writer.send, materialized("orders", partition), lease=LONG)))
        yield Figure(what=f"{PARTITIONS:,} partitions of one asset: one more materialisation", incumbent="", reach="< 2 ms", values=values)


def _load(store: Store, *, runs: int, events: int) -> list[AssetKey]:
    """Runs of a year, each with its share of events: a thousand are made, and the database multiplies them."""
    keys = [AssetKey(f"asset_{number}") for number in range(100)]
    begin(store, *keys).send(*(materialized(key) for key in keys), status(RunStatus.SUCCEEDED, 1))
    wanted = [request(keys[number % 100], tags={"team": f"t{number % 20}"}, partition_keys=(f"p{number % 50}",)) for number in range(1000)]
    store.runs.launch(wanted)
    for number, claimed in enumerate(claim(store, limit=1000)):
        Writer(store, claimed).send(status(RunStatus.RUNNING), status(RunStatus.SUCCEEDED if number % 4 else RunStatus.FAILED))
    for statement in _multiplying(store, copies=runs // 1000 - 1, events=events // runs):
        store._database.write(lambda connection, sql: connection.execute(text(sql)), statement)
    assert store.maintenance.size().rows["run_events"] > events
    assert store.runs.count() >= runs
    return keys


def _multiplying(store: Store, *, copies: int, events: int) -> Iterator[str]:
    """Statements that copy each run with four events so often, and give all of them so many more."""
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {})"
    if copies:
        names = store._database.read(lambda connection: connection.execute(text("SELECT name FROM pragma_table_info('runs')")).scalars().all())
        changed = {"id": "id || '_' || n.x", "short_id": "substr(id, -4) || n.x", "created_at": "created_at - n.x * 86400000000"}
        of_others = f"{numbers.format(copies)} SELECT run_id || '_' || n.x"
        picked = ", ".join(changed.get(name, name) for name in names)
        yield f"INSERT INTO runs ({', '.join(names)}) {numbers.format(copies)} SELECT {picked} FROM runs, n WHERE last_seq = 4"
        yield f"INSERT INTO run_tags {of_others}, key, value FROM run_tags, n"
        yield f"INSERT INTO run_partitions {of_others}, partition_id FROM run_partitions, n"
        yield f"INSERT INTO run_targets {of_others}, asset_id FROM run_targets JOIN runs ON runs.id = run_id AND last_seq = 4, n"
    line = '{"kind":"log","at":"2026-03-01T12:00:00Z","level":"info","logger":"bench","message":"line \' || n.x || \' of what a step says"}'
    yield (
        f"INSERT INTO run_events (run_id, seq, writer, writer_seq, at, kind, level, step, payload) {numbers.format(events)} "
        f"SELECT id, 4 + n.x, 'bench', n.x, created_at, 'log', 1, 'a', '{line}' FROM runs, n WHERE last_seq = 4"
    )
    yield f"UPDATE runs SET last_seq = 4 + {events} WHERE last_seq = 4"


def _p99(what: str, ordered: Sequence[float], *, reach: str) -> Figure:
    return Figure(what=f"{what} ({len(ordered):,} of them)", incumbent="", reach=reach, values=[ordered[int(len(ordered) * 0.99)]])
