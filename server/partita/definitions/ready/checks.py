"""Checks that are wanted again and again: `pt.checks.not_null(orders, "id")`.

Each makes a check of an asset, to be given to a `Repository` or to the asset itself. Those that look at rows load the asset's value: a data
frame of pandas or polars, an Arrow table, or a list of dicts. A run that writes several partitions has each of them checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from partita.definitions.checks import Check, asset_check
from partita.definitions.context import Context
from partita.definitions.ports import In
from partita.definitions.ready.frames import Frame, frame_of
from partita.definitions.results import CheckResult, Severity
from partita.definitions.sources import caller_source, located
from partita.definitions.specs import to_key
from partita.errors import DefinitionError

__all__ = ["column_schema", "freshness", "metadata_bounds", "not_null", "row_count", "unique"]


class Finding(NamedTuple):
    """What is wrong with a value, and what led to that; nothing is wrong when there is no problem."""

    metadata: Mapping[str, Any]
    problem: str | None = None


def row_count(
    asset: Any, *, min: int | None = 1, max: int | None = None, name: str = "row_count", blocking: bool = False, severity: Severity = Severity.ERROR
) -> Check[..., CheckResult]:
    """The asset has at least `min` and at most `max` rows.

    Example:
        `pt.checks.row_count(orders, min=100)`

    Raises:
        DefinitionError: no bound is given, or `min` is more than `max`.
    """
    _check_bounds("row_count", min, max)

    def look(frame: Frame) -> Finding:
        count = frame.count()
        return Finding({"rows": count}, _outside(f"{count:,} rows", count, min, max))

    description = f"It has {_bounds(min, max)} rows."
    return _of_value(asset, look, name=name, description=description, blocking=blocking, severity=severity)


def column_schema(
    asset: Any,
    columns: Mapping[str, str | None] | Iterable[str],
    *,
    exact: bool = False,
    name: str = "column_schema",
    blocking: bool = False,
    severity: Severity = Severity.ERROR,
) -> Check[..., CheckResult]:
    """The asset has these columns, of these types.

    Args:
        asset: the asset it checks, or its key.
        columns: names, or the type of each as the frame's library writes it (`int64`, `String`); None: any type. Upper and lower case are the same.
        exact: others are not allowed.
        name: what the check is called.
        blocking: a failure with severity ERROR stops what is downstream of the asset in the same run.
        severity: what a failure means.

    Example:
        `pt.checks.column_schema(orders, {"id": "int64", "name": None}, exact=True)`

    Raises:
        DefinitionError: no column is given.
    """
    wanted = dict(columns) if isinstance(columns, Mapping) else dict.fromkeys(_names("column_schema", columns))
    if not wanted:
        raise DefinitionError("column_schema: no column is given.")

    def look(frame: Frame) -> Finding:
        found = frame.columns()
        problems = [f"there is no column {column!r}" for column in wanted if column not in found]
        problems += [
            f"column {column!r} is {found[column]}, not {kind}"
            for column, kind in wanted.items()
            if kind is not None and column in found and found[column].lower() != kind.lower()
        ]
        problems += [f"column {column!r} is not expected" for column in found if exact and column not in wanted]
        return Finding({"columns": found}, "; ".join(problems) or None)

    description = f"It has {'exactly ' * exact}the columns {', '.join(wanted)}."
    return _of_value(asset, look, name=name, description=description, blocking=blocking, severity=severity)


def not_null(
    asset: Any, columns: str | Iterable[str], *, name: str | None = None, blocking: bool = False, severity: Severity = Severity.ERROR
) -> Check[..., CheckResult]:
    """The columns have a value in every row.

    Example:
        `pt.checks.not_null(orders, ["id", "day"])`

    Raises:
        DefinitionError: no column is given.
    """
    wanted = _names("not_null", columns)

    def look(frame: Frame) -> Finding:
        if (missing := _missing(frame, wanted)) is not None:
            return missing
        counts = {column: frame.count_nulls(column) for column in wanted}
        problems = [f"{column!r} has no value in {count:,} rows" for column, count in counts.items() if count]
        return Finding({"nulls": counts}, "; ".join(problems) or None)

    description = f"Every row has a value in {', '.join(wanted)}."
    return _of_value(asset, look, name=name or _name("not_null", wanted), description=description, blocking=blocking, severity=severity)


def unique(
    asset: Any, columns: str | Iterable[str], *, name: str | None = None, blocking: bool = False, severity: Severity = Severity.ERROR
) -> Check[..., CheckResult]:
    """No two rows have the same values in the columns taken together.

    Example:
        `pt.checks.unique(orders, "id")`

    Raises:
        DefinitionError: no column is given.
    """
    wanted = _names("unique", columns)

    def look(frame: Frame) -> Finding:
        if (missing := _missing(frame, wanted)) is not None:
            return missing
        repeated = frame.count() - frame.count_distinct(wanted)
        return Finding({"repeated": repeated}, f"{repeated:,} rows repeat another" if repeated else None)

    description = f"No two rows have the same {', '.join(wanted)}."
    return _of_value(asset, look, name=name or _name("unique", wanted), description=description, blocking=blocking, severity=severity)


def metadata_bounds(
    asset: Any,
    label: str,
    *,
    min: float | None = None,
    max: float | None = None,
    name: str | None = None,
    blocking: bool = False,
    severity: Severity = Severity.ERROR,
) -> Check[..., CheckResult]:
    """A number in the metadata of the last write lies between bounds. The value itself is not loaded.

    Example:
        `pt.checks.metadata_bounds(orders, "rows", min=100, max=10_000)`

    Raises:
        DefinitionError: no bound is given, or `min` is more than `max`.
    """
    _check_bounds("metadata_bounds", min, max)

    def look(latest: Any) -> Finding:
        value = latest.metadata.get(label)
        if isinstance(value, bool) or not isinstance(value, int | float):
            known = ", ".join(latest.metadata) or "none"
            return Finding({}, f"metadata {label!r} is {'not there' if value is None else 'no number'}; labels of the last write: {known}")
        return Finding({label: value}, _outside(f"{label} {value:,}", value, min, max))

    description = f"Metadata {label} is {_bounds(min, max)}."
    return _of_latest(asset, look, name=name or _name(label, ["bounds"]), description=description, blocking=blocking, severity=severity)


def freshness(
    asset: Any, *, within: timedelta, name: str = "freshness", blocking: bool = False, severity: Severity = Severity.ERROR
) -> Check[..., CheckResult]:
    """The asset was last written no longer ago than `within`: to be evaluated by a job of its own, for what others write.

    Example:
        `pt.checks.freshness("source/orders", within=timedelta(hours=2))`

    Raises:
        DefinitionError: `within` is no positive timedelta.
    """
    if not isinstance(within, timedelta) or within <= timedelta(0):
        raise DefinitionError(f"freshness: within={within!r} is no positive timedelta, such as timedelta(hours=2).")

    def look(latest: Any) -> Finding:
        age = datetime.now(UTC) - latest.at
        told = {"written_at": latest.at, "age_seconds": age.total_seconds()}
        return Finding(told, f"it was last written {timedelta(seconds=int(age.total_seconds()))} ago" if age > within else None)

    return _of_latest(asset, look, name=name, description=f"It was written within {within}.", blocking=blocking, severity=severity)


# ---- how they are made ----------------------------------------------------------------------------------------------


def _of_value(
    asset: Any, look: Callable[[Frame], Finding], *, name: str, description: str, blocking: bool, severity: Severity
) -> Check[..., CheckResult]:
    def decide(context: Context, value: Any) -> CheckResult:
        told: Any = context  # definitions know contexts by their mark only
        keys: Sequence[str] = told.partition_keys
        parts = value if len(keys) > 1 and isinstance(value, Mapping) else {keys[0] if keys else "": value}
        return _verdict({key: look(frame_of(part)) for key, part in parts.items()}, severity)

    return _made(decide, asset, name=name, description=description, blocking=blocking, loads=True)


def _of_latest(
    asset: Any, look: Callable[[Any], Finding], *, name: str, description: str, blocking: bool, severity: Severity
) -> Check[..., CheckResult]:
    def decide(context: Context) -> CheckResult:
        told: Any = context
        parts = {key: told.latest(told.asset_key, key or None) for key in told.partition_keys or ("",)}
        findings = {key: look(latest) if latest is not None else Finding({}, "it was never written") for key, latest in parts.items()}
        return _verdict(findings, severity)

    return _made(decide, asset, name=name, description=description, blocking=blocking)


def _made(
    decide: Callable[..., CheckResult], asset: Any, *, name: str, description: str, blocking: bool, loads: bool = False
) -> Check[..., CheckResult]:
    source = caller_source()
    with located(source, f"check {name!r}"):
        ins = {"value": In(key=to_key(asset))} if loads else None
        made = asset_check(asset=asset, name=name, description=description, blocking=blocking, ins=ins)(decide)
    return made.with_spec(msgspec.structs.replace(made.spec, source=source))


def _verdict(findings: Mapping[str, Finding], severity: Severity) -> CheckResult:
    """One verdict of what was found in each partition."""
    if len(findings) == 1:
        [found] = findings.values()
        problem = found.problem
        metadata = found.metadata
    else:
        wrong = {key: found.problem for key, found in findings.items() if found.problem is not None}
        problem = "; ".join(f"{key}: {each}" for key, each in wrong.items()) or None
        metadata = {"partitions": len(findings), "failed": list(wrong)}
    sentence = f"{problem[0].upper()}{problem[1:]}." if problem else None
    return CheckResult(passed=problem is None, severity=severity, metadata=metadata, description=sentence)


def _missing(frame: Frame, wanted: Sequence[str]) -> Finding | None:
    found = frame.columns()
    missing = [column for column in wanted if column not in found]
    # A list of no rows has no columns either, and nothing wrong in them.
    if not missing or not frame.count():
        return None
    return Finding({"columns": list(found)}, f"there is no column {', '.join(map(repr, missing))}")


def _names(check: str, columns: str | Iterable[str]) -> tuple[str, ...]:
    names = (columns,) if isinstance(columns, str) else tuple(columns)
    if not names or not all(isinstance(name, str) and name for name in names):
        raise DefinitionError(f"{check}: columns={columns!r}: give the name of a column, or a list of names.")
    return names


def _name(check: str, columns: Sequence[str]) -> str:
    """`not_null_id_day`: of names only what a check may be called."""
    text = "_".join([check, *columns])
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-.") else "_" for letter in text)


def _check_bounds(check: str, low: float | None, high: float | None) -> None:
    if low is None and high is None:
        raise DefinitionError(f"{check}: give min=, max=, or both.")
    if low is not None and high is not None and low > high:
        raise DefinitionError(f"{check}: min={low} is more than max={high}.")


def _bounds(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high:,}"
    return f"at least {low:,}" if high is None else f"{low:,} to {high:,}"


def _outside(what: str, value: float, low: float | None, high: float | None) -> str | None:
    is_inside = (low is None or value >= low) and (high is None or value <= high)
    return None if is_inside else f"{what}, expected {_bounds(low, high)}"
