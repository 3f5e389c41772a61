"""The keys of dynamic partitions: added in order, once each, told in the feed, and known to every process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

import partita as pt
from partita.errors import RequestError, UnknownPartitionError
from partita.records.changes import ChangeKind
from partita.records.runs import RunStatus
from partita.storage import sqlite
from partita.storage.dynamic_partitions import DynamicPartitionKeys
from partita.storage.engine import Database
from partita.storage.store import Store
from support.stores import statements, url_of, words


def test_keys_are_kept_in_the_order_in_which_they_were_added(store: Store) -> None:
    assert store.partitions.add("customers", ["zeta", "acme"]) == ("zeta", "acme")
    assert store.partitions.add("customers", ["globex", "acme", "globex"]) == ("globex",)
    assert store.partitions.add("regions", ["eu"]) == ("eu",)

    assert store.partitions.keys("customers") == ("zeta", "acme", "globex")
    assert store.partitions.keys("nobody") == ()
    assert store.partitions.all() == {"customers": ("zeta", "acme", "globex"), "regions": ("eu",)}
    assert store.partitions.bind(["regions", "nobody"]) == {"regions": ("eu",), "nobody": ()}


def test_only_what_is_new_is_told_in_the_feed(store: Store) -> None:
    before = store.changes.latest()
    store.partitions.add("customers", ["acme", "zeta"])
    store.partitions.add("customers", ["acme"])
    store.partitions.add("customers", [])

    assert [(each.kind, each.subject) for each in store.changes.after(before).changes] == [(ChangeKind.PARTITIONS, "customers")]


def test_what_another_process_adds_is_seen(store: Store) -> None:
    with Store(store.url) as other:
        assert other.partitions.keys("customers") == ()
        store.partitions.add("customers", ["acme"])
        assert other.partitions.keys("customers") == ("acme",)
        other.partitions.add("customers", ["zeta"])

        assert store.partitions.keys("customers") == other.partitions.keys("customers") == ("acme", "zeta")


def test_what_is_rolled_back_was_never_there(store: Store) -> None:
    class Undone(Exception):  # noqa: N818 (not an error)
        pass

    database = Database(store.url)
    partitions = DynamicPartitionKeys(database)

    def work(connection: Connection) -> None:
        assert partitions.add_in(connection, "customers", ["acme"], at=1) == ("acme",)
        raise Undone

    with pytest.raises(Undone):
        database.write(work)
    database.close()
    assert store.partitions.keys("customers") == ()
    assert store.partitions.add("customers", ["zeta", "acme"]) == ("zeta", "acme")
    assert store.partitions.keys("customers") == ("zeta", "acme")


def test_many_add_at_once_and_each_key_is_new_once(store: Store) -> None:
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda start: store.partitions.add("customers", [f"c{n}" for n in range(start, start + 10)]), range(0, 40, 5)))

    keys = store.partitions.keys("customers")
    assert sorted(key for each in added for key in each) == sorted(keys) == sorted({f"c{n}" for n in range(45)})


def test_a_set_that_is_known_costs_one_statement_however_long_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with statements(monkeypatch) as seen, Store(url_of(tmp_path)) as store:
        keys = tuple(f"c{number}" for number in range(3000))
        store.partitions.add("customers", keys)
        assert store.partitions.keys("customers") == keys
        seen.clear()
        assert store.partitions.bind(["customers"])["customers"] is store.partitions.keys("customers")

        reads = [words(sql) for sql, _ in seen if "dynamic_partitions" in sql]
        assert len(reads) == 2
        with closing(sqlite.driver().connect(store.database_path)) as reader:
            [step] = reader.execute(f"EXPLAIN QUERY PLAN {reads[0]}", ("customers", 3000)).fetchall()
        assert step[3].endswith("INDEX ix_dynamic_partitions_number (set_name=? AND number>?)")


@pytest.mark.parametrize(
    ("name", "keys", "said"),
    [
        ("customers", ["a|b"], "The set 'customers' has the key 'a|b', which holds '|'."),
        ("customers", [""], "The set 'customers' has an empty key."),
        ("customers", [3], "The set 'customers' has the key 3, which is not text."),
        ("customers", "acme", "The keys 'acme' are one text. Give a list: ['acme']."),
        ("my customers", ["acme"], "'my customers' is not a name for a set of dynamic partitions"),
    ],
)
def test_what_cannot_be_a_key_is_refused_whole(store: Store, name: str, keys: list[str], said: str) -> None:
    with pytest.raises(RequestError) as refused:
        store.partitions.add(name, ["good", *keys] if isinstance(keys, list) else keys)

    assert said in str(refused.value)
    assert store.partitions.all() == {}


@pt.asset(partitions=pt.DynamicPartitions("customers"))
def profile(context: pt.AssetContext) -> str:
    return context.partition_key


def test_a_run_with_a_store_writes_known_keys_only(store: Store) -> None:
    with pytest.raises(UnknownPartitionError, match="Add it to 'customers' first"):
        pt.materialize([profile], partition="acme", store=store)

    store.partitions.add("customers", ["acme"])
    result = pt.materialize([profile], partition="acme", store=store)

    assert result.value("profile") == "acme"
    assert store.runs.get(result.run_id).status is RunStatus.SUCCEEDED
    [state] = store.assets.partition_states([pt.AssetKey("profile")])[pt.AssetKey("profile")]
    assert state.partition == "acme"
