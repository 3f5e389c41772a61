"""Alerts: what the daemon finds in its records, and real daemons, workers and targets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from partita.automation.alerts import UNDER_WAY, AlertRole
from partita.automation.timing import Timing
from partita.definitions.keys import AssetKey
from partita.definitions.policies import Freshness, Retry
from partita.definitions.specs import AssetSpec, JobSpec, RepositorySpec
from partita.planning.alerts import Message
from partita.records.alerts import Alert, AlertKind, AlertRule, AlertStatus
from partita.records.events import StepFailed
from partita.records.failures import PythonError
from partita.records.locations import LocationCatalog
from partita.records.pages import PageRequest
from partita.records.runs import RunStatus
from partita.storage.freshness import ToldFreshness
from partita.storage.retention import TickAges
from partita.storage.store import Store
from partita.workspace.alert_settings import AlertSettings, AlertTarget
from support.automations import Clock, evaluated, publish, requested, sensor
from support.receiver import Receiver, a_receiver
from support.sites import Site, a_site
from support.stores import BOOM, LOCATION, NOON, begin, checked, statements, status
from support.waiting import eventually

TARGET = AlertTarget(name="mail", url="json://127.0.0.1")
SILENCE = 60.0
WORKER = "here/1/2.3"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path}/partita.db") as opened:
        opened.locations.declare([(LOCATION, {"file": "x.py"})])
        opened.leases.acquire(f"location:{LOCATION}", owner=WORKER, ttl=timedelta(days=30))
        yield opened


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Teller:
    """The role, and what it has told."""

    def __init__(self, store: Store, *, silence: float = SILENCE, **rule: Any) -> None:
        self.store = store
        self.sent: list[Message] = []
        self.refusal: str | None = None
        settings = AlertSettings(rule=AlertRule(**{"name": "all", "targets": ("mail",), **rule}), targets=(TARGET,))
        timing = Timing(silence_of_daemons=silence, lease=timedelta(seconds=min(30.0, silence / 2)))
        self.role = AlertRole(store, [settings], timing=timing, send=self.send)

    def send(self, target: AlertTarget, message: Message, _: threading.Event) -> str | None:
        assert target is TARGET
        if self.refusal is None:
            self.sent.append(message)
        return self.refusal

    def look(self) -> list[str]:
        """Look, until nothing is on its way; answers what is told of it."""
        before = len(self.sent)
        while self.role() in {0.0, UNDER_WAY}:
            pass
        return [alert.title for message in self.sent[before:] for alert in message.alerts]


def all_alerts(store: Store) -> list[Alert]:
    """The oldest first."""
    return store.alerts.list(page=PageRequest(first=500)).items[::-1]


def fail_run(store: Store, *assets: str, job: str | None = None, **rest: Any) -> str:
    writer = begin(store, *(assets or ("orders",)), job=job, **rest)
    step = assets[0] if assets else "orders"
    writer.send(StepFailed(at=NOON, step=step, error=BOOM, duration=1), status(RunStatus.FAILED))
    return writer.run_id


def publish_job(store: Store, retry: Retry | None) -> None:
    spec = AssetSpec("orders", freshness=Freshness(within=timedelta(hours=1)))
    jobs = (JobSpec(name="nightly", assets=(AssetKey("orders"),), run_retry=retry),)
    catalog = LocationCatalog(location=LOCATION, repositories=(RepositorySpec(name="main", assets=(spec,), jobs=jobs),))
    store.locations.publish(LOCATION, catalog, python_version="3", library_version="0", start="fork")


def test_what_was_before_the_first_look_is_not_told(store: Store, clock: Clock) -> None:
    fail_run(store)
    teller = Teller(store)

    assert teller.look() == []
    run_id = fail_run(store)
    assert teller.look() == ["Run of orders failed"]

    [alert] = all_alerts(store)
    assert alert.run_id == run_id
    assert alert.details == (f"orders: step orders: {BOOM.summary} (partita run show {run_id[-8:]})",)
    assert (alert.status, alert.sent_at, alert.message_id) == (AlertStatus.SENT, clock.now, teller.sent[0].id)


def test_a_failed_run_that_is_tried_again_by_itself_is_told_when_it_is_not_any_more(store: Store, clock: Clock) -> None:
    publish_job(store, Retry(max_retries=1))
    teller = Teller(store, on=(AlertKind.RUN_FAILED,))
    teller.look()

    first = fail_run(store, "orders", job="nightly")
    assert teller.look() == []
    fail_run(store, "orders", job="nightly", parent_id=first, root_id=first)

    assert teller.look() == ["Run of job nightly failed"]


def test_a_failed_check_is_told_with_its_partition(store: Store, clock: Clock) -> None:
    teller = Teller(store)
    teller.look()
    begin(store, "orders").send(checked("orders", "fresh", passed=True), checked("orders", "sum", passed=False))

    assert teller.look() == ["Check orders:sum failed"]


def test_a_schedule_or_sensor_fails_until_a_tick_of_it_succeeds(store: Store, clock: Clock) -> None:
    publish(store, sensor())
    teller = Teller(store)
    assert teller.look() == []
    for _ in range(3):
        evaluated(store, error=PythonError(class_name="ValueError", message="no"))
        clock.move(seconds=30)
        teller.look()
    assert [message.title for message in teller.sent] == ["Sensor files is failing"]

    evaluated(store, skip_reason="nothing new")
    assert teller.look() == ["Over after 90 s: Sensor files is failing"]


def test_one_that_is_switched_off_fails_no_more(store: Store, clock: Clock) -> None:
    publish(store, sensor())
    teller = Teller(store, tells_end=False)
    teller.look()
    evaluated(store, error=BOOM)
    assert teller.look() == ["Sensor files is failing"]

    store.automations.set_on([f"{LOCATION}/main/files"], False)

    assert teller.look() == []
    assert [alert.is_active for alert in all_alerts(store)] == [False]


def test_freshness_that_is_lost_is_told_and_what_never_was_is_not(store: Store, clock: Clock) -> None:
    publish_job(store, None)
    teller = Teller(store)
    store.freshness.tell({AssetKey("never"): ToldFreshness(False, None), AssetKey("orders"): ToldFreshness(False, NOON)})

    assert teller.look() == ["Asset orders is not fresh any more"]
    assert "written within 1:00:00" in teller.sent[0].body

    store.freshness.tell({AssetKey("orders"): ToldFreshness(True, None)})
    assert teller.look() == ["Over after 0 s: Asset orders is not fresh any more"]


def test_a_location_that_cannot_be_loaded_is_told_at_once_and_one_without_worker_after_a_while(store: Store, clock: Clock) -> None:
    publish_job(store, None)
    teller = Teller(store)
    assert teller.look() == []
    store.locations.fail(LOCATION, PythonError(class_name="SyntaxError", message="bad"))
    assert teller.look() == [f"Code location {LOCATION} cannot be loaded"]
    publish_job(store, None)
    teller.look()
    store.leases.release(f"location:{LOCATION}", owner=WORKER, epoch=1)

    assert teller.look() == []
    clock.move(seconds=30)
    assert teller.look() == []
    clock.move(minutes=20)
    assert teller.look() == [f"Nobody works for code location {LOCATION}"]


def test_daemons_that_fall_silent_are_told_as_one_and_one_that_is_broken_by_itself(store: Store, clock: Clock) -> None:
    for role in ("schedules", "sensors", "retention"):
        store.leases.heartbeat(role, owner="vm/1/2.3")
    teller = Teller(store, silence=0.0)
    assert teller.look() == []

    store.leases.heartbeat("sensors", owner="vm/1/2.3", error=BOOM)
    assert teller.look() == ["The daemon cannot do its sensors"]
    clock.move(seconds=10)
    assert sorted(teller.look()) == ["No daemon is running", "Over after 10 s: The daemon cannot do its sensors"]


def test_daemons_are_not_judged_by_one_that_has_just_begun_or_slept(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    store.leases.heartbeat("schedules", owner="vm/1/2.3")
    clock.move(minutes=20)
    teller = Teller(store)
    assert teller.look() == [], "a machine that is started has not heard of its own daemons yet"

    monkeypatch.setattr(teller.role, "_judges_from", 0.0)
    store.leases.heartbeat("schedules", owner="vm/1/2.3")
    assert teller.look() == []
    clock.move(hours=8)
    assert teller.look() == [], "a laptop that was asleep neither"


def test_nothing_is_lost_when_a_daemon_dies_between_noting_and_sending(store: Store, clock: Clock) -> None:
    first = Teller(store)
    first.look()
    fail_run(store)
    first.refusal = "not now"
    first.look()
    [alert] = all_alerts(store)
    assert (alert.status, alert.attempts, alert.error) == (AlertStatus.WAITING, 1, "mail: not now")

    second = Teller(store)
    assert second.look() == []
    clock.move(seconds=30)
    assert second.look() == ["Run of orders failed"]
    assert first.look() == []


def test_of_two_daemons_that_look_at_once_one_tells(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Teller(store), Teller(store)
    first.look()
    fail_run(store)
    failures = store.troubles.failures

    def meanwhile(**where: Any) -> Any:
        monkeypatch.setattr(store.troubles, "failures", failures)
        second.look()
        return failures(**where)

    monkeypatch.setattr(store.troubles, "failures", meanwhile)

    assert first.look() == []
    assert [message.title for message in second.sent] == ["Run of orders failed"]
    assert first.look() == []


def test_many_failures_are_read_in_portions_and_all_counted(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    teller = Teller(store)
    teller.look()
    for _ in range(7):
        fail_run(store)
    failures = store.troubles.failures
    monkeypatch.setattr(store.troubles, "failures", lambda **where: failures(**{**where, "limit": 2}))

    teller.look()
    clock.move(hours=1)
    teller.look()

    assert sum(alert.count for alert in all_alerts(store)) == 7


def test_old_alerts_are_removed_and_those_that_go_on_are_not(store: Store, clock: Clock) -> None:
    publish_job(store, None)
    teller = Teller(store)
    teller.look()
    fail_run(store)
    store.freshness.tell({AssetKey("orders"): ToldFreshness(False, NOON)})
    teller.look()
    far = clock.move(days=100)

    ages = TickAges(skipped=far, launched=far, failed=far)
    pruned = store.retention.prune_automation(ticks_before=ages, evaluations_before=far, run_statuses_before=far, alerts_before=far)

    assert pruned.alerts == 1
    assert [alert.kind for alert in all_alerts(store)] == [AlertKind.FRESHNESS_LOST]


def test_a_job_of_assets_is_known_by_what_it_writes(store: Store, clock: Clock) -> None:
    publish_job(store, None)
    teller = Teller(store, only=("ord*",))
    teller.look()
    writer = begin(store, job="nightly")
    writer.send(StepFailed(at=NOON, step="orders", error=BOOM, duration=1), status(RunStatus.FAILED))

    assert teller.look() == ["Run of job nightly failed"]


def test_a_failed_run_that_is_too_old_to_be_tried_again_is_told(store: Store, clock: Clock) -> None:
    publish_job(store, Retry(max_retries=1))
    teller = Teller(store, on=(AlertKind.RUN_FAILED,))
    teller.look()
    fail_run(store, "orders", job="nightly")
    clock.move(hours=2)

    assert teller.look() == ["Run of job nightly failed"]


def test_a_location_that_is_loaded_anew_or_whose_worker_a_new_daemon_does_not_know_is_not_over(store: Store, clock: Clock) -> None:
    publish_job(store, None)
    teller = Teller(store)
    teller.look()
    store.locations.fail(LOCATION, PythonError(class_name="SyntaxError", message="bad"))
    assert teller.look() == [f"Code location {LOCATION} cannot be loaded"]
    store.locations.loading(LOCATION)
    assert teller.look() == []
    store.locations.fail(LOCATION, PythonError(class_name="SyntaxError", message="bad"))
    assert teller.look() == []

    store.leases.release(f"location:{LOCATION}", owner=WORKER, epoch=1)
    clock.move(minutes=30)
    teller.look()
    clock.move(seconds=61)
    teller.look()
    another = Teller(store)
    assert another.look() == [], "a new daemon does not take it for well"
    clock.move(seconds=61)
    assert another.look() == []


def test_rules_that_are_new_do_not_tell_of_the_past(store: Store, clock: Clock) -> None:
    teller = Teller(store)
    teller.look()
    AlertRole(store, [], timing=Timing())()
    fail_run(store)

    assert Teller(store).look() == []


def test_one_who_does_not_answer_keeps_nobody_waiting(store: Store, clock: Clock) -> None:
    answers = threading.Event()
    told: list[str] = []

    def send(target: AlertTarget, message: Message, is_ending: threading.Event) -> str | None:
        if target.name == "hangs":
            while not (answers.is_set() or is_ending.is_set()):
                is_ending.wait(0.01)
        told.append(target.name)
        return None

    targets = (AlertTarget(name="hangs", url="json://a"), AlertTarget(name="good", url="json://b"))
    rule = AlertRule(name="all", targets=("hangs", "good"), quiet=timedelta(seconds=1))
    role = AlertRole(store, [AlertSettings(rule=rule, targets=targets)], timing=Timing(), send=send)
    role()
    fail_run(store)
    eventually(lambda: (role(), told)[1] == ["good"], what="the one who answers to be told")
    clock.move(seconds=5)
    fail_run(store, "other")
    eventually(lambda: (role(), told)[1] == ["good", "good"], what="the next alert to be told meanwhile")
    answers.set()
    role.close()

    assert sorted(told) == ["good", "good", "hangs"]
    first, second = all_alerts(store)
    assert (first.status, first.told_to) == (AlertStatus.SENT, ("good", "hangs"))
    assert (second.status, second.told_to) == (AlertStatus.WAITING, ("good",)), "the rest is left to the next daemon"


SOURCE = """
@pt.asset
def broken() -> int:
    raise ValueError("no luck")


