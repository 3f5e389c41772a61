"""Processes that use one database at the same time: `python -m support.store_processes NAME URL ...`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta

from partita.errors import PartitaError, StorageUnavailableError
from partita.records.failures import PythonError
from partita.records.queue import Limits, TagLimit
from partita.records.runs import RunRequest, RunStatus
from partita.storage.store import Store
from support.stores import OVER, Writer, claim, launch, log, materialized, plan, status

LONG = timedelta(minutes=5)
LOST = PythonError(class_name="Lost", message="its worker is gone")


def say(line: str) -> None:
    """Tell the test, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def work(url: str, name: str, rounds: str) -> None:
    """Launch, claim and run, round after round; say what was acknowledged."""
    with Store(url) as store:
        for number in range(int(rounds)):
            launch(store, f"asset_{number % 7}", partition_keys=(f"p{number % 5}",))
            for claimed in claim(store, limit=2, owner=name):
                writer = Writer(store, claimed, name)
                writer.send(plan("a"), status(RunStatus.RUNNING))
                writer.send(*(log(f"{name} {number} {line}") for line in range(5)))
                last = writer.send(materialized(f"asset_{number % 7}", f"p{number % 5}"), status(RunStatus.SUCCEEDED))
                say(f"{claimed.run.id} {last}")


def grab(url: str, name: str, rounds: str) -> None:
    """Claim until nothing has been left for some rounds; say what was claimed."""
    idle = 0
    with Store(url) as store:
        while idle < int(rounds):
            claimed = claim(store, limit=3, owner=name)
            idle = 0 if claimed else idle + 1
            for each in claimed:
                say(f"{each.run.id} {each.epoch}")


def read(url: str, name: str, rounds: str) -> None:
    """Read all the while."""
    del name
    with Store(url) as store, store.bell() as bell:
        cursor = store.changes.latest()
        for _ in range(int(rounds)):
            page = store.runs.list()
            store.runs.stats([run.id for run in page.items])
            cursor = store.changes.after(cursor).cursor
            bell.poll()


def tell(url: str, name: str) -> None:
    """Append to one run without end; say each `seq` once it is acknowledged."""
    with Store(url) as store:
        launch(store, "orders", location=name)
        [claimed] = claim(store, location=name)
        writer = Writer(store, claimed, name)
        while True:
            say(f"{claimed.run.id} {writer.send(*(log(str(writer.sent + line)) for line in range(3)))}")


def insist(url: str, name: str, batches: str) -> None:
    """Append to one run, each batch as often as it takes; say each `seq` once it is acknowledged."""
    with Store(url) as store:
        launch(store, "orders", location=name)
        [claimed] = claim(store, location=name, lease=LONG)
        writer = Writer(store, claimed, name)
        while writer.sent < 3 * int(batches):
            with suppress(StorageUnavailableError):  # whether it was written is not known, so it is sent again
                say(f"{claimed.run.id} {writer.send(*(log(str(writer.sent + line)) for line in range(3)), lease=LONG)}")


def lose(url: str, name: str, rounds: str) -> None:
    """Claim runs with leases that are over, fail those that anybody lost, and keep writing to one's own."""
    with Store(url) as store:
        refused = 0
        for number in range(int(rounds)):
            launch(store, "orders")
            for claimed in claim(store, limit=1, owner=name, lease=OVER):
                writer = Writer(store, claimed, f"{name}.{claimed.epoch}")
                try:
                    writer.send(plan("a"), status(RunStatus.RUNNING), lease=OVER)
                    for run in store.runs.expired(limit=3):
                        store.runs.fail_expired(run.id, LOST)
                    writer.send(log(f"{number}"), status(RunStatus.SUCCEEDED))
                except PartitaError:
                    refused += 1
        say(str(refused))


def share(url: str, name: str) -> None:
    """Claim under limits until nothing is queued; say after each claim how much of them is taken."""
    limits = Limits(max_concurrent=3, tags=(TagLimit(key="team", value="etl", limit=1),), pools={"dbt": 2})

    def needs(wanted: RunRequest) -> Mapping[str, int]:
        return {pool: 1 for pool in wanted.tags if pool == "dbt"}

    with Store(url) as store:
        while (seen := store.queue.state(limits, needs)).queued:
            claims = claim(store, limit=2, owner=name, limits=limits, pools_of=needs)
            if claims:
                seen = store.queue.state(limits, needs)
                say(f"{seen.running} {seen.tag_limits[0].used} {seen.pools[0].used} {' '.join(claimed.run.id for claimed in claims)}")
            for claimed in claims:
                Writer(store, claimed, name).send(plan("a"), status(RunStatus.RUNNING), status(RunStatus.SUCCEEDED))


if __name__ == "__main__":
    roles: dict[str, Callable[..., None]] = {"work": work, "read": read, "tell": tell, "lose": lose, "share": share, "grab": grab, "insist": insist}
    roles[sys.argv[1]](*sys.argv[2:])
