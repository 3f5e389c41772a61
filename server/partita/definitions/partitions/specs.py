"""Partitions as frozen values that can be encoded."""

from __future__ import annotations

from typing import Literal

import msgspec

Cadence = Literal["hourly", "daily", "weekly", "monthly", "cron"]


class TimePartitionsSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="time", tag_field="kind"):
    """One partition per window of a cadence."""

    cadence: Cadence
    start: str
    """First window's start as local wall time, ISO 8601; with its UTC offset only in the second occurrence of a repeated hour."""
    end: str | None = None
    """No window ends after this, written like `start`."""
    timezone: str = "UTC"
    minute_offset: int = 0
    hour_offset: int = 0
    day_offset: int | None = None
    """Weekly: 0 is Sunday. Monthly: day of the month."""
    end_offset: int = 0
    """How many more partitions exist than windows have ended."""
    fmt: str | None = None
    """How keys are written, as for `strftime`; None for the cadence's own way."""
    exclude: tuple[str, ...] = ()
    """Keys of windows that are no partitions, in order."""
    cron: tuple[str, ...] = ()
    """Of the cadence `cron`: at whose ticks windows begin."""


class StaticPartitionsSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="static", tag_field="kind"):
    """A fixed list of keys."""

    keys: tuple[str, ...]


class DynamicPartitionsSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="dynamic", tag_field="kind"):
    """Keys that are added while the workspace runs; the store keeps them under the set's name."""

    name: str


DimensionSpec = TimePartitionsSpec | StaticPartitionsSpec | DynamicPartitionsSpec


class MultiPartitionsSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="multi", tag_field="kind"):
    """Every combination of the partitions of several dimensions."""

    dimensions: tuple[tuple[str, DimensionSpec], ...]
    """In order of their names."""


PartitionsSpec = DimensionSpec | MultiPartitionsSpec
