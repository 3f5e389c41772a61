"""Taking typed values out of a TOML table, noting what is wrong instead of stopping at it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from partita.errors import did_you_mean

NAME = re.compile(r"[A-Za-z0-9_.-]+")
_DURATION = re.compile(r"(\d+)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", dict: "a table", list: "a list"}


def parse_duration(text: str) -> timedelta:
    """A time such as `90d`, `12h` or `30m`.

    Raises:
        ValueError: it is none.
    """
    parts = _DURATION.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is not a duration: write a number and s, m, h, d or w, such as '90d'.")
    try:
        return timedelta(**{_UNITS[parts[2]]: int(parts[1])})
    except OverflowError:
        raise ValueError(f"{text!r} is longer than anything lasts.") from None


class Table:
    """One table of a TOML file. What is asked for is known; `refuse_others` complains about the rest."""

    def __init__(self, raw: dict[str, Any], *, problems: list[str], path: str = "") -> None:
        self._raw, self._problems, self._path = raw, problems, path
        self._known: list[str] = []

    def complain(self, key: str, problem: str) -> None:
        """Note that `key` is wrong."""
        self._problems.append(f"{self._path}{key} {problem}")

    def refuse_others(self) -> None:
        """Complain about every key that nobody asked for."""
        for key in self._raw:
            if key not in self._known:
                hint = did_you_mean(key, self._known) or f" Known here: {', '.join(self._known)}."
                self.complain(key, f"is not a setting.{hint}")

    def text(self, key: str) -> str | None:
        """Text that is not empty."""
        value = self._take(key, str)
        if value == "":
            self.complain(key, "is empty.")
        return value or None

    def texts(self, key: str) -> list[str]:
        """Texts that are not empty: a list of them, or one alone."""
        value = self._raw.get(key)
        if isinstance(value, str):
            return [text] if (text := self.text(key)) is not None else []
        self._known.append(key)
        if value is not None and not (isinstance(value, list) and all(isinstance(item, str) and item for item in value)):
            self.complain(key, "must be text, or a list of texts that are not empty.")  # not what it is: it may hold a password
            return []
        return list(value or [])

    def is_empty_list(self, key: str) -> bool:
        """Whether a list with nothing in it stands there, which is not the same as nothing."""
        return self._raw.get(key) == []

    def boolean(self, key: str, *, default: bool) -> bool:
        """Either of two."""
        value: bool | None = self._take(key, bool)
        return default if value is None else value

    def name(self, key: str) -> str | None:
        """Text that can be the name of a definition."""
        value = self.text(key)
        if value is not None and not NAME.fullmatch(value):
            self.complain(key, f"{value!r} is not a name: use letters, digits, '_', '.' and '-'.")
        return value

    def choice(self, key: str, among: Sequence[str]) -> str | None:
        """One of a few words."""
        value = self.text(key)
        if value is not None and value not in among:
            self.complain(key, f"{value!r} is not one of {', '.join(map(repr, among))}.{did_you_mean(value, among)}")
        return value

    def integer(self, key: str, *, default: int, minimum: int) -> int:
        """A whole number that is not below `minimum`."""
        value: int | None = self._take(key, int)
        if value is None:
            return default
        if value < minimum:
            self.complain(key, f"= {value} must be at least {minimum}.")
        return value

    def scalars(self, key: str) -> dict[str, str]:
        """A table of texts and numbers, all as text."""
        found: dict[str, str] = {}
        for name, value in (self._take(key, dict) or {}).items():
            if isinstance(value, bool) or not isinstance(value, (str, int, float)):
                self.complain(f"{key}.{name}", f"= {value!r} must be text or a number.")
            found[name] = str(value)
        return found

    def duration(self, key: str, *, default: timedelta) -> timedelta:
        """A time such as `90d`, `12h` or `30m`."""
        value = self.text(key)
        if value is None:
            return default
        try:
            return parse_duration(value)
        except ValueError as error:
            self.complain(key, str(error))
            return default

    def durations(self, key: str, *, names: Sequence[str]) -> dict[str, timedelta]:
        """A table of times under some of `names`."""
        inner = self.table(key)
        given = {name: inner.duration(name, default=timedelta()) for name in names}
        inner.refuse_others()
        return {name: given[name] for name in inner.given() if name in given}

    def table(self, key: str) -> Table:
        """The table under `key`; an empty one when it is not there."""
        return Table(self._take(key, dict) or {}, problems=self._problems, path=f"{self._path}{key}.")

    def tables(self, key: str) -> list[Table]:
        """The list of tables under `key`."""
        found = []
        for index, item in enumerate(self._take(key, list) or []):
            where = f"{self._path}{key}[{index}]"
            if isinstance(item, dict):
                name = item.get("name")
                found.append(Table(item, problems=self._problems, path=f"{where} ({name})." if isinstance(name, str) else f"{where}."))
            else:
                self._problems.append(f"{where} = {item!r} must be a table; write it as [[{key}]].")
        return found

    def given(self) -> list[str]:
        """The keys that are there."""
        return list(self._raw)

    def _take(self, key: str, kind: type) -> Any:
        self._known.append(key)
        value = self._raw.get(key)
        if value is None:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            hint = f"; write it as [[{self._path}{key}]]" if kind is list and isinstance(value, dict) else ""
            self.complain(key, f"= {value!r} must be {KINDS[kind]}{hint}.")
            return None
        return value
