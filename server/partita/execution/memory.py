"""How much memory a process has used, and whether the kernel has ended one for want of it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in the unit in which the system tells."""
_COUNTERS = Path("/proc/vmstat")


def peak_memory() -> int:
    """The most that this process, or one that it has started and waited for, has held in memory so far, in bytes."""
    return max(peak_of(resource.getrusage(who)) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def peak_of(usage: resource.struct_rusage) -> int:
    """The most memory in bytes that a process has held of which the system tells `usage`."""
    return usage.ru_maxrss * _UNIT


def count_memory_kills() -> int | None:
    """How many processes of this machine the kernel has ended since it booted because memory ran out; None: it does not tell."""
    try:
        lines = _COUNTERS.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
