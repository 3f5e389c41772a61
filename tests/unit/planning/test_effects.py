"""What ticks write besides runs must be known to the workspace."""

from __future__ import annotations

import pytest

import partita as pt
from partita.definitions.keys import AssetKey
from partita.definitions.specs import AssetSpec
from partita.planning.effects import check_additions, check_reports
from partita.records.assets import ReportedMaterialization
from partita.records.ticks import PartitionsAdded

SPECS = [
    pt.AssetSpec("raw/orders"),
    pt.AssetSpec("daily", partitions=pt.DailyPartitions("2024-01-01")),
    pt.AssetSpec("accounts", partitions=pt.DynamicPartitions("customers")),
]
ASSETS: dict[AssetKey, AssetSpec] = {spec.key: spec for spec in SPECS}


def test_keys_are_added_to_sets_that_something_is_cut_by() -> None:
    check_additions([PartitionsAdded(set_name="customers", keys=("acme",))], {"customers"})

    with pytest.raises(pt.NotFoundError, match=r"no set of dynamic partitions 'custmers'\. Did you mean 'customers'\?"):
        check_additions([PartitionsAdded(set_name="custmers", keys=("acme",))], {"customers"})


@pytest.mark.parametrize(("asset", "partition"), [("raw/orders", None), ("daily", "2024-02-29"), ("accounts", "new")])
def test_a_report_of_what_may_be_is_taken(asset: str, partition: str | None) -> None:
    check_reports([ReportedMaterialization(asset=AssetKey(asset), partition=partition)], ASSETS)


@pytest.mark.parametrize(
    ("asset", "partition", "words"),
    [
        ("raw/ordrs", None, "There is no asset 'raw/ordrs'. Did you mean 'raw/orders'?"),
        ("raw/orders", "2024-01-01", "Asset 'raw/orders' has no partitions, so a report of partition '2024-01-01' means nothing. Leave it out."),
        ("daily", None, "Asset 'daily' is partitioned daily"),
        ("daily", "2024-02-30", "Asset 'daily' has no partition '2024-02-30'"),
        ("accounts", "a|b", "Asset 'accounts' has no partition 'a|b'"),
    ],
)
def test_a_report_of_what_cannot_be_is_refused(asset: str, partition: str | None, words: str) -> None:
    with pytest.raises(pt.RequestError) as raised:
        check_reports([ReportedMaterialization(asset=AssetKey(asset), partition=partition)], ASSETS)
    assert words in str(raised.value)
