"""The queue through the API: how full its limits are, and why each queued run waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

import partita as pt
from partita.api.app import create_app
from partita.records.queue import TagLimit
from partita.records.runs import RunRequest
from partita.storage.leases import location_lease
from partita.workspace.settings import RunsSettings
from support.api import LEASE, Api, listening

WAITING = "{ runs(filter: { statuses: [QUEUED] }) { nodes { id waitReason { kind message } } } }"
QUEUE = "{ server { queue { queued running maxConcurrent pools { name limit used waiting } tagLimits { key value limit used waiting } } } }"


@pt.op(pool="dbt")
def build() -> None:
    return None


@pt.op
def greet() -> None:
    return None


@pt.job
def heavy() -> None:
    build()


@pt.job
def hello() -> None:
    greet()


@pytest.fixture
def limited(api: Api) -> Iterator[Api]:
    """The API of a workspace in which at most three runs are active, one of the team etl and one with the pool dbt."""
    api.publish("ingest", jobs=[heavy, hello])
    runs = RunsSettings(max_concurrent=3, limits=(TagLimit(key="team", value="etl", limit=1),))
    settings = replace(api.settings, runs=runs, pools={"dbt": 1, "closed": 0})
    with listening(create_app(api.store, settings=settings)) as port:
        yield Api(api.store, settings, port)


def hold(api: Api, **rest: Any) -> str:
    """Id of a run that a worker holds."""
    run = api.run(**rest)
    terms: dict[str, Any] = {"owner": "worker", "location": "ingest", "catalog_hash": "abc", "limits": api.settings.limits, "pools_of": pools_of}
    assert [each.run.id for each in api.store.runs.claim(limit=1, lease=LEASE, **terms)] == [run.id]
    return run.id


def pools_of(request: RunRequest) -> Mapping[str, int]:
    """What the worker knows of the jobs here."""
    return {"dbt": 1} if request.job == "heavy" else {}


def reasons(api: Api) -> dict[str, tuple[str, str]]:
    """What each queued run waits for, and the words for it."""
    nodes = api.ask(WAITING)["runs"]["nodes"]
    return {each["id"]: (each["waitReason"]["kind"], each["waitReason"]["message"]) for each in nodes}


def test_every_queued_run_says_why_it_waits(limited: Api) -> None:
    hold(limited, job="heavy")
    hold(limited, job="hello", tags={"team": "etl"})
    pool = limited.run(job="heavy", priority=9)
    tag = limited.run(job="hello", tags={"team": "etl"}, priority=8)
    first = limited.run(job="hello", priority=7)
    second = limited.run(job="hello")
    nowhere = limited.run(job="x", location="broken")

    said = reasons(limited)

    assert said[pool.id] == ("POOL", "Pool 'dbt' has 1 of 1 slots taken, and it needs 1 (pools.dbt).")
    assert said[tag.id] == ("TAG_LIMIT", "1 run is active with the tag 'team=etl', and at most 1 may be (runs.limits).")
    assert said[first.id] == ("NEXT", "It can start: a worker claims it at once.")
    assert said[second.id] == ("PRIORITY", "Others come first by priority or age, and at most 3 runs may be active (runs.max_concurrent).")
    assert said[nowhere.id][0] == "LOCATION"
    assert "'broken' has not loaded yet: ImportError" in said[nowhere.id][1]


def test_a_full_queue_and_a_missing_worker_are_told(limited: Api) -> None:
    for _ in range(3):
        hold(limited, job="hello")
    run, other = limited.run(job="hello"), limited.run(job="x", location="analytics")
    epoch = limited.store.leases.acquire(location_lease("analytics"), owner="worker", ttl=LEASE)
    assert epoch is not None
    limited.store.leases.release(location_lease("analytics"), owner="worker", epoch=epoch)

    assert reasons(limited) == {
        run.id: ("CONCURRENCY", "3 runs are active, and at most 3 may be (runs.max_concurrent)."),
        other.id: ("LOCATION", "Code location 'analytics' has no worker. Start `partita dev`, or a `partita worker` for it."),
    }


def test_a_run_that_does_not_wait_gives_no_reason(limited: Api) -> None:
    held = hold(limited, job="hello")
    ended = limited.run(job="hello")
    limited.store.runs.request_cancel(ended.id)

    for run_id in (held, ended.id):
        assert limited.ask("query($id: ID!) { run(id: $id) { waitReason { kind } } }", id=run_id)["run"]["waitReason"] is None


def test_the_queue_shows_how_full_its_limits_are(limited: Api) -> None:
    hold(limited, job="heavy", tags={"team": "etl"})
    limited.run(job="heavy")
    limited.run(job="hello", tags={"team": "etl"})

    assert limited.ask(QUEUE)["server"]["queue"] == {
        "queued": 2,
        "running": 1,
        "maxConcurrent": 3,
        "pools": [{"name": "dbt", "limit": 1, "used": 1, "waiting": 1}, {"name": "closed", "limit": 0, "used": 0, "waiting": 0}],
        "tagLimits": [{"key": "team", "value": "etl", "limit": 1, "used": 1, "waiting": 1}],
    }
