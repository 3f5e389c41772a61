"""What a resource or config model refuses while user code is imported, told by field.

The models are pydantic's. It is known by its look, for it is only loaded where user code does so.
"""

from __future__ import annotations

from typing import Any


def refused_fields(error: Any) -> str | None:
    """Which fields of a model were given wrongly, a line each, and why; None of any other exception.

    The values are left out: they may be secret.
    """
    if type(error).__name__ != "ValidationError" or not type(error).__module__.startswith("pydantic_core"):
        return None
    lines = [f"  {'.'.join(map(str, each['loc'])) or 'the whole'}: {_said(each)}." for each in error.errors(include_url=False)]
    return "\n".join([f"{error.title} cannot be made of these values:", *lines])


def _said(refusal: dict[str, Any]) -> str:
    return "there is no such field" if refusal["type"] == "extra_forbidden" else str(refusal["msg"]).rstrip(".")
