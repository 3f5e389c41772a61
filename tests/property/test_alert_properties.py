"""Whatever happens and whoever refuses: nothing is lost, nothing told twice, and nobody is flooded."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from partita.planning.alerts import HOUR, due_messages, next_due, note_troubles, settle
from partita.records.alerts import Alert, AlertKind, AlertRule, AlertStatus, Trouble

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBJECTS = st.sampled_from(["a", "b", "c"])
STEP = st.tuples(
    st.integers(0, 2000),  # seconds until the next look
    st.lists(SUBJECTS, max_size=4),  # what has happened since
    st.frozensets(SUBJECTS),  # what goes on
    st.booleans(),  # whether the second target refuses
)


@given(steps=st.lists(STEP, min_size=1, max_size=25), quiet=st.integers(1, 3000), limit=st.integers(1, 4))
def test_all_is_told_and_no_more_often_than_allowed(steps: list[tuple[int, list[str], frozenset[str], bool]], quiet: int, limit: int) -> None:
    rule = AlertRule(name="rule", targets=("mail", "chat"), quiet=timedelta(seconds=quiet), limit=limit)
    book: dict[str, Alert] = {}
    happened: Counter[str] = Counter()
    told: list[tuple[datetime, str]] = []
    taken: Counter[tuple[str, str]] = Counter()
    now = NOON

    def look(events: list[str], standing: frozenset[str], *, refuses: bool) -> None:
        troubles = [Trouble(kind=AlertKind.RUN_FAILED, subject=each, title=each, at=now) for each in events]
        going_on = [Trouble(kind=AlertKind.LOCATION_BROKEN, subject=each, title=each, at=now) for each in sorted(standing)]
        for alert in note_troubles([rule], troubles, going_on, list(book.values()), now=now):
            book[alert.id] = alert
        for message, target in due_messages([rule], list(book.values()), now=now):
            refusal = "no" if refuses and target == "chat" else None
            if refusal is None:
                taken.update((alert.id, target) for alert in message.alerts)
                told.append((now, message.id))
            for alert in settle(message, target, refusal, list(book.values()), now=now):
                book[alert.id] = alert

    for seconds, events, standing, refuses in steps:
        now += timedelta(seconds=seconds)
        happened.update(events)
        look(events, standing, refuses=refuses)
        assert len({message for at, message in told if at > now - HOUR and any(alert.message_id == message for alert in book.values())}) <= limit
        going_on = [alert.subject for alert in book.values() if alert.is_open]
        assert sorted(going_on) == sorted(standing), "each thing that goes on has one alert"
    last = now
    while (due := next_due([rule], list(book.values()), now=now)) is not None:
        now = max(due, now + timedelta(seconds=1))
        look([], steps[-1][2], refuses=False)
        assert now < last + timedelta(days=2), "it comes to an end"

    counted = Counter[str]()
    for alert in book.values():
        assert alert.status in {AlertStatus.SENT, AlertStatus.DROPPED}
        if alert.kind is AlertKind.RUN_FAILED:
            assert alert.status is AlertStatus.SENT
            counted[alert.subject] += alert.count
    assert counted == happened
    assert all(count == 1 for count in taken.values()), "no target is told the same alert twice"
