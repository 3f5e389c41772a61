"""The runs that a filter means, kept in order as pages and changes arrive."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from partita_client.models.generated.types import TuiRun
from partita_client.tui.store.run_list import ORDERS, Order, RunList, matches, parse_run_filter, sort_key
from support.tui_records import NOON, a_run

RUNS = [a_run(number) for number in range(10)]


def newest(runs: list[TuiRun]) -> list[TuiRun]:
    return sorted(runs, key=lambda run: run.created_at, reverse=True)


def test_pages_come_one_after_another_the_newest_first() -> None:
    listing = RunList()

    listing.add_page(newest(RUNS)[:5], NOON, is_last=False)
    assert listing.ids == [run.id for run in newest(RUNS)[:5]]
    assert not listing.is_complete
    listing.add_page(newest(RUNS)[5:], NOON, is_last=True)

    assert listing.ids == [run.id for run in newest(RUNS)]
    assert listing.is_complete


def test_a_new_run_comes_on_top_and_an_old_one_beyond_the_page_stays_out() -> None:
    listing = RunList()
    listing.add_page(newest(RUNS)[:5], NOON, is_last=False)
    fresh, old = a_run(99), a_run(1)

    assert listing.update({run.id: run for run in (fresh, old)}, [fresh.id, old.id], NOON)

    assert listing.ids[0] == fresh.id
    assert old.id not in listing.ids


def test_a_run_that_does_not_match_any_more_goes_and_the_total_follows() -> None:
    listing = RunList(parse_run_filter("status:running"))
    running = [a_run(number, "RUNNING") for number in range(3)]
    listing.add_page(newest(running), NOON, is_last=True)
    listing.total = 3
    ended = a_run(1, "FAILED")

    assert listing.update({ended.id: ended}, [ended.id], NOON)

    assert ended.id not in listing.ids
    assert listing.total == 2


def test_what_only_the_server_knows_does_not_come_by_itself() -> None:
    listing = RunList(parse_run_filter("tick:tick_1"))
    listing.add_page([], NOON, is_last=True)

    assert not listing.update({RUNS[0].id: RUNS[0]}, [RUNS[0].id], NOON)


def test_nothing_is_told_when_nothing_moved() -> None:
    listing = RunList()
    listing.add_page(newest(RUNS), NOON, is_last=True)
    same = a_run(3, "FAILED")

    assert not listing.update({same.id: same}, [same.id], NOON)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["QUEUED", "RUNNING", "SUCCEEDED", "FAILED"]), st.integers(0, 3)), max_size=60),
    st.sampled_from(ORDERS),
    st.booleans(),
)
def test_run_by_run_it_lists_what_a_look_at_all_would(changes: list[tuple[int, str, int]], order: Order, is_descending: bool) -> None:
    wanted = parse_run_filter("status:running,failed")
    listing = RunList(wanted, order, is_descending=is_descending)
    listing.add_page([], NOON, is_last=True)
    world: dict[str, TuiRun] = {}

    for number, state, priority in changes:
        started = NOON + timedelta(seconds=number * 7 % 5) if state != "QUEUED" else None
        run = a_run(number, state, priority=priority, startedAt=started)
        world[run.id] = run
        listing.update(world, [run.id], NOON)

    found = [run for run in world.values() if matches(wanted, run, NOON)]
    assert listing.ids == [run.id for run in sorted(found, key=lambda run: sort_key(run, order, is_descending=is_descending))]
