"""Where values live between steps."""

from partita.execution.io_managers.filesystem import FilesystemIO
from partita.execution.io_managers.memory import MemoryIO

__all__ = ["FilesystemIO", "MemoryIO"]
