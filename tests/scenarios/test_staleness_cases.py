"""Staleness, as users of the field's incumbent expect it: real runs, judged from what the store remembers of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import partita as pt
from partita.planning.staleness import Staleness, assess
from support.cases import Case, each_case

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def chain(a_code: str) -> list[Any]:
    @pt.asset(key="A", code_version=a_code)
    def a() -> int:
        return 1

    @pt.asset(key="B", deps=["A"], code_version="1")
    def b() -> int:
        return 2

    return [a, b]


def staleness_of(store: pt.Store, assets: list[Any]) -> dict[str, Staleness]:
    graph = pt.Repository("here", assets=assets).graph
    writes = store.assets.writes(graph.keys, partitioned=[key for key, spec in graph.specs.items() if spec.partitions is not None])
    return {str(key): each for key, each in assess(graph, writes, now=NOW).items()}


def as_in_the_case(found: dict[str, Staleness]) -> dict[str, Any]:
    return {key: {"status": each.status.name, "causes": [[cause.kind.name, cause.reason] for cause in each.causes]} for key, each in found.items()}


@each_case("staleness")
def test_what_is_stale_is_what_users_expect(case: Case, tmp_path: Path) -> None:
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        old, new = chain("1"), chain("2")
        found = {"1_nothing_materialized": staleness_of(store, old)}
        pt.materialize(old, store=store)
        found["2_after_materialize_both"] = staleness_of(store, old)
        found["3_code_version_of_A_changed"] = staleness_of(store, new)
        pt.materialize(new, selection="A", store=store)
        found["4_A_rematerialized_with_new_code"] = staleness_of(store, new)
        pt.materialize(new, selection="A", store=store)
        found["5_A_rematerialized_again_same_code"] = staleness_of(store, new)

    assert {name: as_in_the_case(each) for name, each in found.items()} == case.expected


def test_the_same_code_on_the_same_inputs_is_no_new_data(tmp_path: Path) -> None:
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        pt.materialize(chain("1"), store=store)
        pt.materialize(chain("1"), selection="A", store=store)

        assert staleness_of(store, chain("1"))["B"].causes == ()


def test_without_a_code_version_every_write_is_new_data_unless_the_author_names_its_version(tmp_path: Path) -> None:
    named = ["1"]

    @pt.asset
    def plain() -> int:
        return 1

    @pt.asset
    def versioned() -> pt.Materialization[int]:
        return pt.Materialization(value=1, data_version=named[0])

    @pt.asset
    def reader(plain: int, versioned: int) -> int:
        return plain + versioned

    assets = [plain, versioned, reader]
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        pt.materialize(assets, store=store)
        pt.materialize(assets, selection="versioned", store=store)
        assert staleness_of(store, assets)["reader"].causes == ()

        named[0] = "2"
        pt.materialize(assets, selection="plain or versioned", store=store)
        assert [str(each) for each in staleness_of(store, assets)["reader"].causes] == [
            "has a new dependency data version: plain",
            "has a new dependency data version: versioned",
        ]

        named[0] = "1"  # back to what reader was made from
        pt.materialize(assets, selection="versioned", store=store)
        assert [each.upstream for each in staleness_of(store, assets)["reader"].causes] == [plain.key]


def test_dependencies_that_came_or_went_are_causes(tmp_path: Path) -> None:
    @pt.asset
    def one() -> int:
        return 1

    @pt.asset
    def two() -> int:
        return 2

    def reader(*upstream: str) -> Any:
        @pt.asset(key="reader", deps=list(upstream))
        def computed() -> int:
            return 3

        return computed

    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        pt.materialize([one, two, reader("one")], store=store)

        found = staleness_of(store, [one, two, reader("two")])["reader"]

    assert [str(each) for each in found.causes] == ["has a new dependency: two", "has lost a dependency: one"]


DAYS = pt.DailyPartitions("2026-01-01")


def test_partitions_are_judged_each_by_its_own_inputs(tmp_path: Path) -> None:
    @pt.asset(partitions=DAYS)
    def day(context: pt.AssetContext) -> str:
        return context.partition_key

    @pt.asset(partitions=DAYS)
    def cleaned(day: str) -> str:
        return day

    @pt.asset(partitions=pt.MonthlyPartitions("2026-01-01", end_offset=1))
    def month(day: dict[str, str]) -> int:
        return len(day)

    @pt.asset
    def total(cleaned: dict[str, str]) -> int:
        return len(cleaned)

    assets = [day, cleaned, month, total]
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        for key in ("2026-01-01", "2026-01-02", "2026-01-03"):
            pt.materialize(assets, selection="day or cleaned", partition=key, store=store)
        before = staleness_of(store, assets)
        pt.materialize(assets, selection="day", partition="2026-01-02", store=store)
        after = staleness_of(store, assets)

    assert (before["cleaned"].status, before["cleaned"].words) == ("fresh", {"fresh", "missing"})
    assert before["cleaned"].missing is not None
    assert list(before["cleaned"].missing) == ["2026-01-04"]
    assert after["cleaned"].stale is not None
    assert list(after["cleaned"].stale) == ["2026-01-02"]
    assert [each.upstream for each in after["cleaned"].causes] == [day.key]
    assert after["total"].status == after["month"].status == "missing"


def test_an_asset_that_reads_many_partitions_is_stale_when_one_of_them_changes(tmp_path: Path) -> None:
    letters = pt.StaticPartitions(["a", "b"])

    @pt.asset(partitions=letters)
    def letter(context: pt.AssetContext) -> str:
        return context.partition_key

    @pt.asset
    def word(letter: dict[str, str]) -> str:
        return "".join(letter.values())

    @pt.asset(ins={"letter": pt.In(mapping=pt.SpecificMapping(["a"]))})
    def initial(letter: str) -> str:
        return letter

    assets = [letter, word, initial]
    with pt.Store(f"sqlite:///{tmp_path}/runs.db") as store:
        pt.materialize(assets, selection="letter", partition="a", store=store)
        pt.materialize(assets, selection="letter", partition="b", store=store)
        pt.materialize(assets, selection="word or initial", store=store)
        before = staleness_of(store, assets)
        pt.materialize(assets, selection="letter", partition="b", store=store)
        after = staleness_of(store, assets)

    assert [before["word"].status, before["initial"].status] == ["fresh", "fresh"]
    assert [after["word"].status, after["initial"].status] == ["stale", "fresh"]
