"""A measured figure, and the `partita dev` that many are measured on."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.dev import Dev, is_answering, running_dev
from support.projects import make_project
from support.waiting import eventually


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured line."""

    what: str
    incumbent: str
    reach: str
    values: list[float]
    unit: str = "ms"

    def render(self) -> str:
        """The line of the table."""
        ordered = sorted(self.values)
        middle = statistics.median(ordered)
        high = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
        spread = f"{_short(middle)} / {_short(high)}" if len(ordered) > 1 else _short(middle)
        return f"| {self.what} | {self.incumbent} | {self.reach} | {spread} {self.unit} | {len(ordered)} |"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def timed(act: Callable[[], object]) -> float:
    """Milliseconds that `act` takes."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


@contextmanager
def warm_dev() -> Iterator[Dev]:
    """A `partita dev` whose location has loaded."""
    with tempfile.TemporaryDirectory() as scratch, running_dev(make_project(Path(scratch) / "project")) as dev:
        wait_until_loaded(dev)
        yield dev


def wait_until_loaded(dev: Dev) -> None:
    """Until its one location is there."""
    assert is_answering(dev.url)
    with dev.client() as client:
        eventually(lambda: client.locations()[0].status == "loaded", seconds=30)
