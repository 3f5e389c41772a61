"""Text that can be stored: Python's may hold halves of characters, made of bytes that are no text, and databases refuse those and NUL."""

from __future__ import annotations


def storable(text: str) -> str:
    """`text` with a question mark for each character that cannot be stored."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


def unstorable(text: str, *, but: str = "") -> str | None:
    """The first character of `text` that cannot be stored, if any; those of `but` can."""
    if text.isascii() and "\0" not in text:
        return None
    return next((letter for letter in text if storable(letter) != letter and letter not in but), None)
