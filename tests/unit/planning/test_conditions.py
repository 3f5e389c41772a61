"""What conditions ask for as things happen, and why."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import msgspec
import pytest

import partita as pt
from partita.definitions.specs import CheckSpec
from partita.planning.condition_facts import WHOLE
from partita.planning.freshness import evaluate_freshness
from partita.records.codec import decode, encode
from partita.records.conditions import ConditionState, ReasonRecord
from support.conditions import ONCE, Watch, at, spec

C = pt.Condition
DAYS = pt.DailyPartitions("2024-01-01")
CHECK = CheckSpec(name="rows", asset=pt.AssetKey("a"), is_blocking=True)
HINT = CheckSpec(name="hint", asset=pt.AssetKey("a"))
ALL = {"a": ONCE}


def on(condition: pt.Condition) -> Watch:
    """One asset `a` with a condition, looked at once."""
    watch = Watch(spec("a", condition), checks=[CHECK, HINT])
    watch.look("2024-01-01T00:00")
    return watch


def below(condition: pt.Condition, **given: object) -> Watch:
    """`a -> b`, where `b` has a condition, looked at once."""
    watch = Watch(spec("a", **given), spec("b", condition, deps=["a"], **given))
    watch.look("2024-01-01T00:00")
    return watch


def test_missing_is_what_was_never_written() -> None:
    watch = on(C.missing())

    assert watch.look("2024-01-01T00:01") == ALL
    watch.wrote("a")
    assert watch.look("2024-01-01T00:02") == {}


def test_in_progress_and_failed_follow_the_runs() -> None:
    watch = on(C.in_progress() | C.failed())

    assert watch.look("2024-01-01T00:01") == {}
    watch.facts.started("a")
    assert watch.look("2024-01-01T00:02") == ALL
    watch.facts.broke("a")
    assert watch.look("2024-01-01T00:03") == ALL
    assert [child.is_true for child in watch.last[pt.AssetKey("a")].reason.children] == [False, True]
    watch.wrote("a")
    assert watch.look("2024-01-01T00:04") == {}


@pytest.mark.parametrize("condition", [C.newly_updated(), C.missing().newly_true(), C.newly_missing()])
def test_what_is_new_is_so_once(condition: pt.Condition) -> None:
    watch = Watch(spec("a", condition, partitions=DAYS))
    watch.look("2024-01-03T00:00")

    watch.wrote("a", "2024-01-02")
    new = {"a": ["2024-01-02"]} if condition == C.newly_updated() else {"a": ["2024-01-03"]}

    assert watch.look("2024-01-04T00:00") == new
    assert watch.look("2024-01-04T00:01") == {}


def test_a_code_version_that_changes_is_told_once_even_between_processes() -> None:
    first = Watch(spec("a", C.code_version_changed(), code_version="1"))
    first.look("2024-01-01T00:00")
    second = Watch(spec("a", C.code_version_changed(), code_version="2"))
    second.states = first.states

    assert second.look("2024-01-01T00:01") == ALL
    assert second.last[pt.AssetKey("a")].reason.metadata == {"from": "1", "to": "2"}
    assert second.look("2024-01-01T00:02") == {}


def test_checks_are_of_their_last_evaluation() -> None:
    passed, failed = on(C.check_passed()), on(C.check_failed())
    for watch in (passed, failed):
        watch.facts.checked("a:rows", passed=True, at=watch.now)
    assert passed.look("2024-01-01T00:01") == {}, "the other check was never evaluated"
    assert failed.look("2024-01-01T00:01") == {}

    for watch in (passed, failed):
        watch.facts.checked("a:hint", passed=True, at=watch.now)
    assert passed.look("2024-01-01T00:02") == ALL
    for watch in (passed, failed):
        watch.facts.checked("a:hint", passed=False, at=watch.now)
    assert passed.look("2024-01-01T00:03") == {}
    assert failed.look("2024-01-01T00:03") == ALL


def test_a_condition_of_checks_may_ask_the_blocking_ones_only() -> None:
    any_check, blocking = on(C.check_failed().any_check()), on(C.check_failed().any_check(blocking_only=True))
    every = on(C.newly_updated().all_checks())
    for watch in (any_check, blocking, every):
        watch.facts.checked("a:hint", passed=False, at=watch.now)

    assert any_check.look("2024-01-01T00:01") == ALL
    assert blocking.look("2024-01-01T00:01") == {}
    assert every.look("2024-01-01T00:01") == {}


def test_freshness_fails_when_its_time_has_come_with_nothing_else_happening() -> None:
    watch = Watch(spec("a", C.freshness_failed().newly_true(), freshness=pt.Freshness(within=timedelta(hours=2))))
    watch.now = at("2024-01-01T00:00")
    watch.wrote("a")

    assert watch.look("2024-01-01T00:00") == {}
    assert watch.look("2024-01-01T01:59") == {}
    assert watch.look("2024-01-01T02:00") == ALL
    (reason,) = watch.last[pt.AssetKey("a")].reason.children
    assert reason.metadata == {"policy": "written within 2:00:00", "failing since": "2024-01-01T02:00:00+00:00"}


@pytest.mark.parametrize(
    ("written", "now", "is_fresh", "since", "fails"),
    [
        (None, "2024-01-02T08:00", False, None, None),
        ("2024-01-02T07:00", "2024-01-02T08:59", True, "2024-01-02T07:00", "2024-01-02T09:30"),
        ("2024-01-02T07:00", "2024-01-02T09:29", True, "2024-01-02T07:00", "2024-01-02T09:30"),
        ("2024-01-02T07:00", "2024-01-03T12:00", False, "2024-01-02T09:30", None),
        ("2024-01-02T09:00", "2024-01-02T09:30", True, "2024-01-02T09:00", "2024-01-03T09:30"),
    ],
)
def test_freshness_by_cron_wants_a_write_since_the_last_tick(
    written: str | None, now: str, is_fresh: bool, since: str | None, fails: str | None
) -> None:
    policy = pt.Freshness.cron("0 9 * * *", grace=timedelta(minutes=30))

    state = evaluate_freshness(policy, written_at=at(written) if written else None, now=at(now))

    assert state == (is_fresh, at(since) if since else None, at(fails) if fails else None)


def test_the_latest_window_may_look_back() -> None:
    watch = Watch(spec("a", C.in_latest_window(lookback=timedelta(days=3)), partitions=DAYS))

    assert watch.look("2024-01-10T05:00") == {"a": ["2024-01-07", "2024-01-08", "2024-01-09"]}
    assert Watch(spec("a", C.in_latest_window(), partitions=DAYS)).look("2024-01-10T05:00") == {"a": ["2024-01-09"]}
    old = pt.MonthlyPartitions("1969-01-01", end="1969-06-01")
    long_ago = Watch(spec("a", C.in_latest_window(lookback=timedelta(days=60)), partitions=old))
    assert long_ago.look("2024-01-10T05:00") == {"a": ["1969-04-01", "1969-05-01"]}


def test_the_latest_window_of_several_dimensions_is_that_of_the_one_by_time() -> None:
    cut = pt.MultiPartitions({"day": DAYS, "region": pt.StaticPartitions(["eu", "us"])})
    back = C.in_latest_window(lookback=timedelta(days=2))
    untimed = pt.MultiPartitions({"a": pt.StaticPartitions(["1", "2"]), "b": pt.StaticPartitions(["x"])})

    assert Watch(spec("a", C.in_latest_window(), partitions=cut)).look("2024-01-10T05:00") == {"a": ["2024-01-09|eu", "2024-01-09|us"]}
    assert Watch(spec("a", back, partitions=cut)).look("2024-01-10T05:00") == {
        "a": ["2024-01-08|eu", "2024-01-08|us", "2024-01-09|eu", "2024-01-09|us"],
    }
    assert Watch(spec("a", C.in_latest_window(), partitions=cut)).look("2024-01-01T05:00") == {}
    assert Watch(spec("a", C.in_latest_window(), partitions=untimed)).look("2024-01-10T05:00") == {"a": ["1|x", "2|x"]}


def test_eager_follows_a_write_above_once() -> None:
    watch = below(C.eager())
    watch.wrote("a")

    assert watch.look("2024-01-01T00:01") == {"b": ONCE}
    assert watch.look("2024-01-01T00:02") == {}
    watch.wrote("b")
    assert watch.look("2024-01-01T00:03") == {}


def test_eager_waits_while_it_or_what_it_needs_is_being_made() -> None:
    watch = below(C.eager())
    watch.facts.started("b")
    watch.wrote("a")
    assert watch.look("2024-01-01T00:01") == {}
    watch.facts.started("a")
    watch.facts.broke("b")
    assert watch.look("2024-01-01T00:02") == {}

    watch.wrote("a")

    assert watch.look("2024-01-01T00:03") == {"b": ONCE}


def test_eager_does_not_follow_a_write_by_a_run_of_both() -> None:
    watch = below(C.eager())
    watch.wrote("a", together=["a", "b"])
    watch.facts.broke("b")

    assert watch.look("2024-01-01T00:01") == {}
    watch.wrote("a", together=["a"])
    assert watch.look("2024-01-01T00:02") == {"b": ONCE}


def test_eager_waits_for_what_was_never_made_but_not_for_what_nobody_reports() -> None:
    missing = Watch(spec("a"), spec("other"), spec("b", C.eager(), deps=["a", "other"]))
    outside = Watch(spec("a"), pt.AssetSpec("other"), spec("b", C.eager(), deps=["a", "other"]))
    for watch in (missing, outside):
        watch.look("2024-01-01T00:00")
        watch.wrote("a")

    assert missing.look("2024-01-01T00:01") == {}
    assert outside.look("2024-01-01T00:01") == {"b": ONCE}


def test_on_missing_leaves_history_to_a_backfill() -> None:
    watch = Watch(spec("a", C.on_missing(), partitions=DAYS))

    assert watch.look("2024-01-05T00:00") == {}
    assert watch.look("2024-01-06T00:00") == {"a": ["2024-01-05"]}
    assert watch.look("2024-01-06T00:01") == {}


def test_on_cron_asks_for_a_chain_in_one_evaluation_where_one_run_can_write_it() -> None:
    specs = [spec("a", C.on_cron("@hourly")), spec("b", C.on_cron("@hourly"), deps=["a"])]
    together, apart = Watch(*specs), Watch(*specs, homes={pt.AssetKey("a"): "one", pt.AssetKey("b"): "two"})
    for watch in (together, apart):
        watch.look("2024-01-01T00:30")

    assert together.look("2024-01-01T01:00") == {"a": ONCE, "b": ONCE}
    assert apart.look("2024-01-01T01:00") == {"a": ONCE}
    apart.wrote("a")
    assert apart.look("2024-01-01T01:01") == {"b": ONCE}


def test_partitions_are_led_across_the_edge() -> None:
    months = pt.MonthlyPartitions("2024-01-01")
    watch = Watch(spec("day", partitions=DAYS), spec("month", C.newly_updated().any_dep(), deps=["day"], partitions=months))
    watch.look("2024-04-01T00:00")

    watch.wrote("day", "2024-02-10", "2024-02-11", "2024-04-01")

    assert watch.look("2024-04-02T00:00") == {"month": ["2024-02-01"]}


def test_all_deps_wants_something_of_each_of_them_and_ignores_what_is_told_to_be() -> None:
    condition = C.newly_updated().since(C.newly_requested()).all_deps()
    watch = Watch(
        spec("a"), spec("x", group="slow"), spec("all", condition, deps=["a", "x"]), spec("some", condition.ignore("group:slow"), deps=["a", "x"])
    )
    watch.look("2024-01-01T00:00")
    watch.wrote("a")

    assert watch.look("2024-01-01T00:01") == {"some": ONCE}
    watch.wrote("x")
    assert set(watch.look("2024-01-01T00:02")) == {"all", "some"}


def test_another_condition_begins_anew() -> None:
    first = Watch(spec("a", C.first_evaluation()))
    assert first.look("2024-01-01T00:00") == ALL
    assert first.look("2024-01-01T00:01") == {}
    second = Watch(spec("a", C.first_evaluation() | C.failed()))
    second.states = first.states

    assert second.look("2024-01-01T00:02") == ALL


def test_partitions_that_count_otherwise_begin_anew() -> None:
    first = Watch(spec("a", C.newly_missing().since_last_handled(), partitions=pt.StaticPartitions(["x", "y"])))
    first.look("2024-01-01T00:00")
    second = Watch(spec("a", C.newly_missing().since_last_handled(), partitions=pt.StaticPartitions(["y", "z", "w"])))
    second.states = first.states

    assert second.look("2024-01-01T00:01") == {}


def test_the_tree_of_reasons_is_kept_with_since_when() -> None:
    watch = below(C.eager(), partitions=DAYS)
    watch.look("2024-01-03T00:00")
    watch.wrote("a", "2024-01-03")

    watch.look("2024-01-04T00:00")

    reason = watch.last[pt.AssetKey("b")].reason
    assert reason.why == "eager: in latest window, (newly missing | any dependency updated) since handled, ~any dependency missing, " + (
        "~any dependency in progress, ~in progress"
    )
    assert "b: eager: 2024-01-03 since 2024-01-04T00:00:00+00:00" in str(reason)
    assert "a: missing & ~will be requested: 2024-01-01...2024-01-02 since 2024-01-03" in str(reason)
    record = reason.record
    assert decode(encode(record), ReasonRecord) == record
    assert (record.count, record.true) == (1, DAYS.set_of(["2024-01-03"]).encode())


def test_state_survives_being_stored() -> None:
    watch = below(C.eager())
    stored = {key: decode(encode(state), ConditionState) for key, state in watch.states.items()}

    assert stored == watch.states
    watch.states = stored
    watch.wrote("a")
    assert watch.look("2024-01-01T00:01") == {"b": ONCE}


def test_idle_assets_are_passed_over() -> None:
    specs = [
        spec("root"),
        *(spec(f"x{number}", C.eager(), deps=["root"], partitions=DAYS) for number in range(20)),
        spec("alone", C.on_cron("@daily")),
    ]
    watch = Watch(*specs)
    watch.look("2024-01-10T00:00")
    watch.look("2024-01-10T00:01")

    watch.look("2024-01-10T00:02")
    assert watch.last == {}
    watch.wrote("x3", "2024-01-05")
    watch.look("2024-01-10T00:03")
    assert set(watch.last) == {"x3"}
    watch.look("2024-01-10T00:04")
    watch.look("2024-01-11T00:00")
    assert len(watch.last) == 21, "a day has ended"


def test_an_idle_look_reads_nothing_but_revisions() -> None:
    watch = Watch(*(spec(f"x{number}", C.eager(), partitions=DAYS) for number in range(5)))
    watch.look("2024-01-10T00:00")
    watch.look("2024-01-10T00:01")
    asked = count()

    class Counting:
        cursor = watch.facts.cursor

        def revision(self, subject: str) -> int:
            next(asked)
            return watch.facts.revision(subject)

    found = watch.conditions.evaluate(Counting(), now=at("2024-01-10T00:02"), previous=watch.states)  # type: ignore[arg-type]  # the rest must not be called

    assert found == {}
    assert next(asked) == 5


def test_whole_is_what_stands_for_an_asset_without_partitions() -> None:
    watch = on(C.missing())

    assert watch.last[pt.AssetKey("a")].requested == WHOLE.keys(now=at("2024-01-01T00:00"))
    assert msgspec.json.decode(encode(watch.states[pt.AssetKey("a")]))["requested"]


def test_partitions_between_ticks_of_several_crons_are_looked_at_when_one_ends() -> None:
    nights = pt.CronPartitions(["0 2 * * 1-5", "0 4 * * 0,6"], start="2024-01-01", timezone="Europe/Berlin")
    watch = Watch(spec("a", C.on_missing(), partitions=nights))
    watch.look("2024-01-05T12:00")
    watch.look("2024-01-05T12:01")

    assert watch.look("2024-01-06T02:59") == {}
    assert watch.last == {}
    assert [len(keys) for keys in watch.look("2024-01-06T03:00").values()] == [1]


def test_what_a_selection_means_now_counts_at_once() -> None:
    condition = C.missing().any_dep().allow("group:raw").newly_true()
    first = Watch(spec("a", group="other"), spec("b", condition, deps=["a"]))
    first.look("2024-01-01T00:00")
    second = Watch(spec("a", group="raw"), spec("b", condition, deps=["a"]))
    second.states = first.states

    assert second.look("2024-01-01T00:01") == {"b": ONCE}
