"""The daemon's job of freshness: notes on time when an asset has become older than its policy allows, and when it is fresh again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from heapq import heappop, heappush

from partita.automation.published import PublishedWorkspace
from partita.definitions.keys import AssetKey
from partita.definitions.policies import Freshness
from partita.planning.freshness import evaluate_freshness
from partita.records.changes import ChangeKind
from partita.storage.freshness import ToldFreshness
from partita.storage.store import Store
from partita.workspace.catalog import Catalog

IDLE = 60.0
"""Seconds until another look when nothing is about to change; the bell rings before."""
HEAL = 1.0
"""Seconds between looks while something is about to: the clock may be set."""


class FreshnessRole:
    """One look at all assets with a policy. It reads those that were written since the last one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._workspace = PublishedWorkspace(store)
        self._seen: Catalog | None = None
        self._policies: dict[AssetKey, Freshness] = {}
        self._written: dict[AssetKey, datetime | None] = {}
        self._told: dict[AssetKey, ToldFreshness] = {}
        self._fails_at: dict[AssetKey, datetime] = {}
        self._next: list[tuple[datetime, AssetKey]] = []
        """When assets will be too old, the first one first; those that were written since are passed over."""
        self._cursor: str | None = None

    def begin(self) -> None:
        """Forget what was known: another daemon has told since."""
        self._cursor = None

    def __call__(self) -> float:
        """Note what has changed; answers the seconds until something will."""
        now = self._store.now()
        touched, heard = self._hear()
        due = self._take_due(now)
        if touched or due:
            self._judge({*touched, *due}, now)
        self._cursor = heard
        if not self._next:
            return IDLE
        return min(IDLE, max(0.0, (self._next[0][0] - self._store.now()).total_seconds())) or HEAL

    def _hear(self) -> tuple[Collection[AssetKey], str]:
        """The assets that may stand otherwise than before, and how far was heard: once that is noted, but not before."""
        workspace = self._workspace.read()
        cursor, self._cursor = self._cursor, None
        if cursor is None or workspace is not self._seen:
            return self._begin(workspace)
        touched: set[AssetKey] = set()
        while True:
            batch = self._store.changes.after(cursor, kinds=[ChangeKind.ASSET])
            if batch.is_expired:
                return self._begin(workspace)
            touched |= {AssetKey(change.subject) for change in batch.changes} & self._policies.keys()
            if not batch.changes or batch.cursor == cursor:
                break
            cursor = batch.cursor
        self._read(touched)
        return touched, batch.cursor

    def _begin(self, workspace: Catalog) -> tuple[Collection[AssetKey], str]:
        cursor = self._store.changes.latest()
        self._seen = workspace
        policies = ((key, workspace.graph.spec(key).freshness) for key in workspace.graph.keys)
        self._policies = {key: policy for key, policy in policies if policy is not None}
        self._told = self._store.freshness.read()
        gone = self._told.keys() - self._policies.keys()
        self._store.freshness.tell({}, gone=gone)
        self._fails_at, self._next, self._written = {}, [], {}
        self._read(self._policies)
        return self._policies.keys(), cursor

    def _read(self, keys: Collection[AssetKey]) -> None:
        states = self._store.assets.states(sorted(keys)) if keys else {}
        for key in keys:
            state = states.get(key)
            self._written[key] = state.latest.at if state is not None and state.latest is not None else None

    def _take_due(self, now: datetime) -> list[AssetKey]:
        """The assets that are too old now."""
        due = []
        while self._next and (self._next[0][0] <= now or self._fails_at.get(self._next[0][1]) != self._next[0][0]):
            at, key = heappop(self._next)
            if self._fails_at.get(key) == at:
                due.append(key)
        return due

    def _judge(self, keys: Collection[AssetKey], now: datetime) -> None:
        changed: dict[AssetKey, ToldFreshness] = {}
        for key in keys:
            state = evaluate_freshness(self._policies[key], written_at=self._written[key], now=now)
            self._fails_at.pop(key, None)
            if state.fails_at is not None:
                self._fails_at[key] = state.fails_at
                heappush(self._next, (state.fails_at, key))
            found = ToldFreshness(state.is_fresh, None if state.is_fresh else state.since)
            if self._told.get(key) != found:
                changed[key] = found
        self._store.freshness.tell(changed)
        self._told |= changed