@pt.asset(freshness=pt.Freshness(within=timedelta(seconds=2)))
def quick() -> int:
    return 1
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with a_receiver() as found:
        yield found


@pytest.fixture
def site(tmp_path: Path, receiver: Receiver) -> Iterator[Site]:
    rule = f'[[alert]]\nto = "{receiver.url}"\ncommand = "sh -c \'cat >> scratch/pages\'"\n'
    with a_site(tmp_path, main=f"from datetime import timedelta\n{SOURCE}", more=rule) as made:
        yield made


def test_people_are_told_while_it_happens(site: Site, receiver: Receiver) -> None:
    site.work()
    site.start("daemon")
    eventually(lambda: site.store.alerts.turn().number > 0, seconds=30, what=f"the first look: {site.said()}")

    site.finished(site.launch("broken"))
    eventually(lambda: "Partita: Run of broken failed" in receiver.titles, seconds=20, what=f"the failure to be told: {site.said()}")
    assert "ValueError: no luck" in receiver.posts[-1]["message"]
    site.finished(site.launch("quick"))
    eventually(lambda: "Partita: Asset quick is not fresh any more" in receiver.titles, seconds=20, what=f"its age to be told: {site.said()}")

    for title in ("Run of broken failed", "Asset quick is not fresh any more"):
        eventually(lambda title=title: title in (site.scratch / "pages").read_text(), what=f"the command to be told: {title}")


