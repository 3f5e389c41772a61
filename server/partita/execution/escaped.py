"""What one async function raises and asyncio would let end all of them."""

from __future__ import annotations


class Escaped(Exception):  # noqa: N818 (what it carries is the error)
    """Carries what asyncio would let out of the loop, and end everything on it: `SystemExit` and `KeyboardInterrupt` of one function."""

    def __init__(self, original: BaseException) -> None:
        super().__init__(original)
        self.original = original


def raised_by(error: BaseException) -> BaseException:
    """What a function has raised, as it was raised."""
    return error.original if isinstance(error, Escaped) else error
