"""The queue on a real database: claims under limits, what people see of it, and why a run waits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from partita.definitions.specs import AssetSpec, RepositorySpec
from partita.errors import AlreadyFinishedError, ConflictError, NotFoundError
from partita.records.locations import LocationCatalog
from partita.records.queue import Limits, PoolState, TagLimit, TagLimitState, WaitKind, no_pools
from partita.records.runs import Run, RunRequest, RunStatus
from partita.storage import admissions, sqlite
from partita.storage.leases import location_lease
from partita.storage.store import Store
from support.stores import BOOM, LEASE, LOCATION, OVER, Writer, claim, launch, request, statements, status, url_of, words

TESTS = Path(__file__).parents[2]
ETL = TagLimit(key="team", value="etl", limit=1)


def needs(wanted: RunRequest) -> Mapping[str, int]:
    """Runs of these tests say by tags which pools they need: `pool.dbt=2`."""
    return {key.removeprefix("pool."): int(slots) for key, slots in wanted.tags.items() if key.startswith("pool.")}


def queue(store: Store, *tags: dict[str, str], **rest: Any) -> list[Run]:
    """A queued run for each of `tags`."""
    return list(store.runs.launch([request("orders", tags=each, **rest) for each in tags]).runs)


def claimed(store: Store, limits: Limits, *, limit: int = 100, location: str = LOCATION) -> list[str]:
    return [each.run.id for each in claim(store, limit=limit, limits=limits, pools_of=needs, location=location)]


def end(store: Store, run: Run) -> None:
    """Somebody finds the run without a worker, and ends it."""
    store.runs.request_cancel(run.id)
    assert store.runs.renew([(run.id, epoch) for epoch in range(1, 5)], lease=OVER)
    assert store.runs.fail_expired(run.id, BOOM) is not None


def live(store: Store, *names: str) -> None:
    """These locations have loaded, and their workers live."""
    store.locations.declare([(name, {}) for name in names])
    for name in names:
        store.leases.acquire(location_lease(name), owner="worker", ttl=LEASE)
        found = LocationCatalog(location=name, repositories=(RepositorySpec(name="main", assets=(AssetSpec("orders"),)),))
        store.locations.publish(name, found, python_version="3.12", library_version="0.1", start="fork")


class TestClaims:
    def test_a_pool_has_room_for_as_many_runs_as_it_has_slots(self, store: Store) -> None:
        limits = Limits(pools={"dbt": 2})
        a, b, c, d = queue(store, {"pool.dbt": "1"}, {"pool.dbt": "1"}, {"pool.dbt": "1"}, {})

        assert claimed(store, limits) == [a.id, b.id, d.id]
        assert claimed(store, limits) == []
        end(store, a)
        assert claimed(store, limits) == [c.id]

    def test_slots_end_with_the_lease_that_held_them(self, store: Store) -> None:
        limits = Limits(pools={"dbt": 1})
        a, b = queue(store, {"pool.dbt": "1"}, {"pool.dbt": "1"})
        [held] = claim(store, limits=limits, pools_of=needs)
        store.runs.release(a.id, held.epoch)

        assert claimed(store, limits, limit=1) == [a.id]
        assert claimed(store, limits) == []
        end(store, a)
        assert claimed(store, limits) == [b.id]

    def test_a_tag_limit_counts_the_runs_of_every_location(self, store: Store) -> None:
        live(store, "elsewhere")
        queue(store, {"team": "etl"}, location="elsewhere")
        assert len(claimed(store, Limits(tags=(ETL,)), location="elsewhere")) == 1
        _, web = queue(store, {"team": "etl"}, {"team": "web"})

        assert claimed(store, Limits(tags=(ETL,))) == [web.id]

    def test_priority_decides_who_gets_the_last_slot(self, store: Store) -> None:
        queue(store, {"pool.dbt": "1"})
        [urgent] = queue(store, {"pool.dbt": "1"}, priority=5)

        assert claimed(store, Limits(pools={"dbt": 1})) == [urgent.id]

    def test_a_better_run_of_another_location_gets_the_room_that_is_left(self, store: Store) -> None:
        live(store, "elsewhere", LOCATION)
        [mine] = queue(store, {})
        [urgent] = queue(store, {}, location="elsewhere", priority=5)
        one = Limits(max_concurrent=1)

        assert claimed(store, one) == []
        assert store.queue.waiting([mine.id], one, needs)[mine.id].kind is WaitKind.PRIORITY
        assert claimed(store, one, location="elsewhere") == [urgent.id]

    @pytest.mark.parametrize("trouble", ["no worker", "failed", "reloading"])
    def test_nobody_waits_for_a_location_that_cannot_claim(self, store: Store, trouble: str) -> None:
        live(store, "elsewhere", LOCATION)
        match trouble:
            case "no worker":
                store.leases.acquire(location_lease("elsewhere"), owner="worker", ttl=timedelta(0))
            case "failed":
                store.locations.fail("elsewhere", BOOM)
            case _:
                store.locations.request_reload("elsewhere")
        [mine] = queue(store, {})
        queue(store, {}, location="elsewhere", priority=5)

        assert claimed(store, Limits(max_concurrent=1)) == [mine.id]

    def test_runs_far_behind_others_that_wait_are_found(self, store: Store) -> None:
        queue(store, *[{"pool.dbt": "1"}] * 400)
        [free] = queue(store, {})

        assert free.id in claimed(store, Limits(pools={"dbt": 0}))

    def test_the_claim_of_one_run_takes_few_statements(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with statements(monkeypatch) as seen, Store(url_of(tmp_path)) as store:
            launch(store, "orders")
            seen.clear()
            limits = Limits(max_concurrent=10, tags=(ETL,), pools={"dbt": 1})
            assert len(claimed(store, limits)) == 1
            read = [words(sql) for sql, _ in seen if words(sql).startswith("SELECT")]

            # is anything queued; the lock; who is active, and their tags; the queue; rivals; the journal's own three; the run
            assert len(read) <= 9, read
            seen.clear()
            assert claimed(store, limits) == []
            assert len([sql for sql, _ in seen if words(sql).startswith("SELECT")]) == 1

    def test_no_statement_looks_at_every_run(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with statements(monkeypatch) as seen, Store(url_of(tmp_path)) as store:
            live(store, "elsewhere", LOCATION)
            queue(store, *[{"pool.dbt": "1"}] * 40)
            queue(store, {}, location="elsewhere")
            seen.clear()
            claimed(store, Limits(max_concurrent=10, tags=(ETL,), pools={"dbt": 1}))
            connection = sqlite.connect(store.database_path, "read", synchronous="normal")
            for sql in {sql for sql, _ in seen if words(sql).startswith("SELECT")}:
                steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))]
                assert not [step for step in steps if re.search(r"SCAN (runs|run_tags)\b(?! USING)|TEMP B-TREE", step)], (words(sql), steps)
            connection.close()


def test_claimers_in_several_processes_never_exceed_a_limit(store: Store) -> None:
    tags = [{"dbt": "yes", "team": "etl"}, {"dbt": "yes"}, {"team": "etl"}, {}] * 15
    runs = queue(store, *tags)
    command = [sys.executable, "-m", "support.store_processes", "share", store.url]
    processes = [
        subprocess.Popen([*command, f"w{number}"], env={**os.environ, "PYTHONPATH": str(TESTS)}, stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    lines = [line.split() for process in processes for line in process.communicate(timeout=100)[0].splitlines()]

    assert [process.returncode for process in processes] == [0] * 4
    assert sorted(run_id for line in lines for run_id in line[3:]) == sorted(run.id for run in runs)
    running, tagged, pooled = (max(int(line[place]) for line in lines) for place in range(3))
    assert (running <= 3, tagged <= 1, pooled <= 2) == (True, True, True)
    assert running > 1


class TestState:
    LIMITS = Limits(max_concurrent=5, tags=(ETL, TagLimit(key="team", value=None, limit=9)), pools={"dbt": 2, "gpu": 0})

    def test_the_state_counts_what_is_taken_and_who_waits(self, store: Store) -> None:
        queue(store, {"team": "etl", "pool.dbt": "1"}, {"team": "web", "pool.other": "1"}, {"team": "etl", "pool.dbt": "1"}, {"pool.gpu": "1"})
        assert len(claimed(store, self.LIMITS)) == 2

        state = store.queue.state(self.LIMITS, needs)

        assert (state.queued, state.running, state.max_concurrent) == (2, 2, 5)
        assert state.pools == (
            PoolState(name="dbt", limit=2, used=1, waiting=1),
            PoolState(name="gpu", limit=0, waiting=1),
            PoolState(name="other", limit=None, used=1),
        )
        assert list(state.pools) == store.queue.pools(self.LIMITS, needs)
        assert state.tag_limits == (
            TagLimitState(key="team", value="etl", limit=1, used=1, waiting=1),
            TagLimitState(key="team", value=None, limit=9, used=2, waiting=1),
        )

    def test_an_empty_queue_has_its_limits(self, store: Store) -> None:
        state = store.queue.state(Limits(pools={"dbt": 2}), needs)

        assert (state.queued, state.running, state.max_concurrent) == (0, 0, None)
        assert state.pools == (PoolState(name="dbt", limit=2),)


class TestReasons:
    def kinds(self, store: Store, *runs: Run, **limits: Any) -> list[WaitKind]:
        found = store.queue.waiting([run.id for run in runs], Limits(**limits), needs)
        return [found[run.id].kind for run in runs]

    def test_a_run_that_can_start_waits_for_nothing(self, store: Store) -> None:
        live(store, LOCATION)

        assert self.kinds(store, launch(store, "orders")) == [WaitKind.NEXT]

    def test_only_queued_runs_wait(self, store: Store) -> None:
        live(store, LOCATION)
        run = launch(store, "orders")
        claim(store)

        assert store.queue.waiting([run.id, "run_gone"], Limits(), needs) == {}
        assert store.queue.waiting([], Limits(), needs) == {}

    def test_limits_are_told(self, store: Store) -> None:
        live(store, LOCATION)
        limits = Limits(max_concurrent=3, tags=(ETL,), pools={"dbt": 1})
        queue(store, {"team": "etl", "pool.dbt": "1"})
        assert len(claimed(store, limits)) == 1
        etl, dbt, first, second, third = queue(store, {"team": "etl"}, {"pool.dbt": "1"}, {}, {}, {})
        found = store.queue.waiting([third.id, etl.id, dbt.id, first.id, second.id], limits, needs)

        assert {run_id: reason.kind for run_id, reason in found.items()} == {
            etl.id: WaitKind.TAG_LIMIT,
            dbt.id: WaitKind.POOL,
            first.id: WaitKind.NEXT,
            second.id: WaitKind.NEXT,
            third.id: WaitKind.PRIORITY,
        }
        assert found[dbt.id].message == "Pool 'dbt' has 1 of 1 slots taken, and it needs 1 (pools.dbt)."

    def test_runs_of_a_location_that_nobody_works_for_say_so(self, store: Store) -> None:
        live(store, LOCATION)
        store.locations.declare([(LOCATION, {}), ("idle", {}), ("broken", {}), ("stale", {})])
        store.leases.acquire(location_lease("broken"), owner="worker", ttl=LEASE)
        store.locations.fail("broken", BOOM)
        live(store, LOCATION, "stale")
        store.locations.fail("stale", BOOM)
        places = ["gone", "idle", "broken", "stale"]
        runs = [launch(store, "orders", location=name) for name in places]
        found = store.queue.waiting([run.id for run in runs], Limits(), needs)
        messages = dict(zip(places, [found[run.id].message for run in runs], strict=True))

        assert {found[run.id].kind for run in runs} == {WaitKind.LOCATION}
        assert messages["gone"] == "The workspace has no code location 'gone'."
        assert "'broken' has not loaded yet: " in messages["broken"]
        assert "boom" in messages["broken"]
        assert "the newest load failed: " in messages["stale"]
        assert "'idle' has not loaded yet." in messages["idle"]

    def test_a_location_whose_worker_is_gone_takes_no_room_from_others(self, store: Store) -> None:
        live(store, LOCATION, "elsewhere")
        store.leases.acquire(location_lease("elsewhere"), owner="worker", ttl=timedelta(0))
        [urgent] = queue(store, {}, location="elsewhere", priority=9)
        [mine] = queue(store, {})
        found = store.queue.waiting([urgent.id, mine.id], Limits(max_concurrent=1), needs)

        assert (found[urgent.id].kind, found[mine.id].kind) == (WaitKind.LOCATION, WaitKind.NEXT)
        assert "has no worker" in found[urgent.id].message

    def test_a_location_that_is_being_loaded_holds_up_who_could_start(self, store: Store) -> None:
        live(store, LOCATION)
        run = launch(store, "orders")
        store.locations.request_reload(LOCATION)

        [reason] = store.queue.waiting([run.id], Limits(), needs).values()
        assert (reason.kind, "which it is doing now" in reason.message) == (WaitKind.LOCATION, True)
        assert self.kinds(store, run, max_concurrent=0) == [WaitKind.CONCURRENCY]


def test_a_finished_run_keeps_no_slot(store: Store) -> None:
    limits = Limits(pools={"dbt": 1})
    _, second = queue(store, {"pool.dbt": "1"}, {"pool.dbt": "1"})
    [held] = claim(store, limits=limits, pools_of=needs)
    Writer(store, held).send(status(RunStatus.RUNNING), status(RunStatus.SUCCEEDED))

    assert store.queue.pools(limits, needs) == [PoolState(name="dbt", limit=1, waiting=1)]
    assert claimed(store, limits) == [second.id]


class TestLookingInVain:
    """A queue where nobody can start is not gone through again before something changes."""

    LIMITS = Limits(max_concurrent=3, pools={"dbt": 1})

    @pytest.fixture
    def blocked(self, store: Store) -> list[Run]:
        """One run that holds a pool of one slot, and others that wait for it."""
        runs = queue(store, *[{"pool.dbt": "1"}] * 4)
        assert claimed(store, self.LIMITS) == [runs[0].id]
        assert claimed(store, self.LIMITS) == []
        return runs

    def test_nothing_changed_is_one_short_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with statements(monkeypatch) as seen, Store(url_of(tmp_path)) as store:
            monkeypatch.setattr(admissions, "LOOK_AGAIN", 3600.0)
            queue(store, *[{"pool.dbt": "1"}] * 4)
            claimed(store, self.LIMITS)
            claimed(store, self.LIMITS)
            seen.clear()
            assert claimed(store, self.LIMITS) == []

            assert [words(sql).split(" ")[0] for sql, _ in seen if words(sql) != "BEGIN"] == ["SELECT"] * 3

    def test_whoever_is_launched_is_seen(self, store: Store, blocked: list[Run]) -> None:
        [free] = queue(store, {})

        assert claimed(store, self.LIMITS) == [free.id]

    def test_a_slot_that_becomes_free_is_seen(self, store: Store, blocked: list[Run]) -> None:
        end(store, blocked[0])

        assert claimed(store, self.LIMITS) == [blocked[1].id]

    def test_what_the_database_does_not_show_is_found_after_a_while(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admissions, "LOOK_AGAIN", 0.0)
        _, second = queue(store, {"pool.dbt": "1"}, {"pool.dbt": "1"})
        assert len(claimed(store, self.LIMITS)) == 1
        assert claimed(store, self.LIMITS) == []

        [found] = claim(store, limits=self.LIMITS, pools_of=no_pools)  # other code, which needs no pools
        assert found.run.id == second.id

    def test_other_limits_are_seen(self, store: Store, blocked: list[Run]) -> None:
        assert claimed(store, Limits(pools={"dbt": 2})) == [blocked[1].id]


def test_the_priority_of_a_queued_run_can_be_changed(store: Store) -> None:
    first, second, third = queue(store, {}, {}, {})

    assert store.runs.set_priority(third.id, 7).request.priority == 7
    assert store.runs.set_priority(first.id, -1).request.priority == -1

    assert claimed(store, Limits(), limit=1) == [third.id]
    assert claimed(store, Limits(), limit=1) == [second.id]
    with pytest.raises(ConflictError, match=r"is starting.*changes nothing any more"):
        store.runs.set_priority(third.id, 1)
    end(store, third)
    with pytest.raises(AlreadyFinishedError):
        store.runs.set_priority(third.id, 1)
    with pytest.raises(NotFoundError):
        store.runs.set_priority("run_gone", 1)
