"""Who is to be told of what, and when: a function of the rules, of what has happened, of what was told, and of the time.

The same is not told twice while it goes on, nor within a rule's quiet time; what comes meanwhile is counted and told after it. What is due at once,
or was held back by a rule's limit, is told together in one message.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from partita.records.alerts import Alert, AlertKind, AlertRule, AlertStatus, Trouble
from partita.records.ids import new_id

HOUR = timedelta(hours=1)
"""What the limit of a rule refers to."""
OLD = timedelta(days=1)
"""What happened before is not told any more: nobody looked while it was news."""
GIVE_UP = timedelta(days=1)
"""For so long a target that refuses an alert is tried again."""
DELAYS = (timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10), timedelta(hours=1))
"""Until the next try; the last for all that follow."""
MOST_DETAILS = 5
MOST_LINES = 20
"""Alerts that a message names."""

Topic = tuple[str, AlertKind, str]
"""Rule, kind and subject: what is told once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent: one alert, or several at once."""

    id: str
    rule: AlertRule
    alerts: tuple[Alert, ...]

    @property
    def is_good_news(self) -> bool:
        """Whether it tells only that something is over."""
        return all(alert.is_end for alert in self.alerts)

    @property
    def title(self) -> str:
        """One line."""
        if len(self.alerts) == 1:
            return _headline(self.alerts[0])
        return f"{len(self.alerts)} alerts of rule {self.rule.name}"

    @property
    def body(self) -> str:
        """What there is to say."""
        if len(self.alerts) == 1:
            return "\n".join(self.alerts[0].details) or _headline(self.alerts[0])
        lines = [f"- {_headline(alert)}" for alert in self.alerts[:MOST_LINES]]
        if len(self.alerts) > MOST_LINES:
            lines.append(f"- and {len(self.alerts) - MOST_LINES} more: `partita alert list`")
        return "\n".join(lines)


def note_troubles(
    rules: Sequence[AlertRule],
    happened: Sequence[Trouble],
    standing: Sequence[Trouble],
    known: Sequence[Alert],
    *,
    judged: Collection[AlertKind],
    now: datetime,
) -> list[Alert]:
    """The alerts that become of it, new ones and those that change.

    Args:
        rules: who is told of what.
        happened: what has happened since the last time.
        standing: all that goes on.
        known: the alerts that there is anything to do about, and those told of lately.
        judged: the kinds of `standing` that were looked at: what is not in it of these is over.
        now: the time.
    """
    book = _Book(known, now)
    for rule in rules:
        for trouble in happened:
            if trouble.at > now - OLD and rule.covers(trouble):
                book.happen(rule, trouble)
        going_on = {(trouble.kind, trouble.subject): trouble for trouble in standing if rule.covers(trouble)}
        for trouble in going_on.values():
            book.go_on(rule, trouble)
        for alert in book.open_of(rule):
            if alert.kind in judged and (alert.kind, alert.subject) not in going_on:
                book.end(rule, alert)
    book.forget_others({rule.name for rule in rules})
    return list(book.changed.values())


class _Book:
    """The alerts, as they become."""

    def __init__(self, known: Sequence[Alert], now: datetime) -> None:
        self._now = now
        self._alerts = {alert.id: alert for alert in known}
        self.changed: dict[str, Alert] = {}

    def happen(self, rule: AlertRule, trouble: Trouble) -> None:
        """Something has happened once."""
        waiting = next((each for each in self._of(rule, trouble) if each.status is AlertStatus.WAITING and each.sent_at is None), None)
        if waiting is None:
            self._add(rule, trouble)
        else:
            self._count(waiting, trouble)

    def go_on(self, rule: AlertRule, trouble: Trouble) -> None:
        """Something goes on."""
        alert = next((each for each in self._of(rule, trouble) if each.is_open), None)
        if alert is None:
            self._add(rule, trouble)
        elif alert.status is AlertStatus.SENT and rule.repeat is not None and alert.sent_at is not None and self._now - alert.sent_at >= rule.repeat:
            self._keep(
                alert, count=alert.count + 1, last_at=self._now, status=AlertStatus.WAITING, due_at=self._now, waiting_for=rule.targets, attempts=0
            )

    def end(self, rule: AlertRule, alert: Alert) -> None:
        """What went on is over."""
        is_untold = alert.sent_at is None
        dropped = {"status": AlertStatus.DROPPED, "due_at": None, "waiting_for": ()} if alert.status is AlertStatus.WAITING else {}
        self._keep(alert, ended_at=self._now, **dropped)
        if not is_untold and rule.tells_end:
            lasted = _span(self._now - alert.at)
            told = Trouble(kind=alert.kind, subject=alert.subject, title=f"Over after {lasted}: {alert.title}", at=self._now)
            self._insert(rule, told, due_at=self._now, is_end=True)

    def open_of(self, rule: AlertRule) -> list[Alert]:
        """What goes on, by this rule."""
        return [alert for alert in self._alerts.values() if alert.rule == rule.name and alert.is_open]

    def forget_others(self, rules: Collection[str]) -> None:
        """Alerts of rules that there are not any more tell nobody."""
        for alert in list(self._alerts.values()):
            if alert.rule not in rules and alert.is_active:
                dropped = {"status": AlertStatus.DROPPED, "due_at": None, "waiting_for": ()} if alert.status is AlertStatus.WAITING else {}
                self._keep(alert, ended_at=alert.ended_at or self._now, **dropped)

    def _of(self, rule: AlertRule, trouble: Trouble) -> Iterable[Alert]:
        topic = (rule.name, trouble.kind, trouble.subject)
        return [alert for alert in reversed(list(self._alerts.values())) if _topic(alert) == topic and not alert.is_end]

    def _add(self, rule: AlertRule, trouble: Trouble) -> None:
        told = [alert.sent_at for alert in self._of(rule, trouble) if alert.sent_at is not None]
        due_at = max(self._now, max(told) + rule.quiet) if told else self._now
        self._insert(rule, trouble, due_at=due_at)

    def _insert(self, rule: AlertRule, trouble: Trouble, *, due_at: datetime, is_end: bool = False) -> None:
        alert = Alert(
            id=new_id("alert"),
            rule=rule.name,
            kind=trouble.kind,
            subject=trouble.subject,
            title=trouble.title,
            details=(trouble.detail,) if trouble.detail else (),
            at=trouble.at,
            last_at=trouble.at,
            due_at=due_at,
            waiting_for=rule.targets,
            is_end=is_end,
            run_id=trouble.run_id,
        )
        self._alerts[alert.id] = self.changed[alert.id] = alert

    def _count(self, alert: Alert, trouble: Trouble) -> None:
        details = alert.details
        if trouble.detail and trouble.detail not in details and len(details) < MOST_DETAILS:
            details = (*details, trouble.detail)
        self._keep(alert, count=alert.count + 1, last_at=max(alert.last_at, trouble.at), details=details)

    def _keep(self, alert: Alert, **facts: object) -> None:
        self._alerts[alert.id] = self.changed[alert.id] = msgspec.structs.replace(alert, **facts)


def due_messages(rules: Sequence[AlertRule], known: Sequence[Alert], *, now: datetime) -> list[Message]:
    """What is to be sent now: of each rule one message at most, and none while it has reached its limit."""
    found = []
    for rule in rules:
        due = [alert for alert in known if alert.rule == rule.name and _is_due(alert, now)]
        if due and _free_at(rule, known, now) <= now:
            found.append(Message(id=new_id("message"), rule=rule, alerts=tuple(due)))
    return found


def next_due(rules: Sequence[AlertRule], known: Sequence[Alert], *, now: datetime) -> datetime | None:
    """When there may be something to send, or to tell again; None: not until something happens."""
    times: list[datetime] = []
    for rule in rules:
        own = [alert for alert in known if alert.rule == rule.name]
        waiting = [alert.due_at for alert in own if alert.status is AlertStatus.WAITING and alert.due_at is not None]
        if waiting:
            times.append(max(min(waiting), _free_at(rule, known, now)))
        if rule.repeat is not None:
            times += [alert.sent_at + rule.repeat for alert in own if alert.is_open and alert.sent_at is not None]
    return min(times, default=None)


def settle(message: Message, refused: Mapping[str, str], *, now: datetime) -> list[Alert]:
    """The alerts of a message that was sent.

    Args:
        message: what was sent to each target that one of its alerts waited for.
        refused: the targets that did not take it, and why.
        now: the time.
    """
    return [_settled(alert, message, refused, now) for alert in message.alerts]


def _settled(alert: Alert, message: Message, refused: Mapping[str, str], now: datetime) -> Alert:
    left = tuple(target for target in alert.waiting_for if target in refused)
    taken = len(left) < len(alert.waiting_for)
    told = {"sent_at": now, "message_id": message.id} if taken else {}
    if not left:
        return msgspec.structs.replace(alert, status=AlertStatus.SENT, due_at=None, waiting_for=(), error=None, **told)
    attempts = alert.attempts + 1
    error = "; ".join(f"{target}: {refused[target]}" for target in left)
    if now - alert.last_at >= GIVE_UP and attempts > len(DELAYS):
        return msgspec.structs.replace(alert, status=AlertStatus.FAILED, due_at=None, waiting_for=left, attempts=attempts, error=error, **told)
    due_at = now + DELAYS[min(attempts, len(DELAYS)) - 1]
    return msgspec.structs.replace(alert, due_at=due_at, waiting_for=left, attempts=attempts, error=error, **told)


def _is_due(alert: Alert, now: datetime) -> bool:
    return alert.status is AlertStatus.WAITING and alert.due_at is not None and alert.due_at <= now


def _free_at(rule: AlertRule, known: Sequence[Alert], now: datetime) -> datetime:
    """From when on the rule's limit leaves room for a message."""
    sent: dict[str, datetime] = {}
    for alert in known:
        if alert.rule == rule.name and alert.message_id is not None and alert.sent_at is not None and alert.sent_at > now - HOUR:
            sent[alert.message_id] = max(alert.sent_at, sent.get(alert.message_id, alert.sent_at))
    if len(sent) < rule.limit:
        return now
    return sorted(sent.values())[-rule.limit] + HOUR


def _topic(alert: Alert) -> Topic:
    return alert.rule, alert.kind, alert.subject


def _headline(alert: Alert) -> str:
    if alert.count == 1:
        return alert.title
    return f"Still: {alert.title}" if alert.kind.goes_on else f"{alert.title} ({alert.count} times)"


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    minutes, hours = seconds // 60, seconds // 3600
    return f"{minutes} min" if minutes < 120 else f"{hours} h" if hours < 48 else f"{hours // 24} days"
