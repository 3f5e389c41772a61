"""`[[alert]]` of `partita.toml`: who is told of what."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from partita.errors import did_you_mean
from partita.records.alerts import AlertKind, AlertRule
from partita.workspace.tables import Table

DEFAULTS = AlertRule(name="")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTarget:
    """Somebody who can be told: an address, or a command. Exactly one is given."""

    name: str
    """What records and screens call it: an address may hold a password."""
    url: str | None = None
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


def alert_settings(tables: Sequence[Table], *, directory: Path, environ: Mapping[str, str]) -> tuple[AlertSettings, ...]:
    """The rules of the file; what is wrong with them is noted."""
    found = [_rule(table, number, directory=directory, environ=environ) for number, table in enumerate(tables, start=1)]
    names = [each.rule.name for each in found]
    for table, each in zip(tables, found, strict=True):
        if names.count(each.rule.name) > 1:
            table.complain("name", f"{each.rule.name!r} is used by {names.count(each.rule.name)} rules; give each one of its own.")
    return tuple(found)


def _rule(table: Table, number: int, *, directory: Path, environ: Mapping[str, str]) -> AlertSettings:
    targets = [_target(table, given, environ) for given in table.texts("to")]
    command = table.text("command")
    if command is not None:
        targets.append(_command(table, command, directory))
    if not table.given_any("to", "command"):
        table.complain("to", "is missing: give addresses such as 'mailto://user:password@example.org', or a command.")
    rule = AlertRule(
        name=table.name("name") or f"alert{number}",
        on=_kinds(table),
        only=tuple(table.texts("only")),
        targets=tuple(dict.fromkeys(target.name for target in targets if target is not None)),
        quiet=table.duration("quiet", default=DEFAULTS.quiet),
        repeat=table.duration("repeat", default=timedelta()) or None,
        limit=table.integer("limit", default=DEFAULTS.limit, minimum=1),
        tells_end=table.boolean("tells_end", default=DEFAULTS.tells_end),
    )
    table.refuse_others()
    return AlertSettings(rule=rule, targets=tuple({target.name: target for target in targets if target is not None}.values()))


def _kinds(table: Table) -> tuple[AlertKind, ...]:
    known = [kind.value for kind in AlertKind]
    found = []
    for given in table.texts("on"):
        if given in known:
            found.append(AlertKind(given))
        else:
            table.complain("on", f"{given!r} is not one of {', '.join(map(repr, known))}.{did_you_mean(given, known)}")
    return tuple(dict.fromkeys(found)) or DEFAULTS.on


def _target(table: Table, given: str, environ: Mapping[str, str]) -> AlertTarget | None:
    url = given
    if given.startswith("env:"):
        variable = given.removeprefix("env:")
        url = environ.get(variable, "")
        if not url:
            table.complain("to", f"{given!r}: the environment variable {variable} is not set.")
            return None
    scheme, separator, rest = url.partition("://")
    if not separator or not rest or not scheme.isalnum():
        advice = "give an address such as 'mailto://...' or 'slack://...', or env:NAME of a variable that holds one."
        shown = f"has the scheme {scheme!r}" if separator else "has no scheme"  # not the whole of it: it may hold a password
        table.complain("to", f"{shown}: {advice}")
        return None
    return AlertTarget(name=f"{scheme}-{sha256(url.encode()).hexdigest()[:4]}", url=url)


def _command(table: Table, given: str, directory: Path) -> AlertTarget | None:
    try:
        command = tuple(shlex.split(given))
    except ValueError as error:
        table.complain("command", f"{given!r} cannot be read as a command: {error}.")
        return None
    return AlertTarget(name=f"command-{Path(command[0]).name}", command=command, directory=str(directory)) if command else None
