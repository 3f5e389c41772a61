"""Who is to be told of what, and when: a function of the rules, of what has happened, of what was told, and of the time.

The same is not told twice while it goes on, nor within a rule's quiet time; what comes meanwhile is counted and told after it. What is due at once,
or was held back by a rule's limit, is told together in one message.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from partita.definitions.texts import storable
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
MOST_CHARACTERS = 500
"""Of one detail: chats refuse what is long."""

Topic = tuple[str, AlertKind, str]
"""Rule, kind and subject: what is told once."""
Question = tuple[AlertKind, str | None]
"""A kind and a subject; None: whatever the subject."""


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
    open_questions: Collection[Question] = (),
    now: datetime,
) -> list[Alert]:
    """The alerts that become of it, new ones and those that change.

    Args:
        rules: who is told of what.
        happened: what has happened since the last time.
        standing: all that goes on.
        known: the alerts that there is anything to do about, and those told of lately.
        open_questions: kinds, or subjects of a kind, of which nobody can say now whether they go on: nothing begins or ends there.
        now: the time.
    """
    book = _Book(known, now)
    all_standing = {(trouble.kind, trouble.subject) for trouble in standing}
    for rule in rules:
        for trouble in happened:
            if trouble.at > now - OLD and rule.covers(trouble):
                book.happen(rule, trouble)
        going_on = {(trouble.kind, trouble.subject): trouble for trouble in standing if rule.covers(trouble)}
        for topic, trouble in going_on.items():
            if topic not in open_questions and (trouble.kind, None) not in open_questions:
                book.go_on(rule, trouble)
        for alert in book.open_of(rule):
            topic = (alert.kind, alert.subject)
            if topic not in going_on and topic not in open_questions and (alert.kind, None) not in open_questions:
                # What still goes on, but not for this rule any more, is not over.
                book.end(rule, alert, is_told=topic not in all_standing)
    return list(book.changed.values())


def drop_untellable(rules: Sequence[AlertRule], known: Sequence[Alert], *, now: datetime) -> list[Alert]:
    """The alerts that nobody is told of any more, since the rules have changed: of rules that are gone, and for targets that theirs names no more."""
    book = _Book(known, now)
    for rule in rules:
        book.settle_without_targets(rule)
    book.forget_others({rule.name for rule in rules})
    return list(book.changed.values())


class _Book:
    """The alerts, as they become."""

    def __init__(self, known: Sequence[Alert], now: datetime) -> None:
        self._now = now
        self._alerts = {alert.id: alert for alert in known}
        self._ids: dict[Topic, list[str]] = {}
        """Of each topic, the oldest first; without those that tell of an end."""
        for alert in known:
            self._index(alert)
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
            self._begin(rule, trouble)
        elif alert.status is AlertStatus.SENT and rule.repeat is not None and alert.sent_at is not None and self._now - alert.sent_at >= rule.repeat:
            again = {"count": alert.count + 1, "last_at": self._now, "status": AlertStatus.WAITING, "due_at": self._now}
            self._keep(alert, **again, told_to=(), waiting_for=rule.targets, attempts=0)

    def end(self, rule: AlertRule, alert: Alert, *, is_told: bool) -> None:
        """What went on is over; who heard of it hears that too."""
        self._keep(alert, ended_at=self._now, **_dropped(alert))
        if alert.told_to and is_told and rule.tells_end:
            lasted = _span(self._now - alert.at)
            over = Trouble(kind=alert.kind, subject=alert.subject, title=f"Over after {lasted}: {alert.title}", at=self._now)
            self._insert(rule, over, due_at=self._now, is_end=True, told_to=tuple(each for each in rule.targets if each not in alert.told_to))

    def settle_without_targets(self, rule: AlertRule) -> None:
        """Alerts that wait only for somebody whom the rule does not name any more wait for nobody."""
        for alert in list(self._alerts.values()):
            if alert.rule == rule.name and alert.status is AlertStatus.WAITING and all(target in alert.told_to for target in rule.targets):
                self._keep(alert, **_dropped(alert))

    def open_of(self, rule: AlertRule) -> list[Alert]:
        """What goes on, by this rule."""
        return [alert for alert in self._alerts.values() if alert.rule == rule.name and alert.is_open]

    def forget_others(self, rules: Collection[str]) -> None:
        """Alerts of rules that there are not any more tell nobody."""
        for alert in list(self._alerts.values()):
            if alert.rule not in rules and alert.is_active:
                self._keep(alert, ended_at=alert.ended_at or self._now, **_dropped(alert))

    def _of(self, rule: AlertRule, trouble: Trouble) -> list[Alert]:
        """The newest first."""
        return [self._alerts[each] for each in reversed(self._ids.get((rule.name, trouble.kind, trouble.subject), []))]

    def _begin(self, rule: AlertRule, trouble: Trouble) -> None:
        """Something goes on again: what nobody heard of the last time is the same, so that one that comes and goes is one alert."""
        last = next(iter(self._of(rule, trouble)), None)
        if last is None or last.status is not AlertStatus.DROPPED or last.told_to:
            self._add(rule, trouble)
            return
        due_at = self._due_at(rule, trouble)
        again = {"status": AlertStatus.WAITING, "ended_at": None, "due_at": due_at, "waiting_for": rule.targets, "attempts": 0}
        self._keep(last, **again, at=trouble.at, last_at=self._now)

    def _add(self, rule: AlertRule, trouble: Trouble) -> None:
        self._insert(rule, trouble, due_at=self._due_at(rule, trouble))

    def _due_at(self, rule: AlertRule, trouble: Trouble) -> datetime:
        """At once, or when the rule's quiet time after the last one is over; a clock that was ahead delays nothing longer than that."""
        told = [alert.sent_at for alert in self._of(rule, trouble) if alert.sent_at is not None]
        return min(max([self._now, *(at + rule.quiet for at in told)]), self._now + rule.quiet)

    def _insert(self, rule: AlertRule, trouble: Trouble, *, due_at: datetime, is_end: bool = False, told_to: tuple[str, ...] = ()) -> None:
        alert = Alert(
            id=new_id("alert"),
            rule=rule.name,
            kind=trouble.kind,
            subject=trouble.subject,
            title=_told(trouble.title),
            details=(_told(trouble.detail),) if trouble.detail else (),
            at=trouble.at,
            last_at=trouble.at,
            due_at=due_at,
            told_to=told_to,
            waiting_for=tuple(each for each in rule.targets if each not in told_to),
            is_end=is_end,
            run_id=trouble.run_id,
        )
        self._alerts[alert.id] = self.changed[alert.id] = alert
        self._index(alert)

    def _index(self, alert: Alert) -> None:
        if not alert.is_end:
            self._ids.setdefault((alert.rule, alert.kind, alert.subject), []).append(alert.id)

    def _count(self, alert: Alert, trouble: Trouble) -> None:
        details, detail = alert.details, _told(trouble.detail)
        if detail and detail not in details and len(details) < MOST_DETAILS:
            details = (*details, detail)
        self._keep(alert, count=alert.count + 1, last_at=max(alert.last_at, trouble.at), details=details)

    def _keep(self, alert: Alert, **facts: object) -> None:
        self._alerts[alert.id] = self.changed[alert.id] = msgspec.structs.replace(alert, **facts)


