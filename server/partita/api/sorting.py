"""Assets in the order that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from partita.api.context import Context
from partita.api.entries import AssetEntry
from partita.api.pages import ShownPage, counted, page_backwards, page_of
from partita.api.scalars import render_instant
from partita.api.types.enums import AssetOrderField, Direction
from partita.api.types.filters import AssetOrderInput
from partita.definitions.keys import AssetKey
from partita.records.assets import AssetState
from partita.records.pages import PageRequest


async def page_of_assets(context: Context, found: Sequence[AssetEntry], *, order: AssetOrderInput | None, page: PageRequest) -> ShownPage[AssetEntry]:
    """A page of `found`, which come sorted by key."""
    wanted = order or AssetOrderInput(field=AssetOrderField.KEY, direction=Direction.ASC)
    is_descending = wanted.direction is Direction.DESC
    states: Mapping[AssetKey, AssetState | None] = {}
    if wanted.field is AssetOrderField.LAST_MATERIALIZED_AT:
        keys = [entry.key for entry in found]
        states = dict(zip(keys, await context.loaders.asset_states.load_many(keys), strict=True))

    def sort_key(entry: AssetEntry) -> tuple[int, str, str]:
        state = states.get(entry.key)
        at = render_instant(state.latest.at) if state and state.latest else ""
        comes_last = not at and bool(states)
        return int(comes_last is not is_descending), at, str(entry.key)

    made = page_backwards if is_descending else page_of
    return ShownPage(page=made(sorted(found, key=sort_key), page, key=sort_key), count=counted(len(found)))
