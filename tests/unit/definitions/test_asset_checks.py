"""`@pt.asset_check`: what a check loads, and what it is called."""

from __future__ import annotations

from typing import Any

import pytest

import partita as pt


@pt.asset(key="marts/delays")
def delays() -> int:
    return 1


@pt.asset
def planes() -> int:
    return 1


def loaded(check: Any) -> dict[str, str]:
    """What a check's inputs load once a repository has resolved them."""
    repository = pt.Repository("r", assets=[delays, planes], checks=[check])
    return {each.name: str(each.key) for each in repository.spec.checks[0].inputs}


def test_a_check_has_a_name_within_its_asset() -> None:
    @pt.asset_check(asset=delays, blocking=True, metadata={"limit": 3}, deps=["planes"])
    def has_rows(delays: int) -> pt.CheckResult:
        """Not empty."""
        return pt.CheckResult(passed=delays > 0)

    assert has_rows.step_key == "marts/delays:has_rows"
    assert has_rows.spec.is_blocking
    assert has_rows.spec.description == "Not empty."
    assert [dep.key for dep in has_rows.spec.deps] == ["planes"]
    assert has_rows(3).passed


def test_the_asset_of_a_check_may_be_given_by_key() -> None:
    @pt.asset_check(asset="marts/delays", name="rows")
    def anything() -> pt.CheckResult: ...

    assert anything.step_key == "marts/delays:rows"


def test_a_parameter_named_like_the_asset_loads_it() -> None:
    @pt.asset_check(asset=delays)
    def check(planes: int, delays: int) -> pt.CheckResult: ...

    assert loaded(check) == {"planes": "planes", "delays": "marts/delays"}


def test_a_parameter_that_names_no_asset_loads_the_checked_one() -> None:
    @pt.asset_check(asset=delays)
    def check(frame: int, planes: int) -> pt.CheckResult: ...

    assert loaded(check) == {"frame": "marts/delays", "planes": "planes"}


def test_a_check_may_load_another_asset_only() -> None:
    @pt.asset_check(asset=delays)
    def check(planes: int) -> pt.CheckResult: ...

    assert loaded(check) == {"planes": "planes"}


def test_ins_say_what_a_check_loads() -> None:
    @pt.asset_check(asset=delays, ins={"other": pt.In(key=planes)})
    def check(frame: int, other: int) -> pt.CheckResult: ...

    assert loaded(check) == {"frame": "marts/delays", "other": "planes"}


def test_two_parameters_that_name_no_asset_are_refused() -> None:
    @pt.asset_check(asset=delays)
    def check(frame: int, other: int) -> pt.CheckResult: ...

    with pytest.raises(pt.DefinitionErrors, match="parameter 'frame' loads asset 'frame'"):
        loaded(check)


def test_a_bad_name_is_refused_with_file_and_line() -> None:
    with pytest.raises(pt.DefinitionError, match=r"test_asset_checks\.py:\d+: check 'check': 'a b'"):

        @pt.asset_check(asset=delays, name="a b")
        def check() -> pt.CheckResult: ...


@pt.asset_check(asset="stock")
def is_counted(stock: int) -> pt.CheckResult:
    return pt.CheckResult(passed=stock > 2)


def test_an_asset_brings_its_checks_into_every_repository() -> None:
    @pt.asset(checks=[is_counted])
    def stock() -> int:
        return 3

    made = pt.Repository("r", assets=[stock, planes], checks=[is_counted])
    result = pt.materialize([stock])

    assert [check.step_key for check in made.checks] == ["stock:is_counted"]
    assert [event.passed for event in result.events_for("stock:is_counted") if hasattr(event, "passed")] == [True]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([planes], "is not a check. Decorate a function with @pt.asset_check(asset='shelf')"),
        (is_counted, "checks asset 'stock'. Declare it with @pt.asset_check(asset='shelf')"),
    ],
)
def test_what_is_no_check_of_the_asset_is_refused(given: Any, words: str) -> None:
    with pytest.raises(pt.DefinitionError, match=r"test_asset_checks\.py:\d+: asset 'shelf'") as raised:

        @pt.asset(checks=given)
        def shelf() -> int: ...

    assert words in str(raised.value)


def test_a_verdict_begins_with_whether_it_passed() -> None:
    assert pt.CheckResult(True) == pt.CheckResult(passed=True)
    assert pt.CheckResult(False, severity=pt.Severity.WARN).severity is pt.Severity.WARN
