"""Values in the memory of one process: for tests, and for runs without a server."""

from __future__ import annotations

from typing import Any, ClassVar

from partita.definitions.io import InputContext, IOManager, OutputContext
from partita.execution.io_managers.missing import missing_input

_Place = tuple[str, str, str, tuple[str, ...]]


class MemoryIO(IOManager):
    """Keeps values as they are, in this process only; they end with it.

    Example:
        `pt.Repository("small", assets=[...], io_managers={"io_manager": pt.MemoryIO()}, executor=pt.in_process())`
    """

    needs_one_process: ClassVar[bool] = True

    def __init__(self) -> None:
        self._values: dict[_Place, Any] = {}

    def save(self, context: OutputContext, value: Any) -> None:
        """Keep `value`."""
        self._values[_place_of(context)] = value

    def load(self, context: InputContext) -> Any:
        """The value that was kept.

        Raises:
            InputMissingError: there is none in this process.
        """
        assert context.upstream is not None
        try:
            return self._values[_place_of(context.upstream)]
        except KeyError:
            raise missing_input(context, "the memory of this process") from None


def _place_of(context: OutputContext) -> _Place:
    if context.asset_key is not None:
        return ("asset", context.asset_key, context.output, context.partition_keys)
    return (context.run_id, context.step_key, context.output, ())
