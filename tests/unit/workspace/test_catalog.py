"""Several locations as one catalog: who owns an asset, what is a reference, which names are clear."""

from __future__ import annotations

import pytest

from partita.definitions.automation_specs import SensorSpec
from partita.definitions.keys import AssetKey
from partita.definitions.partitions import DailyPartitions, StaticPartitions
from partita.definitions.specs import AssetSpec, CheckSpec, JobSpec, RepositorySpec
from partita.errors import AmbiguousNameError, NotFoundError
from partita.records.locations import LocationCatalog
from partita.workspace.catalog import Catalog

DAYS = DailyPartitions("2024-01-01")
REGIONS = StaticPartitions(["eu", "us"])


def makes(key: str, *, deps: tuple[str, ...] = (), partitions: DailyPartitions | StaticPartitions | None = None) -> AssetSpec:
    return AssetSpec(key, deps=deps, partitions=partitions, is_external=False)


def repository(name: str, *assets: AssetSpec, jobs: tuple[str, ...] = (), checks: tuple[CheckSpec, ...] = ()) -> RepositorySpec:
    return RepositorySpec(name=name, assets=assets, checks=checks, jobs=tuple(JobSpec(name=job) for job in jobs))


def catalog(**locations: RepositorySpec | tuple[RepositorySpec, ...]) -> Catalog:
    return Catalog(
        {name: LocationCatalog(location=name, repositories=given if isinstance(given, tuple) else (given,)) for name, given in locations.items()}
    )


def test_an_executable_asset_stands_before_a_reference_to_it_whichever_comes_first() -> None:
    reference = repository("marts", AssetSpec("raw"), makes("delays", deps=("raw",)))
    owner = repository("ingest", makes("raw", partitions=DAYS))

    for both in (catalog(analytics=reference, ingest=owner), catalog(ingest=owner, analytics=reference)):
        assert both.owner_of(AssetKey("raw")) == ("ingest", "ingest")
        assert not both.asset(AssetKey("raw")).is_external
        assert both.graph.downstream(AssetKey("raw")) == (AssetKey("delays"),)
        assert both.problems == {}


def test_a_reference_adopts_the_partitions_of_its_owner() -> None:
    both = catalog(ingest=repository("ingest", makes("raw", partitions=DAYS)), analytics=repository("marts", AssetSpec("raw")))

    assert both.asset(AssetKey("raw")).partitions == DAYS.spec
    assert both.references_for("analytics", "marts")[AssetKey("raw")].partitions == DAYS.spec


def test_a_reference_with_other_partitions_is_a_warning_and_the_owners_count() -> None:
    both = catalog(ingest=repository("ingest", makes("raw", partitions=DAYS)), analytics=repository("marts", AssetSpec("raw", partitions=REGIONS)))

    [warning] = both.warnings["analytics"]
    assert "other partitions than its owner ingest/ingest" in warning
    assert both.asset(AssetKey("raw")).partitions == DAYS.spec


def test_a_second_executable_definition_is_a_conflict_of_the_second_location_and_the_first_stays() -> None:
    both = catalog(first=repository("one", makes("raw", partitions=DAYS)), second=repository("two", makes("raw"), makes("other")))

    assert list(both.conflicts) == ["second"]
    assert "'raw'" in both.conflicts["second"][0]
    assert "code location 'first'" in both.conflicts["second"][0]
    assert both.owner_of(AssetKey("raw")) == ("first", "one")
    assert both.owner_of(AssetKey("other")) == ("second", "two")
    assert both.problems == both.conflicts


def test_a_check_that_two_locations_define_is_a_conflict_of_the_second() -> None:
    check = CheckSpec(name="fresh", asset=AssetKey("raw"))
    both = catalog(first=repository("one", makes("raw"), checks=(check,)), second=repository("two", AssetSpec("raw"), checks=(check,)))

    assert list(both.conflicts) == ["second"]
    assert both.check_owners == {"raw:fresh": ("first", "one")}


def test_a_location_that_closes_a_circle_is_left_out_and_the_others_stay() -> None:
    both = catalog(
        first=repository("one", makes("a", deps=("b",)), AssetSpec("b")),
        second=repository("two", makes("b", deps=("a",)), AssetSpec("a")),
        third=repository("three", makes("c", deps=("a",)), AssetSpec("a")),
    )

    assert list(both.conflicts) == ["second"]
    assert "circle" in both.conflicts["second"][0]
    assert both.owner_of(AssetKey("a")) == ("first", "one")
    assert both.owner_of(AssetKey("b")) is None
    assert both.graph.downstream(AssetKey("a")) == (AssetKey("c"),)


