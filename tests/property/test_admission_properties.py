"""Whatever is queued and active: no limit is exceeded, nobody waits without a reason, and better runs come first."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from partita.planning.admission import Candidate, Holder, choose, explain, held_slots, sort_key
from partita.records.queue import Limits, TagLimit, WaitKind

POOLS = ("dbt", "gpu", "open")
TAGS = st.dictionaries(st.sampled_from(["team", "env"]), st.sampled_from(["etl", "web"]))
NEEDS = st.dictionaries(st.sampled_from(POOLS), st.integers(1, 3))
SINGLE_NEEDS = st.dictionaries(st.sampled_from(POOLS), st.just(1))


@st.composite
def limits_of(draw: Any) -> Limits:
    """Limits of every kind, some so tight that nothing can start."""
    tags = draw(st.lists(st.sampled_from([("team", "etl"), ("team", None), ("env", "web")]), unique=True))
    return Limits(
        max_concurrent=draw(st.none() | st.integers(0, 6)),
        tags=tuple(TagLimit(key=key, value=value, limit=draw(st.integers(0, 3))) for key, value in tags),
        pools=draw(st.dictionaries(st.sampled_from(["dbt", "gpu"]), st.integers(0, 4))),
    )


@st.composite
def queues(draw: Any, needs: Any = NEEDS) -> list[Candidate]:
    """Up to twelve queued runs in the order of the queue."""
    count = draw(st.integers(0, 12))
    runs = [Candidate(f"run_{number:02}", draw(st.integers(-1, 1)), draw(TAGS), draw(needs)) for number in range(count)]
    return sorted(runs, key=sort_key)


HOLDERS = st.lists(st.builds(Holder, TAGS, NEEDS), max_size=4)


def used(limits: Limits, holders: list[Holder]) -> Counter[str]:
    """How much of each limit some runs take, by the limit's name."""
    taken = Counter({"runs": len(holders)})
    for holder in holders:
        taken.update({f"tag {limit.tag}": 1 for limit in limits.tags if limit.counts(holder.tags)})
        taken.update({f"pool {pool}": slots for pool, slots in held_slots(holder.pools, limits).items()})
    return taken


def capacity(limits: Limits) -> dict[str, int]:
    """How much there is of each limit."""
    most = {} if limits.max_concurrent is None else {"runs": limits.max_concurrent}
    return most | {f"tag {limit.tag}": limit.limit for limit in limits.tags} | {f"pool {name}": slots for name, slots in limits.pools.items()}


def fits(candidate: Candidate, limits: Limits, holders: list[Holder]) -> bool:
    after = used(limits, [*holders, Holder(candidate.tags, candidate.pools)])
    wanted = used(limits, [Holder(candidate.tags, candidate.pools)])
    return all(after[name] <= most for name, most in capacity(limits).items() if wanted[name])


def as_holders(chosen: list[Candidate]) -> list[Holder]:
    return [Holder(each.tags, each.pools) for each in chosen]


@given(queue=queues(), holders=HOLDERS, limits=limits_of())
def test_no_limit_is_exceeded(queue: list[Candidate], holders: list[Holder], limits: Limits) -> None:
    chosen = list(choose(queue, holders, limits))
    before, after = used(limits, holders), used(limits, [*holders, *as_holders(chosen)])

    for name, most in capacity(limits).items():
        assert after[name] <= max(most, before[name])


@given(queue=queues(), holders=HOLDERS, limits=limits_of())
def test_everybody_has_a_reason_and_only_those_who_start_have_none_to_wait(queue: list[Candidate], holders: list[Holder], limits: Limits) -> None:
    reasons = explain(queue, holders, limits)

    assert list(reasons) == [each.run_id for each in queue]
    assert [name for name, reason in reasons.items() if reason.kind is WaitKind.NEXT] == [each.run_id for each in choose(queue, holders, limits)]
    assert all(reason.message for reason in reasons.values())


@given(queue=queues(SINGLE_NEEDS), holders=HOLDERS, limits=limits_of())
def test_nobody_who_could_still_start_waits(queue: list[Candidate], holders: list[Holder], limits: Limits) -> None:
    """With one slot each: when all are chosen, there is room for none of the others."""
    chosen = list(choose(queue, holders, limits))
    waiting = [each for each in queue if each not in chosen]

    assert not [each for each in waiting if fits(each, limits, [*holders, *as_holders(chosen)])]


@given(queue=queues(), holders=HOLDERS, limits=limits_of())
def test_a_run_never_waits_for_what_worse_runs_alone_have_taken(queue: list[Candidate], holders: list[Holder], limits: Limits) -> None:
    """A run that waits did not fit beside what is active and the better runs that start, or left slots to a better one."""
    chosen = list(choose(queue, holders, limits))
    for place, each in enumerate(queue):
        better = [other for other in queue[:place] if other in chosen]
        has_kept = any(other.pools.keys() & each.pools.keys() for other in queue[:place] if other not in chosen)
        if each not in chosen and not has_kept:
            assert not fits(each, limits, [*holders, *as_holders(better)])


@given(queue=queues(), holders=HOLDERS, limits=limits_of())
def test_of_runs_that_are_alike_the_better_starts(queue: list[Candidate], holders: list[Holder], limits: Limits) -> None:
    chosen = list(choose(queue, holders, limits))
    for place, each in enumerate(queue):
        alike = [other for other in queue[:place] if (other.tags, other.pools) == (each.tags, each.pools)]
        if each in chosen:
            assert all(other in chosen for other in alike)


@given(queue=queues(), holders=HOLDERS, limits=limits_of())
def test_who_reads_only_the_best_of_the_queue_decides_the_same(queue: list[Candidate], holders: list[Holder], limits: Limits) -> None:
    part = queue[: len(queue) // 2]

    assert list(choose(part, holders, limits)) == [each for each in choose(queue, holders, limits) if each in part]
