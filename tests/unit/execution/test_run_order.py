"""What a user process does with an order: one attempt at a step, or the whole plan."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

import partita as pt
from partita.errors import NotFoundError
from partita.execution.cancellation import Canceled
from partita.execution.capture import captured_path
from partita.execution.order import Order
from partita.planning.plan import Plan
from partita.records.codec import decode, encode
from partita.records.events import InputLoaded, LogWritten, StepFailed
from support.running import kinds, kinds_of, plan_of, run_here, started


@pt.asset
def raw() -> int:
    return 2


@pt.asset
def doubled(raw: int) -> int:
    return raw * 2


@pt.asset(retry=pt.Retry(max_retries=2, delay=7))
def flaky(context: pt.AssetContext) -> int:
    raise ValueError(f"attempt {context.attempt}")


@pt.op(out={"even": pt.Out(optional=True), "odd": pt.Out(optional=True)})
def split(n: int):  # type: ignore[no-untyped-def]
    yield pt.Output(n, output="even" if n % 2 == 0 else "odd")


@pt.op
def total(xs: list[int]) -> int:
    return sum(xs)


@pt.job
def branches() -> None:
    found = split(3)
    total([found.even, found.odd])


REPOSITORY = pt.Repository("small", assets=[raw, doubled, flaky], jobs=[branches])


def plan(*assets: str) -> Plan:
    return plan_of(REPOSITORY, assets=assets)


def test_an_order_survives_encoding() -> None:
    whole = plan("raw", "doubled")
    order = Order(run_id="run_1", job=None, repository="small", location="here", plan=whole, steps={"raw": 1}, values_url="v", logs_directory="l")

    assert decode(encode(order), Order) == order


def test_a_single_step_is_one_attempt(tmp_path: Path) -> None:
    success, events = run_here(REPOSITORY, plan("raw", "doubled"), steps=["raw"], directory=tmp_path)

    assert success
    assert kinds(events) == ["step_started", "output", "materialized", "step_succeeded"]
    assert (tmp_path / "values/assets/raw/value.json").read_text() == "2"


def test_steps_in_processes_of_their_own_find_each_others_values(tmp_path: Path) -> None:
    for step in ("raw", "doubled"):
        run_here(REPOSITORY, plan("raw", "doubled"), steps=[step], directory=tmp_path)

    assert (tmp_path / "values/assets/doubled/value.json").read_text() == "4"


@pytest.mark.parametrize(("attempt", "retry_after"), [(1, 7.0), (2, 7.0), (3, None)])
def test_a_failed_attempt_tells_when_it_is_to_be_tried_again(tmp_path: Path, attempt: int, retry_after: float | None) -> None:
    success, events = run_here(REPOSITORY, plan("flaky"), steps=["flaky"], attempt=attempt, directory=tmp_path)

    assert not success
    (failed,) = [event for event in events if isinstance(event, StepFailed)]
    assert (failed.attempt, failed.retry_after, failed.error.message) == (attempt, retry_after, f"attempt {attempt}")


def test_the_whole_plan_is_walked_and_what_failed_holds_back_what_is_behind(tmp_path: Path) -> None:
    @pt.asset
    def boom(raw: int) -> int:
        raise ValueError

    @pt.asset
    def after(boom: int) -> int:
        return boom

    repository = pt.Repository("r", assets=[raw, boom, after, doubled])
    success, events = run_here(repository, plan_of(repository, assets=("raw", "boom", "after", "doubled")), directory=tmp_path)

    assert not success
    assert started(events) == ["raw", "boom", "doubled"]
    assert kinds_of(events, "after") == ["step_upstream_failed"]
    assert "status" not in kinds(events)


def test_reused_steps_are_not_run_and_their_outputs_come_from_their_own_run(tmp_path: Path) -> None:
    plan = plan_of(REPOSITORY, job="branches")
    run_here(REPOSITORY, plan, steps=["split"], run_id="run_1", directory=tmp_path)

    success, events = run_here(
        REPOSITORY,
        plan,
        run_id="run_2",
        reused=("split",),
        produced=(("split", "odd"),),
        output_runs={"split": "run_1"},
        directory=tmp_path,
    )

    assert success
    assert started(events) == ["total"]
    assert (tmp_path / "values/runs/run_2/total/result.json").read_text() == "3"


def test_fan_in_of_a_single_step_loads_what_was_produced(tmp_path: Path) -> None:
    plan = plan_of(REPOSITORY, job="branches")
    run_here(REPOSITORY, plan, steps=["split"], directory=tmp_path)

    success, events = run_here(REPOSITORY, plan, steps=["total"], produced=(("split", "odd"),), directory=tmp_path)

    assert success
    (loaded,) = [event for event in events if isinstance(event, InputLoaded)]
    assert loaded.metadata[0].value == 1


def test_config_and_tags_reach_the_step(tmp_path: Path) -> None:
    class Limits(pt.Config):
        limit: int

    seen: dict[str, Any] = {}

    @pt.asset
    def limited(context: pt.AssetContext, config: Limits) -> int:
        seen.update(tags=context.tags, job=context.job_name)
        return config.limit

    repository = pt.Repository("r", assets=[limited])
    made = plan_of(repository, assets=("limited",), config={"steps": {"limited": {"limit": 4}}})
    run_here(repository, made, steps=["limited"], tags={"a": "b"}, job="nightly", directory=tmp_path)

    assert (tmp_path / "values/assets/limited/value.json").read_text() == "4"
    assert seen == {"tags": {"a": "b"}, "job": "nightly"}


def test_an_order_for_something_unknown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no step 'rwa'"):
        run_here(REPOSITORY, plan("raw"), steps=["rwa"], directory=tmp_path)

    other = pt.Repository("other", assets=[raw])
    unknown = msgspec.structs.replace(plan("raw"))
    with pytest.raises(NotFoundError, match="There is no asset 'doubled'"):
        other.asset("doubled")
    success, events = run_here(other, plan("doubled", "raw"), steps=["doubled"], directory=tmp_path)
    assert unknown.repository == "small"
    assert not success
    assert [event.error.class_name for event in events if isinstance(event, StepFailed)] == ["NotFoundError"]


# ---- cancelling -----------------------------------------------------------------------------------------------------


def test_a_run_that_is_to_stop_begins_nothing_more_and_tells_what_it_left(tmp_path: Path) -> None:
    stop: list[bool] = []

    @pt.asset
    def first(context: pt.AssetContext) -> int:
        stop.append(True)
        assert context.is_cancelled
        return 1

    repository = pt.Repository("r", assets=[first, raw, doubled])
    made = plan_of(repository, assets=("first", "raw", "doubled"))
    success, events = run_here(repository, made, is_cancelled=lambda: bool(stop), directory=tmp_path)

    assert not success
    assert started(events) == ["first"]
    assert kinds_of(events, "raw") == ["step_canceled"]
    assert kinds_of(events, "doubled") == ["step_canceled"]


def test_a_keyboard_that_nobody_sits_at_makes_a_step_fail(tmp_path: Path) -> None:
    @pt.asset
    def interrupted() -> int:
        raise KeyboardInterrupt

    events: list[Any] = []
    repository = pt.Repository("r", assets=[interrupted])
    success, _ = run_here(repository, plan_of(repository, assets=("interrupted",)), events=events, directory=tmp_path)

    assert not success
    [failed] = [event for event in events if isinstance(event, StepFailed)]
    assert failed.error.class_name == "KeyboardInterrupt"
    assert any("raise KeyboardInterrupt" in frame for frame in failed.error.stack)


def test_a_step_that_is_interrupted_is_cancelled_with_everything_behind_it(tmp_path: Path) -> None:
    cleaned: list[str] = []

    @pt.asset
    def interrupted() -> int:
        try:
            raise Canceled
        except Exception:
            cleaned.append("wrong")
            return 1
        finally:
            cleaned.append("finally")

    events: list[Any] = []
    repository = pt.Repository("r", assets=[interrupted, raw])
    made = plan_of(repository, assets=("interrupted", "raw"))
    with pytest.raises(Canceled):
        run_here(repository, made, events=events, directory=tmp_path)

    assert cleaned == ["finally"]
    assert kinds(events) == ["step_started", "step_canceled", "step_canceled"]


# ---- what steps print and log ---------------------------------------------------------------------------------------


def use_streams_of_a_process(patch: pytest.MonkeyPatch) -> None:
    """The test runner's own streams do not write to descriptors 1 and 2, as those of a process do."""
    patch.setattr(sys, "stdout", os.fdopen(1, "w", closefd=False))
    patch.setattr(sys, "stderr", os.fdopen(2, "w", closefd=False))


