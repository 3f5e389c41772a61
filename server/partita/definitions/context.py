"""The marker by which a function's context parameter is known.

What a context can do is execution's affair: its contexts derive from `Context`. Definitions only need to recognise the
parameter, so that a function may be declared where nothing is ever executed.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Role = Literal["context", "config", "resource", "input"]
"""What a parameter of a user's function is filled with."""


class Context:
    """What every context that user code receives derives from."""

    __partita_role__: ClassVar[Role] = "context"
