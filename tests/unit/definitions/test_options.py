"""Options of the wrong kind are refused in words, with file and line, by everything that takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import partita as pt


@pt.op
def work() -> None: ...


def body() -> None:
    work()


def nothing() -> None: ...


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda given: pt.op(tags=given)(nothing), "tags=5: give a mapping"),
        (lambda given: pt.op(tags={"team": given})(nothing), "'team': 5 is not a tag"),
        (lambda given: pt.op(ins=given)(nothing), "ins=5: give a mapping"),
        (lambda given: pt.asset(tags=given)(nothing), "tags=5: give a mapping"),
        (lambda given: pt.asset(ins=given)(nothing), "ins=5: give a mapping"),
        (lambda given: pt.asset(owners=given)(nothing), "Give one: owners=[5]"),
        (lambda given: pt.asset(deps=given)(nothing), "Give one: deps=[5]"),
        (lambda given: pt.asset(group=given)(nothing), "group 5 is not a group"),
        (lambda given: pt.asset(metadata=given)(nothing), "metadata=5: give a mapping"),
        (lambda given: pt.asset(requires=given)(nothing), "requires=5: give a mapping"),
        (lambda given: pt.job(tags=given)(body), "tags=5: give a mapping"),
        (lambda given: pt.job(resources=given)(body), "resources=5: give a mapping"),
        (lambda given: pt.asset_job("refresh", selection=given), "selection=5: give a selection"),
        (lambda given: pt.asset_job(given), "5 is not a name for a job: it is not text"),
        (lambda given: pt.Repository("main", resources=given), "5 is no mapping. Give resources={'name': ...}"),
        (lambda given: pt.Repository("main", io_managers=given), "5 is no mapping. Give io_managers={'name': ...}"),
    ],
)
def test_an_option_of_the_wrong_kind_is_refused(make: Callable[[Any], object], words: str) -> None:
    with pytest.raises(pt.DefinitionError, match=r"test_options\.py:\d+: ") as raised:
        make(5)
    assert words in str(raised.value)


def test_decorators_that_need_parameters_say_so_where_they_are_used_without() -> None:
    def watch() -> None: ...

    with pytest.raises(pt.DefinitionError, match=r"test_options\.py:\d+: 'watch': the decorator needs its parameters: @pt\.sensor\(target=\.\.\.\)"):
        pt.sensor(watch)  # type: ignore[call-overload, arg-type, unused-ignore]
    with pytest.raises(pt.DefinitionError, match=r"@pt\.multi_asset\(specs="):
        pt.multi_asset(watch)  # type: ignore[call-overload, arg-type, unused-ignore]


def test_an_io_manager_is_asked_for_by_name() -> None:
    def value() -> int:
        return 1

    for declare in (lambda: pt.asset(io_manager=pt.MemoryIO())(value), lambda: pt.Out(io_manager=pt.MemoryIO()), lambda: pt.In(io_manager=3)):  # type: ignore[arg-type]
        with pytest.raises(pt.DefinitionError, match="give a name, such as 'lake', and the repository io_managers="):
            declare()
