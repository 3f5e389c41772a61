"""IO managers: how values are stored between steps, and what they are told about each value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from partita.definitions.keys import AssetKey


@dataclass(kw_only=True)
class OutputContext:
    """The value that is being stored.

    `type_hint` is the annotation of what the function returns, `metadata` what the asset was declared with.
    """

    asset_key: AssetKey | None
    step_key: str
    output: str = "result"
    partition_keys: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    type_hint: Any = None
    run_id: str = ""
    resources: Mapping[str, Any] = field(default_factory=dict)
    added_metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def partition_key(self) -> str | None:
        """The partition, where it is exactly one."""
        return self.partition_keys[0] if len(self.partition_keys) == 1 else None

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Show more with the value that was stored or loaded."""
        self.added_metadata.update(metadata)


@dataclass(kw_only=True)
class InputContext:
    """The value that is being loaded, and as which input.

    `type_hint` is the annotation of the parameter, `upstream` says under what the value was stored.
    """

    name: str
    asset_key: AssetKey | None
    step_key: str
    output: str = "result"
    partition_keys: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    type_hint: Any = None
    run_id: str = ""
    resources: Mapping[str, Any] = field(default_factory=dict)
    upstream: OutputContext | None = None
    added_metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def partition_key(self) -> str | None:
        """The partition, where it is exactly one."""
        return self.partition_keys[0] if len(self.partition_keys) == 1 else None

    def add_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Show more with the value that was stored or loaded."""
        self.added_metadata.update(metadata)


class IOManager(ABC):
    """Stores what steps return and loads what they need.

    Example:
        ```python
        class TextIO(pt.IOManager):
            def __init__(self, directory: Path) -> None:
                self.directory = directory

            def save(self, context: pt.OutputContext, value: str) -> None:
                (self.directory / f"{context.step_key}.txt").write_text(value)

            def load(self, context: pt.InputContext) -> str:
                return (self.directory / f"{context.upstream.step_key}.txt").read_text()
        ```
    """

    needs_one_process: ClassVar[bool] = False
    """True: values live in the memory of one process, so only executors of one process will do."""

    @abstractmethod
    def save(self, context: OutputContext, value: Any) -> None:
        """Store `value` so that `load` finds it."""

    @abstractmethod
    def load(self, context: InputContext) -> Any:
        """The value that `save` stored for `context.upstream`."""
