"""Counts over a run as the schema shows them."""

from __future__ import annotations

from dataclasses import dataclass

from partita.records.runs import RunStats, StepStatus

NOT_RUN = (StepStatus.SKIPPED, StepStatus.UPSTREAM_FAILED, StepStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class ShownStats:
    """The value behind `RunStats`."""

    stats: RunStats

    @property
    def total_steps(self) -> int:
        """Steps of the plan."""
        return sum(self.stats.steps.values())

    @property
    def succeeded_steps(self) -> int:
        """Steps that succeeded."""
        return self.stats.steps.get(StepStatus.SUCCEEDED, 0)

    @property
    def failed_steps(self) -> int:
        """Steps that failed."""
        return self.stats.steps.get(StepStatus.FAILED, 0)

    @property
    def skipped_steps(self) -> int:
        """Steps that were not run."""
        return sum(self.stats.steps.get(status, 0) for status in NOT_RUN)

    @property
    def peak_memory(self) -> int | None:
        """Bytes that the largest of its processes has held."""
        return self.stats.memory

    @property
    def materializations(self) -> int:
        """Recorded writes."""
        return self.stats.materializations

    @property
    def checks_passed(self) -> int:
        """Checks that passed."""
        return self.stats.checks_passed

    @property
    def checks_failed(self) -> int:
        """Checks that failed."""
        return self.stats.checks_failed
