"""What the server answers, typed: made from `schema.graphql` and `documents/` by `make client`.

The models take 0.2 s to load, so they are loaded when the first answer is read or the first name is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from partita_client.models.generated.enums import *  # noqa: F403
    from partita_client.models.generated.types import *  # noqa: F403


def __getattr__(name: str) -> object:
    for home in ("types", "enums"):
        module = import_module(f"{__name__}.generated.{home}")
        if name in module.__all__:
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
