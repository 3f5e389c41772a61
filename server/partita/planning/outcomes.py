"""How simulated runs end: as it is scripted by name, or as a seed draws it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from partita.planning.simulated import Outcome, SimulatedRun

ANY = "*"
"""Stands for every run that no name says anything of."""
_ALL = 2**64


class DrawnOutcomes:
    """Ends runs by chance, the same each time: what a run draws depends on the seed and on itself, never on the runs beside it.

    So a schedule that is added or left out changes nothing in the others.

    Args:
        chances: the share of runs that fail, from 0 to 1, by the name of a job, schedule or asset; of several that a run goes by, the highest.
        seed: another one draws otherwise.
    """

    def __init__(self, chances: Mapping[str, float], *, seed: int) -> None:
        self._named = {name: chance for name, chance in chances.items() if name != ANY}
        self._otherwise = chances.get(ANY, 0.0)
        self._seed = seed

    def __call__(self, run: SimulatedRun) -> Outcome:
        """How a run ends."""
        chance = self._chance(run) if self._named else self._otherwise
        if chance <= 0:
            return "succeeded"
        return "failed" if chance >= 1 or self._drawn(run) < chance else "succeeded"

    def _chance(self, run: SimulatedRun) -> float:
        names = (run.job, run.launched_by, *run.assets)
        return max((self._named[name] for name in names if name is not None and name in self._named), default=self._otherwise)

    def _drawn(self, run: SimulatedRun) -> float:
        what = (self._seed, run.due_at.isoformat(), run.launched_by, run.job, run.partition, run.run_key, *map(str, run.assets))
        return int.from_bytes(blake2b(repr(what).encode(), digest_size=8).digest(), "big") / _ALL
