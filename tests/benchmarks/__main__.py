"""`make bench`: the figures that Partita promises, each with how it was measured and what it must reach.

`make bench ARGS="launch dev"` measures only those named. Figures are medians (p50) and 95th percentiles; memory is the
sum of the proportional set sizes of all processes. Compare on one machine, in one run.
"""

from __future__ import annotations

import os
import platform
import sys

from benchmarks import (
    automation,
    automation_load,
    backfill_scale,
    conditions_scale,
    definitions_scale,
    execution_scale,
    partitions_scale,
    planning_scale,
    services,
    simulation_scale,
    storage_scale,
    terminal,
)

MEASURES = {
    "help": services.measure_help,
    "dev": services.measure_dev,
    "launch": services.measure_launch,
    "partitions": services.measure_partitions,
    "partition-algebra": partitions_scale.measure_partition_algebra,
    "definitions": definitions_scale.measure_definitions,
    "planning": planning_scale.measure_planning,
    "conditions": conditions_scale.measure_conditions,
    "simulate": simulation_scale.measure_simulation,
    "materialize": services.measure_materialize,
    "execution": execution_scale.measure_execution,
    "storage": storage_scale.measure_storage,
    "storage-history": storage_scale.measure_storage_history,
    "automation": automation.measure_automation,
    "automation-load": automation_load.measure_automation_load,
    "backfill": automation.measure_backfill,
    "backfill-scale": backfill_scale.measure_backfill_scale,
    "tui": terminal.measure_tui,
}


def main(names: list[str]) -> int:
    """Measure and print a Markdown table."""
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        print(f"There is no measure {unknown[0]!r}. Known: {', '.join(MEASURES)}")  # noqa: T201 (it is a report)
        return 2
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}. p50 / p95, n\n")  # noqa: T201
    print("| what | incumbent | reach | measured | n |\n|---|---|---|---|---|", flush=True)  # noqa: T201
    for name in names or list(MEASURES):
        for figure in MEASURES[name]():
            print(figure.render(), flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
