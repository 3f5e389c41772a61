"""Who is told of what, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from partita.planning.alerts import DELAYS, GIVE_UP, HOUR, MOST_DETAILS, MOST_LINES, Message, due_messages, next_due, note_troubles, settle
from partita.records.alerts import Alert, AlertKind, AlertRule, AlertStatus, Trouble

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALL = frozenset(AlertKind)


def rule(**facts: Any) -> AlertRule:
    return AlertRule(**{"name": "all", "targets": ("mail",), **facts})


def run_failed(job: str = "nightly", at: datetime = NOON, detail: str = "boom") -> Trouble:
    return Trouble(kind=AlertKind.RUN_FAILED, subject=job, title=f"Run of {job} failed", detail=detail, at=at, names=[job, "marts/orders"])


def failing(sensor: str = "files", at: datetime = NOON) -> Trouble:
    return Trouble(kind=AlertKind.SENSOR_FAILING, subject=sensor, title=f"Sensor {sensor} is failing", at=at, names=[sensor])


class Book:
    """What a daemon would keep, and what people were told."""

    def __init__(self, *rules: AlertRule) -> None:
        self.rules = rules or (rule(),)
        self.alerts: dict[str, Alert] = {}
        self.sent: list[Message] = []

    def look(
        self,
        now: datetime,
        *happened: Trouble,
        standing: Sequence[Trouble] = (),
        refuses: Sequence[str] = (),
        judged: frozenset[AlertKind] = ALL,
    ) -> list[str]:
        """Look at `now`; answers the titles of what was sent."""
        for alert in note_troubles(self.rules, happened, standing, list(self.alerts.values()), judged=judged, now=now):
            self.alerts[alert.id] = alert
        messages = due_messages(self.rules, list(self.alerts.values()), now=now)
        for message in messages:
            for alert in settle(message, dict.fromkeys(refuses, "no"), now=now):
                self.alerts[alert.id] = alert
        self.sent += messages
        return [message.title for message in messages]

    def statuses(self) -> list[AlertStatus]:
        return [alert.status for alert in self.alerts.values()]


def test_a_failure_is_told_at_once_and_once() -> None:
    book = Book()

    assert book.look(NOON, run_failed()) == ["Run of nightly failed"]
    assert book.look(NOON + MINUTE) == []
    assert book.sent[0].body == "boom"
    assert not book.sent[0].is_good_news
    assert book.statuses() == [AlertStatus.SENT]


def test_the_same_again_is_counted_and_told_after_the_quiet_time() -> None:
    book = Book(rule(quiet=10 * MINUTE))
    book.look(NOON, run_failed())

    for minute in range(1, 10):
        assert book.look(NOON + minute * MINUTE, run_failed(at=NOON + minute * MINUTE, detail=f"boom {minute}")) == []
    assert book.look(NOON + 10 * MINUTE) == ["Run of nightly failed (9 times)"]

    assert book.sent[-1].body.splitlines() == [f"boom {minute}" for minute in range(1, 1 + MOST_DETAILS)]
    assert book.look(NOON + 30 * MINUTE) == []


def test_different_things_at_once_are_one_message() -> None:
    book = Book()

    assert book.look(NOON, *(run_failed(f"job{number:02}") for number in range(MOST_LINES + 5))) == ["25 alerts of rule all"]

    lines = book.sent[0].body.splitlines()
    assert len(lines) == MOST_LINES + 1
    assert lines[0] == "- Run of job00 failed"
    assert lines[-1] == "- and 5 more: `partita alert list`"


def test_a_rule_tells_only_of_what_it_names() -> None:
    kinds = rule(name="sensors", on=(AlertKind.SENSOR_FAILING,))
    patterns = rule(name="marts", only=("marts/*",))
    others = rule(name="others", only=("staging/*",))
    book = Book(kinds, patterns, others)

    book.look(NOON, run_failed(), standing=[failing()])

    assert [(message.rule.name, message.title) for message in book.sent] == [
        ("sensors", "Sensor files is failing"),
        ("marts", "Run of nightly failed"),
    ]


def test_what_goes_on_is_told_when_it_begins_and_when_it_is_over() -> None:
    book = Book()

    assert book.look(NOON, standing=[failing()]) == ["Sensor files is failing"]
    for minute in range(1, 60):
        assert book.look(NOON + minute * MINUTE, standing=[failing()]) == []
    assert book.look(NOON + HOUR) == ["Over after 60 min: Sensor files is failing"]

    assert book.sent[-1].is_good_news
    assert [alert.ended_at for alert in book.alerts.values()] == [NOON + HOUR, None]
    assert book.look(NOON + 2 * HOUR) == []


def test_what_goes_on_is_told_again_if_that_is_wanted() -> None:
    book = Book(rule(repeat=HOUR, tells_end=False))
    told = [title for minute in range(121) for title in book.look(NOON + minute * MINUTE, standing=[failing()])]

    assert told == ["Sensor files is failing", "Still: Sensor files is failing", "Still: Sensor files is failing"]
    assert book.look(NOON + 3 * HOUR) == []


def test_what_comes_and_goes_is_told_once_in_the_quiet_time() -> None:
    book = Book(rule(quiet=10 * MINUTE))
    book.look(NOON, standing=[failing()])
    book.look(NOON + MINUTE)  # it is over, which is told
    for second in range(70, 600, 20):
        at = NOON + timedelta(seconds=second)
        assert book.look(at, standing=[failing(at=at)] if second % 40 == 30 else []) == []

    assert [message.title for message in book.sent] == ["Sensor files is failing", "Over after 60 s: Sensor files is failing"]
    assert book.look(NOON + 10 * MINUTE, standing=[failing()]) == ["Sensor files is failing"]
    assert set(book.statuses()) == {AlertStatus.SENT, AlertStatus.DROPPED}


def test_nothing_is_over_that_was_not_looked_at() -> None:
    book = Book()
    book.look(NOON, standing=[failing()])

    assert book.look(NOON + MINUTE, judged=ALL - {AlertKind.SENSOR_FAILING}) == []
    assert book.look(NOON + 2 * MINUTE) == ["Over after 2 min: Sensor files is failing"]


def test_a_rule_sends_no_more_than_its_limit_and_then_all_the_rest_at_once() -> None:
    book = Book(rule(limit=3))
    for minute in range(30):
        book.look(NOON + minute * MINUTE, run_failed(f"job{minute}", at=NOON + minute * MINUTE))
    assert len(book.sent) == 3
    assert next_due(book.rules, list(book.alerts.values()), now=NOON + 30 * MINUTE) == NOON + HOUR

    assert book.look(NOON + HOUR) == ["27 alerts of rule all"]
    assert set(book.statuses()) == {AlertStatus.SENT}


def test_a_target_that_refuses_is_tried_again_and_the_others_are_not() -> None:
    book = Book(rule(targets=("mail", "chat")))
    book.look(NOON, run_failed(), refuses=["chat"])
    [alert] = book.alerts.values()
    assert (alert.status, alert.waiting_for, alert.sent_at, alert.error) == (AlertStatus.WAITING, ("chat",), NOON, "chat: no")
    assert next_due(book.rules, [alert], now=NOON) == NOON + DELAYS[0]

    assert book.look(NOON + DELAYS[0] - timedelta(seconds=1)) == []
    book.look(NOON + DELAYS[0])

    [alert] = book.alerts.values()
    assert (alert.status, alert.waiting_for, alert.error) == (AlertStatus.SENT, (), None)


def test_a_target_that_refuses_for_a_day_is_given_up() -> None:
    book = Book()
    now = NOON
    book.look(now, run_failed(), refuses=["mail"])
    while (due := next_due(book.rules, list(book.alerts.values()), now=now)) is not None:
        assert due > now
        now = due
        book.look(now, refuses=["mail"])

    [alert] = book.alerts.values()
    assert (alert.status, alert.sent_at) == (AlertStatus.FAILED, None)
    assert GIVE_UP <= now - NOON < GIVE_UP + 2 * HOUR
    assert 20 < alert.attempts < 40


def test_what_happened_while_nobody_looked_for_days_is_not_told() -> None:
    book = Book()

    assert book.look(NOON, run_failed(at=NOON - timedelta(days=3)), run_failed("other", at=NOON - HOUR)) == ["Run of other failed"]


def test_alerts_of_a_rule_that_is_gone_tell_nobody() -> None:
    book = Book(rule(limit=1, quiet=MINUTE))
    book.look(NOON, run_failed("first"), standing=[failing()])
    book.look(NOON + MINUTE, run_failed("second"))
    book.rules = (rule(name="new", on=(AlertKind.DAEMON_GONE,)),)

    assert book.look(NOON + 2 * HOUR) == []
    assert set(book.statuses()) == {AlertStatus.SENT, AlertStatus.DROPPED}
    assert not any(alert.is_active for alert in book.alerts.values())
