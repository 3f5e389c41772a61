"""How the lines between two ranks run: one net for each item on the left, its trunk on a track of its own.

A cell never holds more than one trunk and one level line, and the sign of the trunk alone tells how they meet:
a tee that is open to the left is a fork of the line that comes from there, a curve or a tee that is closed to it is a join,
and an upright is passed. To keep that true the level line that leaves a row on the left must turn off before any line that arrives
in this row; where such demands run in a circle, a net first steps aside into the free row next to its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class Net:
    """The lines from one item to its neighbours in the next rank. Rows are those of the drawing with a free row after each."""

    item: int
    row: int
    ends: tuple[int, ...]
    """Rows where it arrives, from top to bottom."""
    via: int | None = None
    """The free row that it runs in before its trunk; None when it leaves in its own row."""
    track: int | None = None
    """Number of the column of its trunk; None when it runs straight."""

    @property
    def start(self) -> int:
        """The row in which it meets its trunk."""
        return self.row if self.via is None else self.via

    @property
    def span(self) -> tuple[int, int]:
        """First and last row of its trunk."""
        return min(self.start, self.ends[0]), max(self.start, self.ends[-1])


@dataclass(slots=True)
class Channel:
    """All nets between two ranks, with their tracks."""

    nets: list[Net]
    tracks: int = 0
    has_asides: bool = False
    """Whether some net steps aside, which takes a column of its own."""


def route(nets: list[Net]) -> Channel:
    """Give each net that has to bend a track, and a free row to those that must step aside."""
    bent = [net for net in nets if net.span[0] != net.span[1]]
    if not _place(bent, may_go_up=True):
        for net in bent:
            net.via = None
        # Below each row is a free row that is its own: with those alone nothing can be in the way.
        _place(bent, may_go_up=False)
    tracks = max((net.track + 1 for net in bent if net.track is not None), default=0)
    return Channel(nets, tracks, any(net.via is not None for net in bent))


def _place(nets: list[Net], *, may_go_up: bool) -> bool:
    """Place all nets; false if a circle was met and no net of it could step aside."""
    earlier = _demands(nets)
    todo = set(range(len(nets)))
    columns: list[list[tuple[int, int]]] = []
    taken: set[int] = set()
    while todo:
        ready = sorted((at for at in todo if not earlier[at] & todo), key=lambda at: nets[at].span)
        if not ready:
            aside = _step_aside(nets, earlier, todo, taken, may_go_up=may_go_up)
            if aside is None:
                return False
            for them in earlier:
                them.discard(aside)
            continue
        for at in ready:
            _put(nets[at], columns, (nets[other].track for other in earlier[at]))
        todo.difference_update(ready)
    return True


def _demands(nets: list[Net]) -> list[set[int]]:
    """For each net those whose trunk must stand left of its own: the ones that leave in a row where it arrives."""
    leaving = {net.row: at for at, net in enumerate(nets)}
    return [{leaving[end] for end in net.ends if leaving.get(end, at) != at} for at, net in enumerate(nets)]


def _step_aside(nets: list[Net], earlier: list[set[int]], todo: set[int], taken: set[int], *, may_go_up: bool) -> int | None:
    """Send one net that others wait for into a free row."""
    for at in sorted(todo, key=lambda one: (len(earlier[one] & todo), one)):
        for blocker in sorted(earlier[at] & todo):
            net = nets[blocker]
            goes_up = may_go_up and net.ends[-1] < net.row
            free = net.row - 1 if goes_up else net.row + 1
            if net.via is None and free not in taken:
                net.via = free
                taken.add(free)
                return blocker
    return None


def _put(net: Net, columns: list[list[tuple[int, int]]], left: Iterable[int | None]) -> None:
    """Place the trunk of `net` on the first track right of `left` where it touches no other."""
    low, high = net.span
    first = max((track + 1 for track in left if track is not None), default=0)
    for track in range(first, len(columns) + 1):
        if track == len(columns):
            columns.append([])
        if all(high < a or low > b for a, b in columns[track]):
            columns[track].append((low, high))
            net.track = track
            return
