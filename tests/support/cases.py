"""Behaviour as data: what the field's incumbent does and users expect, or, where a note says so, what is right instead.

The cases speak the incumbent's language; each test file translates what it needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet

CASES = Path(__file__).parents[1] / "scenarios" / "cases" / "behaviour.json"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One fact: given `input`, `expected` comes out."""

    id: str
    area: str
    input: dict[str, Any]
    expected: Any
    note: str = ""


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case, in the order of the file."""
    return tuple(Case(**row) for row in json.loads(CASES.read_text()))


def cases_of(*areas: str, where: Callable[[Case], bool] = lambda _: True) -> list[Case]:
    """The cases of some areas that fulfil a condition.

    Raises:
        LookupError: there are none, so a test made from them would check nothing.
    """
    found = [case for case in all_cases() if case.area in areas and where(case)]
    if not found:
        raise LookupError(f"no cases of {areas}")
    return found


def each_case(*areas: str, where: Callable[[Case], bool] = lambda _: True) -> pytest.MarkDecorator:
    """Runs a test once per case, named by the case's id."""
    rows: list[ParameterSet] = [pytest.param(case, id=case.id) for case in cases_of(*areas, where=where)]
    return pytest.mark.parametrize("case", rows)
