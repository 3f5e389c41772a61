"""The graph of assets, for the lineage pane."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from partita_client.tui.render.states import mark
from partita_client.tui.store.asset_rows import status_of

if TYPE_CHECKING:
    from partita_client.models import TuiAsset

Node = tuple[str, str, str, str]
"""Key, label, sign and style."""


def nodes_of(assets: Mapping[str, TuiAsset], active: frozenset[str]) -> list[Node]:
    """A node for each asset, in the colour of its state."""
    found = []
    for key in sorted(assets):
        state = mark("asset", status_of(assets[key], active))
        found.append((key, key, state.glyph, state.style))
    return found


def edges_of(assets: Iterable[TuiAsset]) -> list[tuple[str, str]]:
    """Each dependency, upstream first."""
    return [(before.key, asset.key) for asset in assets for before in asset.upstream]
