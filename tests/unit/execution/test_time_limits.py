"""Time limits of code that does not run in the main thread."""

from __future__ import annotations

import subprocess
import sys

PROFILED = """
import sys, threading, time
from partita.execution.time_limit import TimeLimit, TimedOut

def late():
    limit = TimeLimit(0.01)
    try:
        limit.start()
        while not limit.has_passed:
            time.sleep(0.001)
    except TimedOut:
        pass
    limit.stop()

def called():
    return "called"

thread = threading.Thread(target=late)
thread.start()
thread.join()
sys.setprofile(lambda *_: None)
print(called())
"""


def test_a_process_can_be_profiled_after_a_time_limit_of_a_thread_has_passed() -> None:
    ended = subprocess.run([sys.executable, "-c", PROFILED], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (0, "called\n"), ended.stderr
