"""How assets stand against their code and inputs, judged from the store and the definitions of this moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from partita.api.definitions import Definitions
from partita.definitions.keys import AssetKey
from partita.definitions.selection import Selection
from partita.planning.staleness import Staleness, assess, needed_writes
from partita.storage.store import Store


def staleness_of(store: Store, definitions: Definitions, keys: Iterable[AssetKey], *, now: datetime) -> dict[AssetKey, Staleness]:
    """How each of `keys` stands; those that nothing here can write are left out."""
    graph = definitions.catalog.graph
    wanted = [key for key in keys if key in graph.materializable]
    needed = needed_writes(graph, wanted)
    partitioned = {key for key in needed if key in graph and graph.spec(key).partitions is not None}
    return assess(graph, store.assets.writes(needed, partitioned=partitioned), now=now, keys=wanted, dynamic=definitions.dynamic)


def status_words(store: Store, definitions: Definitions, *, now: datetime) -> Mapping[AssetKey, Collection[str]]:
    """For selections: the words that are true of each asset."""
    found = staleness_of(store, definitions, definitions.catalog.graph.keys, now=now)
    return {key: each.words for key, each in found.items()}


def words_for(store: Store, definitions: Definitions, selection: Selection, *, now: datetime) -> Mapping[AssetKey, Collection[str]] | None:
    """The same, read only when the selection asks for it."""
    return status_words(store, definitions, now=now) if selection.asks_for("status") else None