def test_a_bare_reference_that_nobody_answers_is_a_warning() -> None:
    alone = catalog(analytics=repository("marts", AssetSpec("raw"), makes("delays", deps=("raw",))))

    assert alone.warnings == {"analytics": ("Repository 'marts' refers to asset 'raw', which no location defines.",)}
    assert alone.owner_of(AssetKey("raw")) is None
    assert alone.declared_at(AssetKey("raw")) == ("analytics", "marts")


def test_a_sensor_that_watches_what_nobody_declares_is_a_warning() -> None:
    watching = RepositorySpec(name="marts", sensors=(SensorSpec(name="after", kind="asset", assets=(AssetKey("delay"), AssetKey("raw"))),))

    both = catalog(a=repository("one", makes("delays"), makes("raw")), b=watching)

    assert both.warnings == {"b": ("Sensor 'after' watches asset 'delay', which no location declares. Did you mean 'delays'?",)}


def test_a_described_external_asset_is_no_warning() -> None:
    assert catalog(analytics=repository("marts", AssetSpec("raw", kinds=["csv"]))).problems == {}


def test_a_described_external_asset_stands_before_a_bare_one() -> None:
    both = catalog(a=repository("one", AssetSpec("raw")), b=repository("two", AssetSpec("raw", description="Files of the airline.")))

    assert both.asset(AssetKey("raw")).description == "Files of the airline."
    assert both.problems == {}


def test_only_executable_assets_have_owners() -> None:
    both = catalog(a=repository("one", makes("x"), AssetSpec("y", group="raw")))

    assert both.owners == {AssetKey("x"): ("a", "one")}
    assert both.location_of == {AssetKey("x"): "a", AssetKey("y"): "a"}


def test_references_are_those_of_other_locations_and_repositories_only() -> None:
    both = catalog(
        a=(repository("one", makes("x")), repository("two", AssetSpec("x"), AssetSpec("nowhere"), makes("y"))),
        b=repository("three", AssetSpec("y")),
    )

    assert list(both.references_for("a", "two")) == [AssetKey("x")]
    assert list(both.references_for("b", "three")) == [AssetKey("y")]
    assert both.references_for("a", "one") == {}


def test_a_bare_name_finds_the_only_job_of_that_name() -> None:
    found = catalog(a=repository("one", jobs=("nightly",)), b=repository("two", jobs=("weekly",))).find_job("weekly")

    assert (found.location, found.repository, found.spec.name) == ("b", "two", "weekly")


def test_an_ambiguous_name_lists_the_candidates_and_a_place_decides() -> None:
    both = catalog(a=repository("one", jobs=("nightly",)), b=repository("two", jobs=("nightly",)))

    with pytest.raises(AmbiguousNameError, match="a/one, b/two"):
        both.find_job("nightly")
    assert both.find_job("nightly", location="b").repository == "two"
    assert both.find_job("nightly", repository="one").location == "a"


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({}, r"no job 'nighty'. Did you mean 'nightly'"),
        ({"location": "flight"}, r"no code location 'flight'. Did you mean 'flights'"),
        ({"repository": "on"}, r"no repository 'on'. Did you mean 'one'"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(place: dict[str, str], said: str) -> None:
    both = catalog(flights=repository("one", jobs=("nightly",)))

    with pytest.raises(NotFoundError, match=said):
        both.find_job("nighty", **place)


def test_a_repository_is_found_by_its_place() -> None:
    both = catalog(a=repository("one"), b=repository("one"))

    assert both.repository("b", "one").name == "one"
    with pytest.raises(NotFoundError, match=r"no repository 'b/two'\. Did you mean 'b/one'"):
        both.repository("b", "two")
    with pytest.raises(AmbiguousNameError):
        both.find_repository("one")
    assert both.find_repository("one", location="a") == ("a", "one")


def test_a_thousand_assets_in_ten_locations_merge_quickly() -> None:
    locations = {
        f"l{i}": LocationCatalog(
            location=f"l{i}", repositories=(repository(f"r{i}", *(makes(f"a{i}_{j}", deps=(f"a{i}_{j - 1}",) if j else ()) for j in range(1000))),)
        )
        for i in range(10)
    }

    assert len(Catalog(locations).owners) == 10_000
