"""Filters as they are typed: `status:failed,running job:night* !tag:team=core since:24h text`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase

from partita_client.errors import did_you_mean

_SPAN = re.compile(r"(\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a filter."""

    field: str
    """Empty for free text."""
    values: tuple[str, ...]
    is_inverse: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether a server can look it up: no pattern, no inverse."""
        return bool(self.field) and not self.is_inverse and not any(set("*?[") & set(value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Filter:
    """What is wanted: every term must hold, and of a term any of its values."""

    text: str = ""
    terms: tuple[Term, ...] = ()
    problem: str = ""
    """Why it cannot be read; it then means everything."""

    def matches(self, values: Mapping[str, Sequence[str]], text: str) -> bool:
        """Whether something with these values of fields, and this text, is wanted."""
        return all(self._holds(term, values, text) for term in self.terms)

    def _holds(self, term: Term, values: Mapping[str, Sequence[str]], text: str) -> bool:
        if term.field:
            found = any(_fits(wanted, value) for wanted in term.values for value in values.get(term.field, ()))
        else:
            found = any(wanted in text.lower() for wanted in term.values)
        return found is not term.is_inverse

    def term(self, field: str) -> Term | None:
        """The first term about a field."""
        return next((term for term in self.terms if term.field == field), None)


def parse_filter(text: str, fields: Sequence[str], *, words: Mapping[str, Sequence[str]] | None = None) -> Filter:
    """A filter over some fields; `words` are the values that a field of a closed set may have."""
    terms = []
    for word in text.split():
        is_inverse = word.startswith("!") and len(word) > 1
        field, colon, rest = word.removeprefix("!").partition(":")
        if not colon:
            terms.append(Term("", (field.lower(),), is_inverse))
            continue
        if field not in fields:
            return Filter(text, problem=f"There is no filter {field!r}.{did_you_mean(field, fields)} There are: {', '.join(fields)}.")
        values = tuple(value.lower() if field == "status" else value for value in rest.split(",") if value)
        if not values:
            continue  # still being typed
        problem = _wrong_word(field, values, (words or {}).get(field)) or _wrong_span(field, values)
        if problem:
            return Filter(text, problem=problem)
        terms.append(Term(field, values, is_inverse))
    return Filter(text, tuple(terms))


def span_of(text: str) -> timedelta | None:
    """A length of time such as `24h`."""
    match = _SPAN.fullmatch(text)
    return timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def _fits(wanted: str, value: str) -> bool:
    return fnmatchcase(value.lower(), wanted.lower()) if set("*?[") & set(wanted) else wanted.lower() == value.lower()


def _wrong_word(field: str, values: Sequence[str], known: Sequence[str] | None) -> str:
    wrong = next((value for value in values if known and value not in known and not set("*?[") & set(value)), None)
    return f"No {field} is called {wrong!r}.{did_you_mean(wrong, known or ())}" if wrong is not None else ""


def _wrong_span(field: str, values: Sequence[str]) -> str:
    wrong = next((value for value in values if field == "since" and span_of(value) is None), None)
    return f"{wrong!r} is no length of time; write it like 30m, 24h or 7d." if wrong is not None else ""
