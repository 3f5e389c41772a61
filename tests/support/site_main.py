"""A worker or daemon of a test's site: `python site_main.py JSON`."""

from __future__ import annotations

import json
import logging
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from partita.automation.daemon import run_daemon
from partita.automation.timing import Timing
from partita.automation.worker import run_worker
from partita.workspace.settings import load_settings
from support import site_faults


def main(wanted: dict[str, Any]) -> None:
    """Work until SIGTERM."""
    logging.basicConfig(level="INFO")
    is_stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: is_stopped.append(number))
    site_faults.arm(wanted.get("fault", ""), Path(wanted["folder"]))
    durations = dict(wanted["timing"])
    if "lease" in durations:
        durations["lease"] = timedelta(seconds=durations["lease"])
    settings = load_settings(Path(wanted["folder"]) / "partita.toml", environ={})
    if wanted["role"] == "worker":
        run_worker(settings, wanted["location"], stop=lambda: bool(is_stopped), timing=Timing(**durations))
    else:
        run_daemon(settings, stop=lambda: bool(is_stopped), timing=Timing(**durations))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