@pytest.mark.faults
def test_a_worker_tells_that_the_daemon_is_gone_and_that_it_is_back(site: Site, receiver: Receiver) -> None:
    site.work(lease=2, silence_of_daemons=12)
    daemon = site.start("daemon", lease=2, silence_of_daemons=12)
    eventually(lambda: len(site.store.leases.daemons()) >= 8, seconds=30, what=f"the daemon to live: {site.said()}")
    daemon.kill()

    eventually(lambda: "Partita: No daemon is running" in receiver.titles, seconds=60, what=f"its death to be told: {site.said()}")
    site.start("daemon", lease=2, silence_of_daemons=12)
    eventually(lambda: any("Over after" in title for title in receiver.titles), seconds=60, what=f"its return to be told: {site.said()}")
    holders = {each.role: each.owner for each in site.store.leases.daemons()}

    assert holders["alerts"] == holders["schedules"], "the daemon does it again"
    assert receiver.titles.count("Partita: No daemon is running") == 1


def test_a_daemon_ends_in_time_though_somebody_does_not_answer(tmp_path: Path) -> None:
    rule = "[[alert]]\ncommand = \"sh -c 'echo x >> scratch/began; sleep 100'\"\n"
    with a_site(tmp_path, main=f"from datetime import timedelta\n{SOURCE}", more=rule) as site:
        site.work()
        daemon = site.start("daemon")
        eventually(lambda: site.store.alerts.turn().number > 0, seconds=30, what=f"the first look: {site.said()}")
        site.finished(site.launch("broken"))
        eventually((site.scratch / "began").exists, seconds=20, what=f"the command to begin: {site.said()}")
        daemon.process.terminate()

        assert daemon.process.wait(timeout=9) == 0, "it is given ten seconds"
        assert site.store.leases.acquire("daemon:alerts", owner="next", ttl=timedelta(seconds=1)) is not None
        [alert] = all_alerts(site.store)
        assert alert.status is AlertStatus.WAITING
        assert alert.error is not None
        assert alert.error.endswith("was killed: the daemon ended")


def test_what_fails_is_read_with_as_many_statements_however_many_ticks_are_under_way(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cost(count: int) -> int:
        publish(store, *(sensor(f"sensor{number}") for number in range(count)))
        for number in range(count):
            requested(store, f"{LOCATION}/main/sensor{number}")
        with statements(monkeypatch) as seen:
            assert store.troubles.failing() == []
        return len(seen)

    assert cost(3) == cost(40)
