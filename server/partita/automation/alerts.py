"""The daemon's job of alerts: finds what people want to be told of, and tells them.

What is told is written down with how far was looked, so that nothing is missed. It is sent after that and noted as sent after that: whoever dies in
between leaves it to the next, so that in the worst case somebody is told twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from partita.automation.alert_targets import tell
from partita.automation.published import PublishedWorkspace
from partita.automation.roles import Role
from partita.automation.tenancy import unique_owner
from partita.automation.timing import Timing
from partita.automation.troubles import broken_location, failed_check, failed_run, failing_automation, is_tried_again, silent_daemons, stale_assets
from partita.errors import OperationError
from partita.planning.alerts import HOUR, Message, due_messages, next_due, note_troubles, settle
from partita.records.alerts import Alert, AlertKind, Trouble
from partita.records.locations import LocationStatus
from partita.storage.alerts import AlertTurn
from partita.storage.store import Store
from partita.storage.troubles import Failures
from partita.workspace.alert_settings import AlertSettings, AlertTarget

logger = logging.getLogger(__name__)
ROLE = "alerts"
LOOK = 15.0
"""Seconds between looks without a cause."""
REST = 1.0
"""Seconds between looks while things happen."""
BEHIND = 1000
"""Ends of runs after which it is written how far was looked, although none of them was a failure."""
Tell = Callable[[AlertTarget, Message], str | None]


class AlertRole:
    """One look at all that people may want to be told of."""

    def __init__(self, store: Store, settings: Sequence[AlertSettings], *, timing: Timing, send: Tell = tell) -> None:
        self._store = store
        self._rules = [each.rule for each in settings]
        self._targets = {target.name: target for each in settings for target in each.targets}
        self._silence = timedelta(seconds=timing.silence_of_daemons)
        self._send = send
        self._workspace = PublishedWorkspace(store)
        self._judges_from = time.monotonic() + timing.silence_of_daemons
        """Until then daemons and workers that have just been started with this one may not have said anything yet."""
        self._is_tidy = False
        """Whether nothing waits any more for rules that there are not."""
        self._looked_at: datetime | None = None
        self._unreachable: dict[str, datetime] = {}
        """Locations for which nobody works, and since when that is known."""

    def __call__(self) -> float:
        """Look, and tell; answers the seconds until the next look."""
        if not self._rules and self._is_tidy:
            return LOOK
        now = self._store.now()
        turn = self._store.alerts.turn()
        failures = self._store.troubles.failures(run=turn.run, check=turn.check)
        standing, judged = self._standing(now)
        known = self._store.alerts.current(since=now - max([HOUR, *(rule.quiet for rule in self._rules)]))
        changed = note_troubles(self._rules, self._happened(failures), standing, known, judged=judged, now=now)
        reached = AlertTurn(run=failures.run, check=failures.check)
        if changed or _has_moved(turn, reached, failures):
            written = self._store.alerts.commit(turn, reached, changed)
            if written is None:
                return 0.0  # another was first
            turn = written
        known = _with(known, changed)
        for message in due_messages(self._rules, known, now=now):
            settled = settle(message, self._tell(message), now=self._store.now())
            written = self._store.alerts.commit(turn, turn, settled)
            if written is None:
                return 0.0
            turn, known = written, _with(known, settled)
        if failures.has_more:
            return 0.0
        self._is_tidy = True
        due = next_due(self._rules, known, now=now)
        return LOOK if due is None else min(LOOK, max(REST, (due - now).total_seconds()))

    def _happened(self, failures: Failures) -> list[Trouble]:
        if not (failures.runs or failures.results):
            return []
        workspace = self._workspace.read()
        runs = [run for run in failures.runs if not is_tried_again(run, workspace)]
        steps = self._store.runs.steps([run.id for run in runs]) if runs else {}
        return [*(failed_run(run, steps.get(run.id, ())) for run in runs), *(failed_check(result) for result in failures.results)]

    def _standing(self, now: datetime) -> tuple[list[Trouble], set[AlertKind]]:
        """All that goes on, and the kinds that can be judged."""
        found = list(stale_assets(((str(key), told) for key, told in self._store.freshness.read().items()), self._workspace.read()))
        found += [failing_automation(automation, tick) for automation, tick in self._store.troubles.failing()]
        found += self._locations(now)
        judged = set(AlertKind)
        if self._looked_at is not None and now - self._looked_at > timedelta(seconds=3 * LOOK):
            # This process has slept, and so may have all others of this machine.
            self._judges_from = time.monotonic() + self._silence.total_seconds()
        self._looked_at = now
        if time.monotonic() >= self._judges_from:
            found += silent_daemons(self._store.leases.daemons(), now=now, silence=self._silence, own=[ROLE])
        else:
            judged.discard(AlertKind.DAEMON_GONE)
        return found, judged

    def _locations(self, now: datetime) -> list[Trouble]:
        records = self._store.locations.list()
        self._unreachable = {
            record.name: self._unreachable.get(record.name, now) for record in records if record.status is LocationStatus.UNREACHABLE
        }
        found = []
        for record in records:
            since = self._unreachable.get(record.name)
            is_known = since is None or now - since >= self._silence  # a worker that is started anew takes a moment
            trouble = broken_location(record, since or now) if is_known else None
            if trouble is not None:
                found.append(trouble)
        return found

    def _tell(self, message: Message) -> Mapping[str, str]:
        """Send it to everybody who waits for some of it; answers who has refused, and why."""
        refused: dict[str, str] = {}
        for name in dict.fromkeys(name for alert in message.alerts for name in alert.waiting_for):
            target = self._targets.get(name)
            if target is None:
                continue  # the rule does not name it any more
            waiting = tuple(alert for alert in message.alerts if name in alert.waiting_for)
            refusal = self._send(target, Message(id=message.id, rule=message.rule, alerts=waiting))
            if refusal is not None:
                refused[name] = refusal
                logger.warning("an alert was not taken", extra={"rule": message.rule.name, "target": name, "error": refusal})
        return refused


class AlertStandby:
    """Tells people in place of the daemon while there is none: a thread of a worker."""

    def __init__(self, store: Store, settings: Sequence[AlertSettings], *, timing: Timing) -> None:
        self._store = store
        self._owner = unique_owner()
        self._role = Role(ROLE, AlertRole(store, settings, timing=timing), store=store, owner=self._owner, timing=timing)
        self._silence = timedelta(seconds=timing.silence_of_daemons)
        self._interval = min(LOOK, timing.silence_of_daemons / 4, timing.renewal)
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
        self._role.end()

    def _is_needed(self) -> bool:
        """Whether daemons have lived and all say nothing any more."""
        others = [record for record in self._store.leases.daemons() if record.owner != self._owner and record.heartbeat_at is not None]
        now = self._store.now()
        return bool(others) and all(record.heartbeat_at is None or now - record.heartbeat_at > self._silence for record in others)


def _has_moved(turn: AlertTurn, reached: AlertTurn, failures: Failures) -> bool:
    if turn.run is None or turn.check is None:
        return True
    return bool(failures.runs or failures.results) or (reached.run or 0) - turn.run > BEHIND or (reached.check or 0) - turn.check > BEHIND


def _with(known: Sequence[Alert], changed: Sequence[Alert]) -> list[Alert]:
    return list({**{alert.id: alert for alert in known}, **{alert.id: alert for alert in changed}}.values())