def test_what_a_step_prints_goes_to_its_own_files_whoever_prints_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_streams_of_a_process(monkeypatch)

    @pt.asset(key="marts/loud")
    def loud() -> int:
        sys.stdout.write("from python\n")
        sys.stderr.write("to stderr\n")
        os.write(1, b"from the descriptor\n")
        subprocess.run(["sh", "-c", "echo from a child"], check=True)
        return 1

    repository = pt.Repository("r", assets=[loud])
    os.write(1, b"before\n")
    run_here(repository, plan_of(repository, assets=("marts/loud",)), steps=["marts/loud"], attempt=2, directory=tmp_path)
    os.write(1, b"after\n")

    logs = tmp_path / "logs"
    out = captured_path(logs, "marts/loud", attempt=2, stream="stdout")
    assert sorted(out.read_text().splitlines()) == ["from a child", "from python", "from the descriptor"]
    assert captured_path(logs, "marts/loud", attempt=2, stream="stderr").read_text() == "to stderr\n"
    assert sorted(path.name for path in logs.iterdir()) == ["marts%2Floud.2.err", "marts%2Floud.2.out"]
    assert capfd.readouterr().out == "before\nafter\n"


def test_steps_of_one_process_have_files_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_streams_of_a_process(monkeypatch)

    @pt.asset
    def first() -> int:
        sys.stdout.write("one\n")
        return 1

    @pt.asset
    def second(first: int) -> int:
        sys.stdout.write("two\n")
        return 2

    repository = pt.Repository("r", assets=[first, second])
    run_here(repository, plan_of(repository, assets=("first", "second")), directory=tmp_path)

    assert (tmp_path / "logs/first.1.out").read_text() == "one\n"
    assert (tmp_path / "logs/second.1.out").read_text() == "two\n"


def test_records_of_libraries_are_events_of_the_step_once_each(tmp_path: Path) -> None:
    @pt.asset
    def talks(context: pt.AssetContext) -> int:
        logging.getLogger("some.library").warning("careful")
        logging.getLogger("some.library").debug("noise")
        context.log.info("mine")
        return 1

    repository = pt.Repository("r", assets=[talks])
    _, events = run_here(repository, plan_of(repository, assets=("talks",)), steps=["talks"], directory=tmp_path)

    told = [(event.logger, event.message, event.step) for event in events if isinstance(event, LogWritten)]
    assert told == [("some.library", "careful", "talks"), ("partita.step", "mine", "talks")]
    assert not logging.root.handlers or all(type(handler).__name__ != "EventHandler" for handler in logging.root.handlers)
