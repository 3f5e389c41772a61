"""Whether assets are as fresh as their policies want."""

from datetime import datetime

import strawberry

from partita.api.freshness import ShownFreshness
from partita.api.types.fields import shown, shows


@strawberry.type(description="Whether an asset is as fresh as its policy wants.")
@shows(ShownFreshness)
class AssetFreshness:
    """Whether an asset is fresh."""

    policy: str = shown("What is wanted, in words.")
    is_fresh: bool = shown("Whether it is so.", "state.is_fresh")
    changed_at: datetime | None = shown(
        "Fresh: when it was last written. Else since when it is too old; null when it was never written.", "state.since"
    )
    fails_at: datetime | None = shown("When it will be too old unless it is written before; null when it is already.", "state.fails_at")
