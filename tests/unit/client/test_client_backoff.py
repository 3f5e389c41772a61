"""How long the client waits before it tries again."""

from __future__ import annotations

from partita_client.backoff import Backoff


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def waits_of(backoff: Backoff, clock: Clock, most: int = 20) -> list[float]:
    waits: list[float] = []
    while len(waits) < most and (wait := backoff.wait()) is not None:
        waits.append(wait)
        clock.now += wait
    return waits


def test_waits_double_from_a_tenth_of_a_second_to_five_seconds() -> None:
    clock = Clock()

    waits = waits_of(Backoff(None, clock=clock, chance=lambda: 1.0), clock, most=8)

    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_chance_cuts_a_wait_to_no_less_than_half() -> None:
    clock = Clock()

    waits = waits_of(Backoff(None, clock=clock, chance=lambda: 0.0), clock, most=3)

    assert waits == [0.05, 0.1, 0.2]


def test_patience_counts_from_the_first_trouble() -> None:
    clock = Clock()
    backoff = Backoff(1.0, clock=clock, chance=lambda: 1.0)

    waits = waits_of(backoff, clock)

    assert waits == [0.1, 0.2, 0.4]
