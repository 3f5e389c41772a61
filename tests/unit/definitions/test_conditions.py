"""Conditions as values: what they are made of, how they read, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

import partita as pt
from partita.definitions.conditions import AnyCondition
from partita.records.codec import decode, encode

C = pt.Condition


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (C.eager(), "eager"),
        (C.on_cron("0 6 * * *", timezone="Europe/Berlin"), "on cron '0 6 * * *' Europe/Berlin"),
        (C.missing() & ~C.in_progress() & C.failed(), "missing & ~in progress & failed"),
        (C.missing() | C.failed() & C.check_failed(), "missing | (failed & check failed)"),
        (~(C.missing() | C.failed()), "~(missing | failed)"),
        (C.newly_updated().since(C.cron_tick_passed("@daily")), "newly updated since cron tick '@daily' passed"),
        (C.missing().any_dep().allow("group:raw"), "any dep (missing) of 'group:raw'"),
        (C.missing().any_dep().ignore(["a", "b/c"]), "any dep (missing) but 'a or b/c'"),
        (C.check_failed().any_check(blocking_only=True), "any blocking check (check failed)"),
        (C.in_latest_window(lookback=timedelta(days=5)), "in latest 5 days, 0:00:00"),
        ((C.missing() & C.failed()).with_label("lost"), "lost"),
    ],
)
def test_a_condition_reads_as_it_was_written(condition: pt.Condition, text: str) -> None:
    assert str(condition) == text
    assert msgspec.json.decode(msgspec.json.encode(condition), type=AnyCondition) == condition


def test_a_method_may_be_called_on_the_condition_or_given_it() -> None:
    assert C.any_dep(C.missing()) == C.missing().any_dep()
    assert C.any_check(C.check_failed()) == C.check_failed().any_check()


def test_a_selection_of_dependencies_reaches_every_part_that_looks_at_them() -> None:
    narrowed = C.eager().ignore("group:slow")

    assert msgspec.json.encode(narrowed).count(b'"excluding":"group:slow"') == 3
    assert narrowed.ignore("group:slow") == narrowed


def test_a_part_of_an_and_can_be_left_out() -> None:
    whole = C.eager().without(C.in_latest_window())

    assert C.in_latest_window() not in whole.children
    assert str(whole) == "eager"
    assert (C.missing() & C.failed()).without(C.failed()) == C.missing()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: C.on_cron("every day"), "every day"),
        (lambda: C.on_cron("@daily", timezone="Berlin"), "Berlin"),
        (lambda: C.missing() & "failed", "`&` is given 'failed'"),
        (lambda: C.missing().since(None), "since"),
        (lambda: C.in_latest_window(lookback=5), "give a timedelta above zero"),
        (lambda: C.missing().allow("group:raw"), "looks at no dependencies"),
        (lambda: C.missing().any_dep().allow("group:"), ".allow"),
        (lambda: C.missing().any_dep().ignore([]), ".ignore"),
        (lambda: C.eager().without(C.failed()), "'failed', so it cannot be left out"),
        (lambda: C.missing().with_label(" "), "a few words"),
        (lambda: pt.Freshness(), "one rule"),
        (lambda: pt.Freshness(within=timedelta(hours=1), expressions=("@daily",)), "one rule"),
        (lambda: pt.Freshness(within=2), "give a timedelta"),
        (lambda: pt.Freshness(within=timedelta(0)), "give a timedelta"),
        (lambda: pt.Freshness.cron("@never"), "@never"),
        (lambda: pt.AssetSpec("a", automation="eager"), "automation='eager': give a condition"),
        (lambda: pt.AssetSpec("a", freshness=timedelta(hours=1)), "freshness="),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(make: Callable[[], Any], told: str) -> None:
    with pytest.raises(pt.DefinitionError) as caught:
        make()

    assert told in str(caught.value)


def test_a_condition_has_no_truth_of_its_own() -> None:
    with pytest.raises(TypeError, match="combine conditions with &"):
        C.missing() and C.failed()


@pt.asset(automation=C.eager(), freshness=pt.Freshness(within=timedelta(hours=2)))
def orders() -> int:
    return 1


def test_an_asset_carries_its_condition_and_its_freshness_through_the_catalog() -> None:
    spec = pt.Repository("main", assets=[orders]).spec

    again = decode(encode(spec), type(spec))

    assert again == spec
    assert again.assets[0].automation == C.eager()
    assert again.assets[0].freshness == pt.Freshness(within=timedelta(hours=2))


def test_an_asset_without_them_is_encoded_as_before() -> None:
    @pt.asset
    def plain() -> int:
        return 1

    encoded = encode(pt.Repository("main", assets=[plain]).spec)

    assert b"automation" not in encoded
    assert b"freshness" not in encoded
    assert (plain.spec.automation, plain.spec.freshness) == (None, None)


def test_a_repository_tells_of_conditions_that_nothing_can_come_of() -> None:
    outside = pt.AssetSpec("outside", automation=C.eager())
    astray = pt.AssetSpec("astray", automation=C.eager().allow("nowhere"), is_external=False)

    with pytest.raises(pt.DefinitionErrors) as caught:
        pt.Repository("main", assets=[outside, astray])

    first, second = caught.value.errors
    assert "'outside'" in str(first)
    assert "nothing here computes" in str(first)
    assert "'astray'" in str(second)
    assert "nowhere" in str(second)
    assert all(error.file == __file__ and error.line for error in (first, second))
