"""Trying a sensor out through the API, with a real worker behind it: shown what it would do, told what went wrong, never waited for too long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from partita.api.app import create_app
from partita.api.limits import LIMITS
from support.api import Api, listening
from support.sites import Site, a_site

EVALUATE = (
    "mutation($input: EvaluateSensorInput!) { evaluateSensor(input: $input) {"
    " tick { id status isDryRun cursor skipReason runCount logs error { className message } requests { runKey jobName run { id } } }"
    " errors { __typename code message path ... on NotEnded { tick { id status } } ... on NotFound { suggestions } } } }"
)
FOLLOW = "subscription($a: String) { ticks(after: $a, filter: { isDryRun: true }) { tick { id status requests { runKey } } } }"
SOURCE = """
@pt.op
def load() -> None: ...


@pt.job
def load_job() -> None:
    load()


@pt.sensor(target=load_job)
def files(context: pt.SensorContext) -> object:
    context.log.info("looked after %s", context.cursor)
    if context.cursor == "b.csv":
        return pt.Skip("no new file")
    return pt.SensorResult(requests=[pt.RunRequest(run_key="b.csv")], cursor="b.csv")


@pt.sensor(target=load_job)
def raises(context: pt.SensorContext) -> object:
    raise ValueError("no luck")


@pt.sensor(target=load_job, timeout=600)
def waits(context: pt.SensorContext) -> object:
    wait_for("go")
    return pt.RunRequest(run_key="late")


pt.Repository("main", jobs=[load_job], sensors=[files, raises, waits])
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with a_site(tmp_path, main=SOURCE) as made:
        made.work()
        yield made


@pytest.fixture
def served(site: Site) -> Iterator[Api]:
    with listening(create_app(site.store, settings=site.settings)) as port:
        yield Api(site.store, site.settings, port)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operation takes two seconds at most, and is answered half a second before."""
    monkeypatch.setattr("partita.api.operations.LIMITS", replace(LIMITS, max_seconds=2.0))
    monkeypatch.setattr("partita.api.mutations.automation.ROOM", 0.5)


def evaluate(api: Api, **given: Any) -> tuple[Any, list[Any]]:
    """The tick, and what was said against it."""
    made = api.ask(EVALUATE, input=given)["evaluateSensor"]
    return made["tick"], made["errors"]


def test_what_a_sensor_would_do_is_shown_and_not_done(served: Api) -> None:
    tick, errors = evaluate(served, sensorId="files")

    assert errors == []
    assert (tick["status"], tick["isDryRun"], tick["cursor"], tick["runCount"]) == ("SUCCEEDED", True, "b.csv", 0)
    assert tick["requests"] == [{"runKey": "b.csv", "jobName": "load_job", "run": None}]
    assert "looked after None" in tick["logs"]
    shown = served.ask('{ runs { totalCount } sensor(name: "files") { cursor lastTick { id } ticks { totalCount } } }')
    assert shown == {"runs": {"totalCount": 0}, "sensor": {"cursor": None, "lastTick": None, "ticks": {"totalCount": 0}}}


def test_it_goes_on_from_the_cursor_that_is_given_and_its_errors_are_shown(served: Api) -> None:
    skipped, none = evaluate(served, sensorId="main/main/files", cursor="b.csv")
    failed, neither = evaluate(served, sensorId="raises")

    assert none == neither == []
    assert (skipped["status"], skipped["skipReason"], skipped["requests"]) == ("SKIPPED", "no new file", [])
    assert (failed["status"], failed["error"]) == ("FAILED", {"className": "ValueError", "message": "no luck"})


@pytest.mark.usefixtures("hurried")
def test_one_that_takes_long_is_answered_in_time_and_can_be_followed(site: Site, served: Api) -> None:
    start = site.store.changes.latest()
    tick, (problem,) = evaluate(served, sensorId="waits")

    assert tick is None
    assert (problem["__typename"], problem["code"], problem["tick"]["status"]) == ("NotEnded", "NOT_ENDED", "STARTED")
    assert "a worker is still evaluating it" in problem["message"]
    assert problem["tick"]["id"] in problem["message"]
    with served.socket() as socket:
        socket.subscribe(FOLLOW, a=start)
        site.allow("go")
        while (shown := socket.next()["ticks"]["tick"])["status"] == "STARTED":
            pass
    assert shown == {"id": problem["tick"]["id"], "status": "SUCCEEDED", "requests": [{"runKey": "late"}]}


@pytest.mark.usefixtures("hurried")
def test_one_that_no_worker_takes_is_answered_in_time(site: Site, served: Api) -> None:
    site.services[0].pause()
    tick, (problem,) = evaluate(served, sensorId="files")

    assert tick is None
    assert problem["code"] == "NOT_ENDED"
    assert "no worker has taken it yet" in problem["message"]


@pytest.mark.usefixtures("hurried")
def test_one_that_is_asked_for_over_a_socket_is_answered_in_time_too(served: Api) -> None:
    with served.socket() as socket:
        socket.subscribe(EVALUATE, input={"sensorId": "waits"})

        assert [problem["code"] for problem in socket.next()["evaluateSensor"]["errors"]] == ["NOT_ENDED"]


def test_a_name_that_is_misspelt_is_refused_with_the_nearest(served: Api) -> None:
    tick, (problem,) = evaluate(served, sensorId="flies")

    assert tick is None
    assert (problem["code"], problem["path"], problem["suggestions"]) == ("NOT_FOUND", ["sensorId"], ["files"])
