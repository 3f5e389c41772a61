"""The runs that a filter means, in order, as far as they are here."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from partita_client.tui.store.filters import Filter, Term, parse_filter, span_of
from partita_client.tui.store.run_rows import launcher_names

if TYPE_CHECKING:
    from partita_client.models import TuiRun

Order = Literal["created", "started", "ended", "priority"]
ORDERS: tuple[Order, ...] = ("created", "started", "ended", "priority")
FIELDS = ("status", "job", "asset", "partition", "tag", "location", "by", "backfill", "tick", "since")
STATUSES = ("queued", "starting", "running", "canceling", "succeeded", "failed", "canceled")
SERVER_FIELDS = ("status", "job", "asset", "partition", "tag", "backfill", "tick", "since")
"""Fields that the server can look up when they are exact."""
UNSEEN = ("tick",)
"""Fields that a run's record does not tell."""
Key = tuple[float, str]


def parse_run_filter(text: str) -> Filter:
    """A filter of runs."""
    found = parse_filter(text, FIELDS, words={"status": STATUSES})
    tags = found.term("tag")
    if tags is not None and not all("=" in value for value in tags.values):
        return Filter(text, problem="Tags are written tag:key=value.")
    return found


def server_filter(wanted: Filter, now: datetime) -> dict[str, Any]:
    """The part of a filter that the server can look up, as the variable of its query."""
    found: dict[str, Any] = {}
    names = {"status": "statuses", "job": "jobNames", "asset": "assetKeys", "partition": "partitionKeys"}
    for term in wanted.terms:
        if not is_for_server(term):
            continue
        if term.field in names:
            found[names[term.field]] = [value.upper() if term.field == "status" else value for value in term.values]
        elif term.field in ("backfill", "tick"):
            found[term.field] = term.values[0]
        elif term.field == "tag":
            found["tags"] = [dict(zip(("key", "value"), value.split("=", 1), strict=True)) for value in term.values]
        elif (span := span_of(term.values[0])) is not None:
            found["createdAfter"] = (now - span).isoformat()
    return found


def is_for_server(term: Term) -> bool:
    """Whether the server looks this term up; it looks up one tag or several that must all be there."""
    if term.field in ("backfill", "tick", "tag") and len(term.values) > 1:
        return False
    return term.is_exact and term.field in SERVER_FIELDS


def is_whole(wanted: Filter) -> bool:
    """Whether the server's count is the count of the filter."""
    return all(is_for_server(term) for term in wanted.terms)


def values_of(run: TuiRun) -> dict[str, list[str]]:
    """What the fields of a filter are compared with. Ticks are the server's to look up."""
    partitions = run.partitions
    return {
        "status": [run.status.value],
        "job": [run.job_name or ""],
        "asset": [asset.key for asset in run.assets],
        "partition": [*(partitions.keys if partitions else ()), *((partitions.range or ()) if partitions else ())],
        "by": launcher_names(run),
        "backfill": [run.backfill.id] if run.backfill else [],
        "tag": [f"{tag.key}={tag.value}" for tag in run.tags],
        "location": [run.code_location.name] if run.code_location else [],
    }


def text_of(run: TuiRun) -> str:
    """What free text is looked for in."""
    return " ".join([run.id, run.job_name or "", *(asset.key for asset in run.assets), *values_of(run)["partition"]])


def matches(wanted: Filter, run: TuiRun, now: datetime) -> bool:
    """Whether a run that came by itself is wanted, as far as it can be told without the server."""
    since = wanted.term("since")
    span = span_of(since.values[0]) if since else None
    if span is not None and run.created_at < now - span:
        return False
    known = Filter(wanted.text, tuple(term for term in wanted.terms if term.field not in ("since", *UNSEEN)))
    return known.matches(values_of(run), text_of(run))


def sort_key(run: TuiRun, order: Order, *, is_descending: bool = True) -> Key:
    """Where a run stands in an order; the id breaks ties. Runs that have no such time come last."""
    match order:
        case "created":
            value: float | None = run.created_at.timestamp()
        case "started":
            value = run.started_at.timestamp() if run.started_at else None
        case "ended":
            value = run.ended_at.timestamp() if run.ended_at else None
        case "priority":
            value = float(run.priority)
    if value is None:
        return (float("inf"), run.id)
    return (-value if is_descending else value, _turned(run.id) if is_descending else run.id)


def _turned(run_id: str) -> str:
    """An id that sorts the other way round."""
    return "".join(chr(0x10FF - ord(character)) for character in run_id)


class RunList:
    """Ids of runs in order, kept up to date run by run.

    Runs from the server's pages are members because the server said so. Runs that come by themselves are members when they match
    and stand before the end of what has been loaded, so that no gap is shown as if there were nothing in it.
    """

    def __init__(self, wanted: Filter = Filter(), order: Order = "created", *, is_descending: bool = True) -> None:  # noqa: B008  frozen
        self.wanted, self.order, self.is_descending = wanted, order, is_descending
        self._keys: list[Key] = []
        self._ids: list[str] = []
        self._key_of: dict[str, Key] = {}
        self._horizon: Key | None = None
        self.is_complete = False
        """Whether everything that matches is here."""
        self.total: int | None = None
        """How many match, as the server counted."""

    @property
    def ids(self) -> list[str]:
        """The runs in order."""
        return self._ids

    def __len__(self) -> int:
        return len(self._ids)

    def add_page(self, runs: Iterable[TuiRun], now: datetime, *, is_last: bool) -> None:
        """Take the next page of the server."""
        needs_look = not is_whole(self.wanted)
        for run in runs:
            key = self._key(run)
            self._horizon = key if self._horizon is None else max(self._horizon, key)
            if not needs_look or matches(self.wanted, run, now):
                self._put(run.id, key)
        self.is_complete = is_last

    def update(self, runs: Mapping[str, TuiRun], changed: Iterable[str], now: datetime) -> bool:
        """Take runs that changed; whether other runs are listed than before, or in another order."""
        before = len(self._ids)
        moved = False
        for run_id in changed:
            run = runs.get(run_id)
            old = self._key_of.get(run_id)
            key = self._key(run) if run is not None and self._is_member(run, now, is_listed=old is not None) else None
            if key != old:
                moved = True
                self._drop(run_id)
                if key is not None:
                    self._put(run_id, key)
        if self.total is not None:
            self.total = max(self.total + len(self._ids) - before, len(self._ids))
        return moved

    def _is_member(self, run: TuiRun, now: datetime, *, is_listed: bool) -> bool:
        if not matches(self.wanted, run, now):
            return False
        if is_listed:
            return True
        asks_server = any(term.field in UNSEEN for term in self.wanted.terms)
        return not asks_server and (self.is_complete or (self._horizon is not None and self._key(run) <= self._horizon))

    def _key(self, run: TuiRun) -> Key:
        return sort_key(run, self.order, is_descending=self.is_descending)

    def _put(self, run_id: str, key: Key) -> None:
        if run_id in self._key_of:
            self._drop(run_id)
        place = bisect_left(self._keys, key)
        insort(self._keys, key)
        self._ids.insert(place, run_id)
        self._key_of[run_id] = key

    def _drop(self, run_id: str) -> None:
        key = self._key_of.pop(run_id, None)
        if key is not None:
            place = bisect_left(self._keys, key)
            del self._keys[place], self._ids[place]
