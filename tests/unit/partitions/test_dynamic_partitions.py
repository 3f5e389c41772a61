"""Partitions whose keys are added while the workspace runs: the set, mappings over it, and planning with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

import partita as pt
from partita.definitions.partitions import DynamicPartitionsSpec, partitions_of
from partita.errors import DefinitionError, RequestError, UnknownPartitionError
from partita.planning.build import build_plan
from partita.planning.dynamic import dynamic_sets
from partita.planning.plan import FromAsset
from partita.records.codec import decode, encode
from partita.records.runs import RunRequest

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CUSTOMERS = pt.DynamicPartitions("customers")
BOUND = CUSTOMERS.bound(["zeta", "acme", "globex"])


class TestSet:
    def test_keys_come_in_the_order_in_which_they_were_added(self) -> None:
        assert list(BOUND.keys(now=NOW)) == ["zeta", "acme", "globex"]
        assert (BOUND.first(now=NOW), BOUND.last(now=NOW), BOUND.count(now=NOW)) == ("zeta", "globex", 3)
        assert list(BOUND.range("acme", "globex", now=NOW)) == ["acme", "globex"]
        assert "acme" in BOUND.keys(now=NOW)
        assert "initech" not in BOUND.keys(now=NOW)

    def test_a_set_without_keys_is_empty(self) -> None:
        empty = CUSTOMERS.bound([])

        assert list(empty.keys(now=NOW)) == []
        assert empty.last(now=NOW) is None

    def test_sets_of_one_name_are_the_same_whatever_their_keys(self) -> None:
        later = CUSTOMERS.bound(["zeta", "acme", "globex", "initech"])

        assert BOUND == later == CUSTOMERS
        assert pt.DynamicPartitions("suppliers") != CUSTOMERS
        assert list(later.keys(now=NOW) - BOUND.keys(now=NOW)) == ["initech"]

    def test_an_encoded_set_means_the_same_keys_when_more_were_added(self) -> None:
        text = BOUND.select(["acme"], now=NOW).encode()
        later = CUSTOMERS.bound(["zeta", "acme", "globex", "initech"])

        assert list(pt.PartitionSet.decode(text, later)) == ["acme"]
        with pytest.raises(RequestError, match="written for other partitions"):
            pt.PartitionSet.decode(text, pt.DynamicPartitions("suppliers").bound(["a", "b"]))

    def test_its_spec_travels_and_is_bound_where_it_arrives(self) -> None:
        spec = decode(encode(CUSTOMERS.spec), DynamicPartitionsSpec)

        assert spec == CUSTOMERS.spec
        assert list(partitions_of(spec, {"customers": ["acme"]}).keys(now=NOW)) == ["acme"]
        assert list(partitions_of(spec, {}).keys(now=NOW)) == []

    def test_who_forgot_to_look_the_keys_up_is_told(self) -> None:
        asked: list[Callable[[], object]] = [
            lambda: CUSTOMERS.keys(now=NOW),
            lambda: CUSTOMERS.find_ordinal("acme"),
            lambda: partitions_of(CUSTOMERS.spec).last(now=NOW),
        ]
        for ask in asked:
            with pytest.raises(RequestError, match=r"kept in the store.*Bind them: DynamicPartitions\('customers'\)\.bound\(keys\)"):
                ask()

    @pytest.mark.parametrize(
        ("key", "said"),
        [
            ("acmee", "Asset 'x' has no partition 'acmee'. Did you mean 'acme'? If it is new, add it with addDynamicPartitions or a sensor."),
            ("hooli", "Asset 'x' has no partition 'hooli'. Add it to 'customers' first, with addDynamicPartitions or a sensor."),
            ("a|b", "Asset 'x' has no partition 'a|b'. Keys are texts without '|', '...' and control characters."),
        ],
    )
    def test_an_unknown_key_is_refused_with_what_to_do(self, key: str, said: str) -> None:
        with pytest.raises(UnknownPartitionError) as refused:
            BOUND.select([key], now=NOW, owner="Asset 'x'")

        assert str(refused.value) == said

    @pytest.mark.parametrize("name", ["", "a b", "a/b", ["acme"], 3])
    def test_a_name_that_cannot_be_is_refused(self, name: object) -> None:
        with pytest.raises(DefinitionError):
            pt.DynamicPartitions(name)  # type: ignore[arg-type]


class TestMappings:
    DAYS = pt.DailyPartitions("2026-01-01")
    REGIONS = pt.StaticPartitions(["eu", "us"])

    def test_the_same_key_of_the_same_set(self) -> None:
        assert list(pt.IdentityMapping().upstream(["acme"], downstream=BOUND, upstream=BOUND, now=NOW).keys) == ["acme"]
        assert list(pt.IdentityMapping().downstream(["zeta"], upstream=BOUND, downstream=BOUND, now=NOW).keys) == ["zeta"]

    def test_all_and_the_last(self) -> None:
        assert list(pt.AllMapping().upstream([], downstream=None, upstream=BOUND, now=NOW).keys) == ["zeta", "acme", "globex"]
        assert list(pt.LastMapping().upstream(["2026-01-01"], downstream=self.DAYS, upstream=BOUND, now=NOW).keys) == ["globex"]
        assert list(pt.LastMapping().downstream(["acme"], upstream=BOUND, downstream=self.REGIONS, now=NOW).keys) == []

    def test_certain_keys_need_not_be_known_before_the_run(self) -> None:
        mapping = pt.SpecificMapping(["acme", "hooli"])
        mapping.check(upstream=CUSTOMERS, downstream=self.DAYS)

        mapped = mapping.upstream(["2026-01-01"], downstream=self.DAYS, upstream=BOUND, now=NOW)

        assert (list(mapped.keys), mapped.missing) == (["acme"], ["hooli"])
        with pytest.raises(DefinitionError, match=r"the upstream key 'a\|b'"):
            pt.SpecificMapping(["a|b"]).check(upstream=CUSTOMERS, downstream=None)

    def test_keys_that_are_written_beside_each_other(self) -> None:
        mapping = pt.StaticMapping({"acme": "eu", "zeta": "us"})
        mapping.check(upstream=CUSTOMERS, downstream=self.REGIONS)

        assert list(mapping.upstream(["us"], downstream=self.REGIONS, upstream=BOUND, now=NOW).keys) == ["zeta"]
        assert list(mapping.downstream(["acme"], upstream=BOUND, downstream=self.REGIONS, now=NOW).keys) == ["eu"]


@pt.asset(partitions=CUSTOMERS)
def profile(context: pt.AssetContext) -> str:
    return f"{context.partition_key}!"


@pt.asset(partitions=CUSTOMERS)
def score(context: pt.AssetContext, profile: str) -> str:
    return f"{context.partition_keys} {profile}"


@pt.asset
def overview(profile: dict[str, str]) -> list[str]:
    return sorted(profile.values())


REPOSITORY = pt.Repository("main", assets=[profile, score, overview], jobs=[pt.asset_job("refresh", selection="profile or score")])


def plan(*assets: str, keys: tuple[str, ...] = (), known: tuple[str, ...] = ("acme", "zeta"), job: str | None = None) -> dict[str, tuple[str, ...]]:
    request = RunRequest(location="here", repository="main", job=job, assets=tuple(map(pt.AssetKey, assets)), partition_keys=keys)
    made = build_plan(REPOSITORY.spec, request, dynamic={"customers": known}, now=NOW)
    return {step.key: step.partition_keys for step in made.steps}


class TestPlanning:
    def test_a_run_writes_a_key_that_was_added(self) -> None:
        assert plan("profile", "score", keys=("acme",)) == {"profile": ("acme",), "score": ("acme",)}
        assert plan(job="refresh", keys=("zeta", "acme")) == {"profile": ("acme", "zeta"), "score": ("acme", "zeta")}

    def test_a_key_that_was_not_added_is_refused(self) -> None:
        with pytest.raises(UnknownPartitionError, match=r"has no partition 'hooli'. Add it to 'customers' first"):
            plan("profile", keys=("hooli",))

    def test_a_partition_must_be_said(self) -> None:
        with pytest.raises(RequestError, match=r"partitioned dynamic \(customers\), and no partition is given. Give a partition, such as 'zeta'"):
            plan("profile")
        with pytest.raises(RequestError, match="None of its partitions exists yet"):
            plan("profile", known=())

    def test_what_is_not_partitioned_reads_all_keys_of_the_moment(self) -> None:
        request = RunRequest(location="here", repository="main", assets=(pt.AssetKey("overview"),))
        [step] = build_plan(REPOSITORY.spec, request, dynamic={"customers": ("acme", "zeta")}, now=NOW).steps
        [source] = [each.source for each in step.inputs]

        assert isinstance(source, FromAsset)
        assert source.partitions == ("acme", "zeta")

    def test_the_sets_of_a_repository_are_known_by_name(self) -> None:
        assert dynamic_sets([REPOSITORY.spec]) == {"customers"}
        assert dynamic_sets([pt.Repository("none", assets=[pt.AssetSpec("x")]).spec]) == set()
        assert dynamic_sets([], references=[pt.AssetSpec("x", partitions=pt.DynamicPartitions("y"))]) == {"y"}

    def test_a_selection_finds_what_is_cut_so(self) -> None:
        assert pt.select("partitions:dynamic", [profile, score, overview]) == {pt.AssetKey("profile"), pt.AssetKey("score")}


class TestInProcess:
    def test_without_a_store_every_key_is_taken_as_it_is(self) -> None:
        result = pt.materialize([profile, score, overview], partition="acme")

        assert result.value("score") == "('acme',) acme!"
        assert result.value("overview") == ["acme!"]

    def test_a_text_that_is_no_key_is_refused(self) -> None:
        with pytest.raises(UnknownPartitionError, match="Keys are texts without"):
            pt.materialize([profile], partition="a|b")
