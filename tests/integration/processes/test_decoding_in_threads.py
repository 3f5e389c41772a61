"""Threads of one process that decode the same records for the first time at once."""

from __future__ import annotations

import subprocess
import sys

SOURCE = """
import sys
import threading

from partita.records.codec import decode, encode
from partita.records.locations import LocationCatalog

sys.setswitchinterval(1e-6)
raw = encode(LocationCatalog(location="x", repositories=()))
others = [LocationCatalog | None, list[LocationCatalog] | LocationCatalog, tuple[LocationCatalog, ...] | LocationCatalog]
kinds = [LocationCatalog, *others, LocationCatalog, LocationCatalog]
start = threading.Barrier(len(kinds))
found = []


def work(kind):
    start.wait()
    found.append(decode(raw, kind).location)


threads = [threading.Thread(target=work, args=(kind,)) for kind in kinds]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert found == ["x"] * len(kinds), found
"""


def test_records_can_be_decoded_by_several_threads_at_once() -> None:
    """Without a lock half of these processes crash: decoders of msgspec are not made safely by two threads."""
    for _ in range(8):
        done = subprocess.run([sys.executable, "-c", SOURCE], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
