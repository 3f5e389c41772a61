"""The partitions of a backfill as a picture: a column for each of the finest, coarser ones over several columns."""

from __future__ import annotations

from types import SimpleNamespace as Told

from partita_client.tui.store.backfills import WHOLE, Items


def items(partitions: dict[str, dict[str, str]], crons: dict[str, str]) -> Items:
    """As the server would tell them."""
    found = Items()
    found.take(
        (
            Told(asset_key=asset, partition_key=None if key == WHOLE else key, status=Told(value=status), run=Told(id=f"run of {asset} {key}"))
            for asset, statuses in partitions.items()
            for key, status in statuses.items()
        ),
        "job",
    )
    found.take_assets(Told(key=asset, partitions=Told(dimensions=[Told(cron=crons[asset])]) if asset in crons else None) for asset in partitions)
    found.settle()
    return found


DAILY, MONTHLY = "0 0 * * *", "0 0 1 * *"


def test_a_month_is_drawn_over_its_days() -> None:
    found = items(
        {
            "daily": {"2013-01-30": "succeeded", "2013-01-31": "failed", "2013-02-01": "waiting"},
            "monthly": {"2013-01-01": "skipped", "2013-02-01": "waiting"},
        },
        {"daily": DAILY, "monthly": MONTHLY},
    )

    assert found.keys == ["2013-01-30", "2013-01-31", "2013-02-01"]
    assert dict(found.rows()) == {"daily": ["succeeded", "failed", "waiting"], "monthly": ["skipped", "skipped", "waiting"]}
    assert found.own_key("monthly", "2013-01-31") == "2013-01-01"
    assert found.runs["monthly", found.own_key("monthly", "2013-01-31")] == "run of monthly 2013-01-01"


def test_months_that_are_named_without_a_day_are_drawn_over_their_days() -> None:
    found = items(
        {"daily": {"2013-01-31": "succeeded", "2013-02-01": "failed"}, "monthly": {"2013-01": "skipped"}}, {"daily": DAILY, "monthly": MONTHLY}
    )

    assert found.keys == ["2013-01-31", "2013-02-01"]
    assert dict(found.rows()) == {"daily": ["succeeded", "failed"], "monthly": ["skipped", "absent"]}


def test_a_month_without_a_day_in_the_backfill_has_a_column_of_its_own() -> None:
    found = items({"daily": {"2013-03-05": "succeeded"}, "monthly": {"2013-01-01": "failed"}}, {"daily": DAILY, "monthly": MONTHLY})

    assert found.keys == ["2013-01-01", "2013-03-05"]
    assert dict(found.rows()) == {"daily": ["absent", "succeeded"], "monthly": ["failed", "absent"]}


def test_gaps_of_assets_cut_alike_stay_gaps() -> None:
    found = items({"one": {"2013-01-01": "succeeded", "2013-01-03": "succeeded"}, "other": {"2013-01-02": "failed"}}, {"one": DAILY, "other": DAILY})

    assert found.keys == ["2013-01-01", "2013-01-02", "2013-01-03"]
    assert dict(found.rows()) == {"one": ["succeeded", "absent", "succeeded"], "other": ["absent", "failed", "absent"]}


def test_keys_that_are_no_times_and_wholes_stand_for_themselves() -> None:
    found = items({"region": {"eu": "succeeded", "us": "failed"}, "report": {WHOLE: "waiting"}}, {})

    assert found.keys == ["eu", "us", WHOLE]
    assert dict(found.rows())["report"] == ["absent", "absent", "waiting"]