def _dropped(alert: Alert) -> dict[str, object]:
    """What becomes of an alert whose trouble is over before all were told."""
    if alert.status is not AlertStatus.WAITING:
        return {}
    return {"status": AlertStatus.SENT if alert.told_to else AlertStatus.DROPPED, "due_at": None, "waiting_for": ()}


def due_messages(
    rules: Sequence[AlertRule], known: Sequence[Alert], *, busy: Collection[tuple[str, str]] = (), now: datetime
) -> list[tuple[Message, str]]:
    """What is to be sent now, and to which target: of each rule one message at most, and none while it has reached its limit.

    Args:
        rules: who is told of what.
        known: the alerts that there is anything to do about, and those told of lately.
        busy: rules and targets that are being told something: they hear of the rest afterwards.
        now: the time.
    """
    found = []
    for rule in rules:
        due = [alert for alert in known if alert.rule == rule.name and _is_due(alert, now)]
        if not due or _free_at(rule, known, now) > now:
            continue
        message_id = new_id("message")
        for target in rule.targets:
            waiting = tuple(alert for alert in due if target not in alert.told_to)
            if waiting and (rule.name, target) not in busy:
                found.append((Message(id=message_id, rule=rule, alerts=waiting), target))
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


def settle(message: Message, target: str, refusal: str | None, known: Sequence[Alert], *, now: datetime) -> list[Alert]:
    """The alerts of a message as they are when a target has taken it, or refused it and why.

    Args:
        message: what was sent.
        target: to whom.
        refusal: why it was not taken; None when it was.
        known: the alerts as they are now; one that is not among them any more is left alone.
        now: the time.
    """
    as_now = {alert.id: alert for alert in known}
    return [_settled(as_now[alert.id], message, target, refusal, now) for alert in message.alerts if alert.id in as_now]


def _settled(alert: Alert, message: Message, target: str, refusal: str | None, now: datetime) -> Alert:
    if refusal is not None:
        return _refused(alert, f"{target}: {refusal}", now)
    told_to = (*alert.told_to, target)
    left = tuple(each for each in message.rule.targets if each not in told_to)
    told = msgspec.structs.replace(alert, told_to=told_to, waiting_for=left, sent_at=now, message_id=message.id)
    if left and alert.status is AlertStatus.WAITING:
        return told
    return msgspec.structs.replace(told, status=AlertStatus.SENT, due_at=None, waiting_for=(), error=None)


def _refused(alert: Alert, error: str, now: datetime) -> Alert:
    if alert.status is not AlertStatus.WAITING:
        return alert  # it was over before
    attempts = alert.attempts + 1
    if now - alert.last_at >= GIVE_UP and attempts > len(DELAYS):
        return msgspec.structs.replace(alert, status=AlertStatus.FAILED, due_at=None, attempts=attempts, error=error)
    due_at = now + DELAYS[min(attempts, len(DELAYS)) - 1]
    return msgspec.structs.replace(alert, due_at=due_at, attempts=attempts, error=error)


def _is_due(alert: Alert, now: datetime) -> bool:
    return alert.status is AlertStatus.WAITING and alert.due_at is not None and alert.due_at <= now


def _free_at(rule: AlertRule, known: Sequence[Alert], now: datetime) -> datetime:
    """From when on the rule's limit leaves room for a message."""
    sent: dict[str, datetime] = {}
    for alert in known:
        # One that was sent later than now was sent by a clock that was ahead.
        if alert.rule == rule.name and alert.message_id is not None and alert.sent_at is not None and now - HOUR < alert.sent_at <= now:
            sent[alert.message_id] = max(alert.sent_at, sent.get(alert.message_id, alert.sent_at))
    if len(sent) < rule.limit:
        return now
    return sorted(sent.values())[-rule.limit] + HOUR


def _told(text: str) -> str:
    """A text as it can be kept and sent."""
    text = storable(text)
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}..."


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
