"""Runs without what they have in common: 10,000 of them as they come take 54 MB, so they take 16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita_client.models import TuiRun

SHARED = ("status", "job_name", "code_location", "launched_by", "assets", "tags", "stats", "backfill", "parent", "wait_reason")
"""Parts that many runs have alike."""
MOST_PARTS = 5_000


class Pool:
    """Equal parts of runs, each kept once."""

    def __init__(self) -> None:
        self._parts: dict[Any, Any] = {}
        self._given: dict[frozenset[str], set[str]] = {}

    def slim(self, run: TuiRun) -> TuiRun:
        """The run, made of parts that others have too."""
        if len(self._parts) > MOST_PARTS:
            self._parts.clear()
        slim = run.model_copy(update={name: self._one(getattr(run, name)) for name in SHARED})
        # Which fields an answer named is the same for all of them; as a set of its own it is the largest part of a run.
        named = frozenset(run.model_fields_set)
        object.__setattr__(slim, "__pydantic_fields_set__", self._given.setdefault(named, set(named)))
        return slim

    def _one(self, part: Any) -> Any:
        return part if part is None else self._parts.setdefault((type(part), part), part)
