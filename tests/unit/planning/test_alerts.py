"""Who is told of what, and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from partita.planning.alerts import (
    DELAYS,
    GIVE_UP,
    HOUR,
    MOST_CHARACTERS,
    MOST_DETAILS,
    MOST_LINES,
    Message,
    Question,
    drop_untellable,
    due_messages,
    next_due,
    note_troubles,
    settle,
)
from partita.records.alerts import Alert, AlertKind, AlertRule, AlertStatus, Trouble

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


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
        self.told: dict[str, list[str]] = defaultdict(list)
        """What each target has taken."""

    def look(
        self,
        now: datetime,
        *happened: Trouble,
        standing: Sequence[Trouble] = (),
        refuses: Sequence[str] = (),
        unclear: Sequence[Question] = (),
        is_standing_in: bool = False,
    ) -> list[str]:
        """Look at `now`; answers the titles of what was sent, and by whom it was taken if not by all."""
        if not is_standing_in:
            self._take(drop_untellable(self.rules, self.known, now=now))
        self._take(note_troubles(self.rules, happened, standing, self.known, open_questions=unclear, now=now))
        sent: dict[str, Message] = {}
        for message, target in due_messages(self.rules, self.known, now=now):
            sent[message.id] = message
            self._take(settle(message, target, "no" if target in refuses else None, self.known, now=now))
            if target not in refuses:
                self.told[target] += [alert.title for alert in message.alerts]
        self.sent += sent.values()
        return [message.title for message in sent.values()]

    @property
    def known(self) -> list[Alert]:
        return list(self.alerts.values())

    def _take(self, changed: Sequence[Alert]) -> None:
        self.alerts |= {alert.id: alert for alert in changed}

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
    assert set(book.statuses()) == {AlertStatus.SENT}


def test_nothing_is_over_that_was_not_looked_at() -> None:
    book = Book()
    book.look(NOON, standing=[failing()])

    assert book.look(NOON + MINUTE, unclear=[(AlertKind.SENSOR_FAILING, None)]) == []
    assert book.look(NOON + MINUTE, unclear=[(AlertKind.SENSOR_FAILING, "files")]) == []
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


def test_a_target_that_was_given_another_address_hears_what_waited() -> None:
    book = Book(rule(targets=("mail", "slack-old")))
    book.look(NOON, run_failed(), refuses=["slack-old"])
    book.rules = (rule(targets=("mail", "slack-new")),)

    book.look(NOON + DELAYS[0])

    assert book.told == {"mail": ["Run of nightly failed"], "slack-new": ["Run of nightly failed"]}
    assert book.statuses() == [AlertStatus.SENT]


def test_what_waits_only_for_somebody_whom_the_rule_names_no_more_waits_for_nobody() -> None:
    book = Book(rule(targets=("mail", "chat")))
    book.look(NOON, run_failed(), refuses=["chat"])
    book.rules = (rule(targets=("mail",)),)

    assert book.look(NOON + HOUR) == []
    assert book.statuses() == [AlertStatus.SENT]


def test_who_stands_in_with_other_rules_leaves_waiting_what_is_not_for_it_to_tell() -> None:
    rules = (rule(on=(AlertKind.RUN_FAILED,), targets=("mail", "chat")), rule(name="other", on=(AlertKind.SENSOR_FAILING,)))
    book = Book(*rules)
    book.look(NOON, run_failed(), standing=[failing()], refuses=["chat", "mail"])

    book.rules = (rule(on=(AlertKind.RUN_FAILED,), targets=("mail",)),)
    book.look(NOON + MINUTE, standing=[failing()], is_standing_in=True)
    book.rules = rules
    book.look(NOON + HOUR, standing=[failing()])

    assert book.told == {"mail": ["Run of nightly failed", "Sensor files is failing"], "chat": ["Run of nightly failed"]}
    assert book.statuses() == [AlertStatus.SENT, AlertStatus.SENT]


def test_the_end_is_told_to_those_who_heard_of_the_beginning() -> None:
    book = Book(rule(targets=("mail", "chat")))
    book.look(NOON, standing=[failing()], refuses=["chat"])
    book.look(NOON + DELAYS[0])

    assert book.told == {"mail": ["Sensor files is failing", "Over after 30 s: Sensor files is failing"]}
    assert set(book.statuses()) == {AlertStatus.SENT}


def test_a_rule_that_is_narrowed_does_not_say_that_anything_is_over() -> None:
    book = Book()
    book.look(NOON, standing=[failing()])
    book.rules = (rule(only=("other",)),)

    assert book.look(NOON + MINUTE, standing=[failing()]) == []
    assert not any(alert.is_active for alert in book.known)


def test_a_clock_that_was_ahead_mutes_nobody() -> None:
    book = Book(rule(limit=1, quiet=10 * MINUTE))
    book.look(NOON + timedelta(days=365), run_failed(at=NOON + timedelta(days=365)))

    told = [*book.look(NOON, run_failed()), *(title for minute in range(121) for title in book.look(NOON + minute * MINUTE))]
    assert told == ["Run of nightly failed"]


def test_one_that_comes_and_goes_in_the_quiet_time_is_one_alert() -> None:
    book = Book(rule(quiet=HOUR))
    book.look(NOON, standing=[failing()])
    book.look(NOON + MINUTE)
    for number in range(2, 40):
        book.look(NOON + number * MINUTE, standing=[failing()] if number % 2 else [])

    assert len(book.alerts) == 3, "the first, its end, and the one that comes and goes"


def test_long_and_odd_texts_are_cut_and_cleaned() -> None:
    book = Book()
    book.look(NOON, run_failed(detail="x" * 10_000 + "\0"), run_failed("odd", detail="a\0b\ud800c"))

    long, odd = book.known
    assert len(long.details[0]) == MOST_CHARACTERS + 3
    assert odd.details == ("a?b?c",)


def test_nobody_is_told_twice_at_the_same_time() -> None:
    book = Book(rule(targets=("mail", "chat")))
    book.alerts = {alert.id: alert for alert in note_troubles(book.rules, [run_failed()], [], [], now=NOON)}

    assert [target for _, target in due_messages(book.rules, book.known, busy=[("all", "mail")], now=NOON)] == ["chat"]
