"""The daemon's job of alerts: finds what people want to be told of, and tells them.

What is told is written down with how far was looked, so that nothing is missed. It is sent after that and noted as sent after that: whoever dies in
between leaves it to the next, so that in the worst case somebody is told twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from partita.automation.alert_post import Delivery, Post, Tell
from partita.automation.alert_targets import tell
from partita.automation.published import PublishedWorkspace
from partita.automation.roles import Role
from partita.automation.tenancy import unique_owner
from partita.automation.timing import Timing
from partita.automation.troubles import (
    assets_of,
    broken_location,
    failed_check,
    failed_run,
    failing_automation,
    is_tried_again,
    silent_daemons,
    stale_assets,
)
from partita.errors import OperationError
from partita.planning.alerts import HOUR, OLD, Question, drop_untellable, due_messages, next_due, note_troubles, settle
from partita.records.alerts import Alert, AlertKind, Trouble
from partita.records.locations import LocationStatus
from partita.storage.alerts import AlertTurn
from partita.storage.store import Store
from partita.storage.troubles import MOST, NO_FAILURES, NewFailures
from partita.workspace.alert_settings import AlertSettings

logger = logging.getLogger(__name__)
ROLE = "alerts"
LOOK = 15.0
"""Seconds between looks without a cause."""
REST = 1.0
"""Seconds between looks while things happen."""
UNDER_WAY = 0.2
"""Seconds between looks while something is being sent."""
FAREWELL = 4.0
"""Seconds for what is being sent when the daemon ends: it is given ten in all."""
BEHIND = 1000
"""Ends of runs after which it is written how far was looked, although none of them was a failure."""
MOST_EXPLAINED = 50
"""Failed runs of one look that are told with the step that failed."""


class AlertRole:
    """One look at all that people may want to be told of. What is sent is on its way meanwhile; a later look notes what became of it."""

    def __init__(self, store: Store, settings: Sequence[AlertSettings], *, timing: Timing, send: Tell = tell, is_standing_in: bool = False) -> None:
        self._store = store
        self._rules = [each.rule for each in settings]
        self._targets = {target.name: target for each in settings for target in each.targets}
        self._silence = timing.silence_limit
        self._is_standing_in = is_standing_in  # our rules may be others than the daemon's: what waits for those is not ours to drop
        self._post = Post(send)
        self._workspace = PublishedWorkspace(store)
        self._is_tidy = is_standing_in
        """Whether nothing of ours waits any more for rules that there are not."""
        self._looked_at: datetime | None = None
        self.begin()

    def begin(self) -> None:
        """It is ours to tell from now on: daemons and workers that were just started with this one may not have said anything yet."""
        self._judges_from = time.monotonic() + self._silence.total_seconds()
        self._unreachable: dict[str, datetime] = {}
        """Locations for which nobody works, and since when that is known."""

    def __call__(self) -> float:
        """Look, and tell; answers the seconds until the next look."""
        if not self._rules and self._is_tidy:
            return LOOK
        now = self._store.now()
        self._note_delivered(self._post.delivered(), now)
        turn = self._store.alerts.turn()
        known = self._store.alerts.current(since=self._since(now))
        failures = self._store.troubles.failures(run=turn.run, check=turn.check, limit=MOST) if self._rules else NO_FAILURES
        standing, open_questions = self._standing(now)
        dropped = [] if self._is_standing_in else drop_untellable(self._rules, known, now=now)
        happened, known = self._happened(failures, now), _with(known, dropped)
        noted = note_troubles(self._rules, happened, standing, known, open_questions=open_questions, now=now)
        changed = _with(dropped, noted)
        if changed or _has_moved(turn, failures):
            if self._store.alerts.commit(turn, AlertTurn(run=failures.run, check=failures.check), changed) is None:
                return 0.0  # another was first
            known = _with(known, changed)
        for message, target in due_messages(self._rules, known, busy=self._post.under_way, now=now):
            if not self._post.is_full:
                self._post.send(self._targets[target], message)
        self._is_tidy = True
        return self._patience(failures, known, now)

    def close(self) -> None:
        """Note what becomes of what is on its way, if that is soon."""
        self._note_delivered(self._post.close(seconds=FAREWELL), self._store.now())

    def _note_delivered(self, deliveries: Sequence[Delivery], now: datetime) -> None:
        for delivery in deliveries:
            if delivery.refusal is not None:
                logger.warning(
                    "an alert was not taken", extra={"rule": delivery.message.rule.name, "target": delivery.target, "error": delivery.refusal}
                )
            written = None
            while written is None:  # another daemon that tells at the same moment must not make us forget whom we have told
                turn = self._store.alerts.turn()
                known = self._store.alerts.current(since=self._since(now))
                written = self._store.alerts.commit(turn, turn, settle(delivery.message, delivery.target, delivery.refusal, known, now=now))

    def _since(self, now: datetime) -> datetime:
        """How long ago something may have been told that still counts."""
        return now - max([HOUR, *(rule.quiet for rule in self._rules)])

    def _patience(self, failures: NewFailures, known: Sequence[Alert], now: datetime) -> float:
        if failures.has_more:
            return 0.0
        if self._post.under_way:
            return UNDER_WAY
        due = next_due(self._rules, known, now=now)
        return LOOK if due is None else min(LOOK, max(REST, (due - now).total_seconds()))

    def _happened(self, failures: NewFailures, now: datetime) -> list[Trouble]:
        if not (failures.runs or failures.results):
            return []
        workspace = self._workspace.read()
        news = [run for run in failures.runs if run.ended_at is None or run.ended_at > now - OLD]
        runs = [run for run in news if not is_tried_again(run, workspace, now=now)]
        steps = self._store.runs.steps([run.id for run in runs[:MOST_EXPLAINED]]) if runs else {}
        told = [failed_run(run, steps.get(run.id, ()), assets_of(run, workspace)) for run in runs]
        return [*told, *map(failed_check, failures.results)]

    def _standing(self, now: datetime) -> tuple[list[Trouble], set[Question]]:
        """All that goes on, and what cannot be judged now."""
        open_questions: set[Question] = set()
        if not self._rules:
            return [], open_questions
        found = list(stale_assets(self._store.freshness.overdue(), self._workspace.read()))
        found += [failing_automation(automation, tick) for automation, tick in self._store.troubles.failing()]
        self._look_at_locations(found, open_questions, now)
        if self._looked_at is not None and now - self._looked_at > timedelta(seconds=3 * LOOK):
            # This process has slept, and so may have all others of this machine.
            self.begin()
        self._looked_at = now
        if time.monotonic() >= self._judges_from:
            found += silent_daemons(self._store.leases.daemons(), now=now, silence=self._silence, own=[ROLE])
        else:
            open_questions.add((AlertKind.DAEMON_GONE, None))
        return found, open_questions

    def _look_at_locations(self, found: list[Trouble], open_questions: set[Question], now: datetime) -> None:
        records = self._store.locations.list()
        gone = [record.name for record in records if record.status is LocationStatus.UNREACHABLE]
        self._unreachable = {name: self._unreachable.get(name, now) for name in gone}
        for record in records:
            since = self._unreachable.get(record.name, now)
            # A worker that is started anew takes a moment, and what is being loaded may be well or not.
            is_unclear = record.status is LocationStatus.LOADING or (record.name in self._unreachable and now - since < self._silence)
            if is_unclear:
                open_questions.add((AlertKind.LOCATION_BROKEN, record.name))
            elif (trouble := broken_location(record, since)) is not None:
                found.append(trouble)


class AlertStandby:
    """Tells people in place of the daemon while there is none: a thread of a worker."""

    def __init__(self, store: Store, settings: Sequence[AlertSettings], *, timing: Timing) -> None:
        self._store = store
        self._owner = unique_owner()
        self._role = alert_role(store, settings, owner=self._owner, timing=timing, is_standing_in=True)
        self._silence = timing.silence_limit
        self._interval = min(LOOK, self._silence.total_seconds() / 4, timing.renewal)
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="partita-alerts", daemon=True)
        self._thread.start()

    def close(self, *, seconds: float) -> None:
        """End, within so many seconds."""
        self._is_ending.set()
        self._thread.join(seconds)

    def _work(self) -> None:
        while not self._is_ending.wait(self._interval):
            try:
                if self._is_needed():
                    self._role.act()
                else:
                    self._role.end()
            except OperationError as error:
                logger.warning("the database does not answer", extra={"role": ROLE, "error": str(error)})
            except Exception:  # nobody else would tell, so it is tried again
                logger.exception("whether a daemon lives cannot be told")
        self._role.end()

    def _is_needed(self) -> bool:
        """Whether daemons have lived and all say nothing any more."""
        others = [record for record in self._store.leases.daemons() if record.owner != self._owner and record.heartbeat_at is not None]
        now = self._store.now()
        return bool(others) and all(record.heartbeat_at is None or now - record.heartbeat_at > self._silence for record in others)


def alert_role(store: Store, settings: Sequence[AlertSettings], *, owner: str, timing: Timing, is_standing_in: bool = False) -> Role:
    """The role, for a daemon or who stands in for one."""
    job = AlertRole(store, settings, timing=timing, is_standing_in=is_standing_in)
    return Role(ROLE, job, store=store, owner=owner, timing=timing, rest=REST, begin=job.begin, close=job.close)


def _has_moved(turn: AlertTurn, failures: NewFailures) -> bool:
    if turn.run is None or turn.check is None or failures.run is None or failures.check is None:
        return (turn.run, turn.check) != (failures.run, failures.check)
    return bool(failures.runs or failures.results) or failures.run - turn.run > BEHIND or failures.check - turn.check > BEHIND


def _with(known: Sequence[Alert], changed: Sequence[Alert]) -> list[Alert]:
    return list({**{alert.id: alert for alert in known}, **{alert.id: alert for alert in changed}}.values())
