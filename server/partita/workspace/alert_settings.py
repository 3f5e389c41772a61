"""`[[alert]]` of `partita.toml`: who is told of what."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import msgspec

from partita.errors import did_you_mean
from partita.records.alerts import AlertKind, AlertRule
from partita.workspace.tables import Table

DEFAULTS = AlertRule(name="")
LONGEST = timedelta(days=366)
"""Of the times of a rule: more is a slip of the pen, and dates end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTarget:
    """Somebody who can be told: an address, a variable that holds one, or a command. Exactly one is given."""

    name: str
    """What records and screens call it: an address may hold a password."""
    url: str | None = None
    variable: str | None = None
    """Of the environment of whoever tells; others need not have it."""
    command: tuple[str, ...] = ()
    directory: str = "."
    """Where the command runs."""

    def __repr__(self) -> str:
        return f"AlertTarget({self.name!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """One rule, and those whom it names."""

    rule: AlertRule
    targets: tuple[AlertTarget, ...]


def alert_settings(tables: Sequence[Table], *, directory: Path) -> tuple[AlertSettings, ...]:
    """The rules of the file; what is wrong with them is noted."""
    found = [_rule(table, directory=directory) for table in tables]
    names = [each.rule.name for each in found]
    for table, each in zip(tables, found, strict=True):
        if names.count(each.rule.name) > 1:
            table.complain("name", f"{each.rule.name!r} is used by {names.count(each.rule.name)} rules; give each one of its own.")
    return tuple(found)


def _rule(table: Table, *, directory: Path) -> AlertSettings:
    given = table.texts("to")
    targets = [target for each in given if (target := _target(table, each)) is not None]
    command = table.text("command")
    if command is not None and (target := _command(table, command, directory)) is not None:
        targets.append(target)
    if not given and command is None:
        table.complain("to", "names nobody: give addresses such as 'mailto://user:password@example.org', or a command.")
    targets = list({target.name: target for target in targets}.values())
    rule = AlertRule(
        name=table.name("name") or "",
        on=_kinds(table),
        only=_narrowing(table, "only"),
        targets=tuple(target.name for target in targets),
        quiet=_span(table, "quiet", DEFAULTS.quiet),
        repeat=_span(table, "repeat", timedelta()) or None,
        limit=table.integer("limit", default=DEFAULTS.limit, minimum=1),
        tells_end=table.boolean("tells_end", default=DEFAULTS.tells_end),
    )
    table.refuse_others()
    if not rule.name:
        # By what it says, so that another rule before it does not take over its alerts.
        rule = msgspec.structs.replace(rule, name=f"rule-{_mark(repr((rule.on, rule.only, rule.targets)))[:4]}")
    return AlertSettings(rule=rule, targets=tuple(targets))


def _span(table: Table, key: str, default: timedelta) -> timedelta:
    found = table.duration(key, default=default)
    if found > LONGEST:
        table.complain(key, f"is longer than {LONGEST.days} days.")
        return default
    return found


def _narrowing(table: Table, key: str) -> tuple[str, ...]:
    """What a rule is limited to. An empty list is refused: whoever writes one wants nothing, and would be told of everything."""
    if table.is_empty_list(key):
        table.complain(key, "is an empty list. Leave it out to be told of everything, or remove the rule.")
    return tuple(table.texts(key))


def _kinds(table: Table) -> tuple[AlertKind, ...]:
    known = [kind.value for kind in AlertKind]
    found = []
    for given in _narrowing(table, "on"):
        if given in known:
            found.append(AlertKind(given))
        else:
            table.complain("on", f"{given!r} is not one of {', '.join(map(repr, known))}.{did_you_mean(given, known)}")
    return tuple(dict.fromkeys(found)) or DEFAULTS.on


def _target(table: Table, given: str) -> AlertTarget | None:
    if given.startswith("env:"):
        variable = given.removeprefix("env:")
        if not variable:
            table.complain("to", "'env:' names no variable: write env:NAME.")
            return None
        return AlertTarget(name=f"env-{variable}", variable=variable)
    scheme, separator, rest = given.partition("://")
    if not separator or not rest or not scheme.isalnum():
        advice = "give an address such as 'mailto://...' or 'slack://...', or env:NAME of a variable that holds one."
        shown = f"has the scheme {scheme!r}" if separator else "has no scheme"  # not the whole of it: it may hold a password
        table.complain("to", f"{shown}: {advice}")
        return None
    return AlertTarget(name=f"{scheme}-{_mark(given)}", url=given)


def _command(table: Table, given: str, directory: Path) -> AlertTarget | None:
    try:
        command = tuple(shlex.split(given))
    except ValueError as error:
        table.complain("command", f"{given!r} cannot be read as a command: {error}.")
        return None
    if not command or not command[0]:
        table.complain("command", f"{given!r} names no program.")
        return None
    return AlertTarget(name=f"{Path(command[0]).name}-{_mark(given)}", command=command, directory=str(directory))


def _mark(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:8]
