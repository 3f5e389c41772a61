"""The pools of queued runs as a worker sees them: by its own code as it is loaded here, and the other locations' as published."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from partita.automation.code import CodeVersion
from partita.planning.pools import PoolNeeds
from partita.records.runs import RunRequest
from partita.workspace.catalog import Catalog

OTHERS_INTERVAL = 1.0
"""Seconds between looks at what other locations have published."""


class Needs:
    """Knows the pools of requests. The workspace is read when a request is first asked about, never while nothing is queued."""

    def __init__(self, workspace_for: Callable[[CodeVersion], Catalog]) -> None:
        self._workspace_for = workspace_for
        self._known: tuple[CodeVersion, Catalog, PoolNeeds] | None = None
        self._look_at = 0.0

    def of(self, version: CodeVersion) -> Callable[[RunRequest], Mapping[str, int]]:
        """The needs of requests that would be planned under a version of the code."""
        return lambda request: self._needs(version)(request)

    def _needs(self, version: CodeVersion) -> PoolNeeds:
        now = time.monotonic()
        if self._known is None or self._known[0] is not version or now >= self._look_at:
            catalog = self._workspace_for(version)
            needs = self._known[2] if self._known is not None and self._known[1] is catalog else PoolNeeds(catalog.repositories)
            self._known, self._look_at = (version, catalog, needs), now + OTHERS_INTERVAL
        return self._known[2]
