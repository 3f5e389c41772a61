"""What all specs are: frozen values, given by keyword."""

from __future__ import annotations

import msgspec


class Spec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all specs share: immutable, by keyword, defaults left out of the encoding."""
