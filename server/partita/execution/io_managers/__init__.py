"""Where values live between steps."""

from partita.execution.io_managers.filesystem import FilesystemIO
from partita.execution.io_managers.memory import MemoryIO
from partita.execution.io_managers.objects import ObjectIO
from partita.execution.io_managers.tables import DuckDBIO

__all__ = ["DuckDBIO", "FilesystemIO", "MemoryIO", "ObjectIO"]
