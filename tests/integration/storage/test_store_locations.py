from __future__ import annotations

from datetime import timedelta

import pytest

from partita.definitions.keys import AssetKey
from partita.definitions.specs import AssetSpec, RepositorySpec, SourceLocation
from partita.errors import NotFoundError
from partita.records.changes import ChangeKind
from partita.records.codec import hash_catalog
from partita.records.locations import LocationCatalog, LocationRecord, LocationStatus
from partita.storage import locations as location_records
from partita.storage.leases import location_lease
from partita.storage.store import Store
from support.stores import BOOM, LEASE, OVER


def catalog(*assets: str, location: str = "ingest", line: int = 1) -> LocationCatalog:
    specs = tuple(AssetSpec(asset, source=SourceLocation(file="a.py", line=line)) for asset in assets)
    return LocationCatalog(location=location, repositories=(RepositorySpec(name="main", assets=specs),), warnings=("careful",))


def publish(store: Store, found: LocationCatalog) -> str:
    return store.locations.publish(found.location, found, python_version="3.12.1", library_version="0.1", start="fork")


@pytest.fixture
def declared(store: Store) -> Store:
    """A workspace of two locations whose workers live."""
    store.locations.declare([("ingest", {"module": "ingest"}), ("analytics", {"file": "a.py"})])
    for name in ("ingest", "analytics"):
        store.leases.acquire(location_lease(name), owner="worker", ttl=LEASE)
    return store


def test_locations_stand_in_the_order_of_the_workspace(declared: Store) -> None:
    found = declared.locations.list()

    assert [record.name for record in found] == ["ingest", "analytics"]
    assert found[0] == LocationRecord(name="ingest", status=LocationStatus.LOADING, source={"module": "ingest"})


def test_declaring_again_keeps_what_is_known_and_follows_the_file(declared: Store) -> None:
    published = publish(declared, catalog("orders"))

    declared.locations.declare([("analytics", {"file": "a.py"}), ("ingest", {"module": "moved"})])

    records = declared.locations.list()
    assert [record.name for record in records] == ["analytics", "ingest"]
    assert (records[1].catalog_hash, records[1].source) == (published, {"module": "moved"})


def test_declaring_the_same_again_tells_nothing(declared: Store) -> None:
    cursor = declared.changes.latest()

    declared.locations.declare([("ingest", {"module": "ingest"}), ("analytics", {"file": "a.py"})])

    assert declared.changes.latest() == cursor


def test_a_published_location_is_loaded(declared: Store) -> None:
    found = catalog("orders")

    published = publish(declared, found)

    record = declared.locations.get("ingest")
    assert published == hash_catalog(found)
    assert (record.status, record.catalog_hash, record.warnings) == (LocationStatus.LOADED, published, ("careful",))
    assert (record.python_version, record.library_version, record.start) == ("3.12.1", "0.1", "fork")
    assert record.loaded_at is not None
    assert declared.locations.catalog(published) == found
    assert declared.locations.current() == {"ingest": published}


def test_a_catalog_that_only_moved_keeps_its_hash_and_shows_its_new_lines(declared: Store) -> None:
    first = publish(declared, catalog("orders", line=1))

    second = publish(declared, catalog("orders", line=99))

    assert first == second
    with Store(declared.url) as other:
        assert other.locations.catalog(first) == catalog("orders", line=99)


def test_older_catalogs_can_still_be_read(declared: Store) -> None:
    first = publish(declared, catalog("orders"))
    second = publish(declared, catalog("orders", "sales"))

    assert declared.locations.current() == {"ingest": second}
    assert declared.locations.catalog(first).repositories[0].assets[0].key == AssetKey("orders")
    assert len(declared.locations.catalog(first).repositories[0].assets) == 1


def test_a_failed_load_keeps_the_last_good_catalog_and_says_why(declared: Store) -> None:
    published = publish(declared, catalog("orders"))

    declared.locations.fail("ingest", BOOM)

    record = declared.locations.get("ingest")
    assert (record.status, record.error, record.catalog_hash) == (LocationStatus.FAILED, BOOM, published)
    assert declared.locations.get("analytics").status is LocationStatus.LOADING


def test_a_good_load_takes_the_error_away(declared: Store) -> None:
    declared.locations.fail("ingest", BOOM)

    publish(declared, catalog("orders"))

    assert declared.locations.get("ingest").error is None


def test_a_reload_is_requested_until_the_load_begins(declared: Store) -> None:
    requested = declared.locations.request_reload("ingest")
    assert requested.reload_requested_at is not None
    assert requested == declared.locations.get("ingest")

    declared.locations.loading("ingest")

    assert declared.locations.get("ingest").reload_requested_at is None
    assert declared.locations.get("ingest").status is LocationStatus.LOADING


def test_a_location_whose_worker_is_gone_is_unreachable(declared: Store) -> None:
    publish(declared, catalog("orders"))
    publish(declared, catalog("sales", location="analytics"))

    declared.leases.acquire(location_lease("ingest"), owner="worker", ttl=OVER)

    assert [record.status for record in declared.locations.list()] == [LocationStatus.UNREACHABLE, LocationStatus.LOADED]


def test_a_location_that_no_worker_begins_to_serve_becomes_unreachable(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.locations.declare([("ingest", {})])
    assert store.locations.get("ingest").status is LocationStatus.LOADING

    monkeypatch.setattr(location_records, "START_GRACE", timedelta(0))

    assert store.locations.get("ingest").status is LocationStatus.UNREACHABLE


def test_forgetting_drops_the_locations_that_the_workspace_has_no_more(declared: Store) -> None:
    cursor = declared.changes.latest()

    declared.locations.forget(["analytics"])

    assert [record.name for record in declared.locations.list()] == ["analytics"]
    assert [change.subject for change in declared.changes.after(cursor).changes] == ["ingest"]


def test_every_change_of_a_location_is_told(declared: Store) -> None:
    cursor = declared.changes.latest()

    declared.locations.loading("ingest")
    declared.locations.fail("ingest", BOOM)
    publish(declared, catalog("orders"))
    declared.locations.request_reload("ingest")
    epoch = declared.leases.acquire(location_lease("ingest"), owner="worker", ttl=LEASE)
    assert epoch is not None
    declared.leases.release(location_lease("ingest"), owner="worker", epoch=epoch)

    told = declared.changes.after(cursor).changes
    assert [(change.kind, change.subject) for change in told] == [(ChangeKind.LOCATION, "ingest")] * 6


def test_an_undeclared_location_is_not_found_and_the_nearest_is_named(declared: Store) -> None:
    for act in (
        lambda: declared.locations.get("ingst"),
        lambda: declared.locations.loading("ingst"),
        lambda: declared.locations.fail("ingst", BOOM),
        lambda: declared.locations.request_reload("ingst"),
        lambda: publish(declared, catalog(location="ingst")),
    ):
        with pytest.raises(NotFoundError, match=r"no code location 'ingst'. Did you mean 'ingest'\?"):
            act()
    with pytest.raises(NotFoundError, match="catalog"):
        declared.locations.catalog("c0ffee")
