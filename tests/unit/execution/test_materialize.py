"""`materialize()`: assets and checks here and now, in this process."""

from __future__ import annotations

import asyncio
import inspect
import sys
from pathlib import Path
from time import process_time
from typing import Any

import pytest

import partita as pt
from partita.errors import (
    CheckFailedError,
    ExecutionError,
    InputMissingError,
    InvalidConfigErrors,
    NotFoundError,
    OutputMissingError,
    RequestError,
    StepFailedError,
)
from partita.execution.results import Result
from partita.records.events import AssetMaterialized, CheckEvaluated, InputLoaded, OutputSaved, RunStatusChanged, StepFailed
from partita.records.runs import RunStatus, StepStatus
from support.running import a_chain, kinds, kinds_of, started


@pt.asset
def raw() -> int:
    return 2


@pt.asset
def doubled(raw: int) -> int:
    return raw * 2


@pt.asset
def boom() -> int:
    raise ValueError("bad weather")


@pt.asset
def after_boom(boom: int) -> int:
    return boom


def facts(result: Result, kind: type[Any]) -> list[Any]:
    return [event for event in result.events if isinstance(event, kind)]


# ---- values and events ----------------------------------------------------------------------------------------------


def test_values_flow_from_asset_to_asset() -> None:
    result = pt.materialize([doubled, raw])

    assert result.success
    assert result.value("doubled") == 4
    assert result.value(raw) == 2
    assert result.steps == {"raw": StepStatus.SUCCEEDED, "doubled": StepStatus.SUCCEEDED}


def test_events_tell_the_run_in_order() -> None:
    result = pt.materialize([raw, doubled])

    assert kinds(result.events) == [
        "plan",
        "status",
        *["step_started", "output", "materialized", "step_succeeded"],
        *["step_started", "input", "output", "materialized", "step_succeeded"],
        "status",
    ]
    assert kinds(result.events_for("doubled")) == ["step_started", "input", "output", "materialized", "step_succeeded"]
    assert [event.status for event in facts(result, RunStatusChanged)] == [RunStatus.RUNNING, RunStatus.SUCCEEDED]


def test_nothing_is_written_to_disk_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    pt.materialize([raw, doubled])

    assert list(tmp_path.iterdir()) == []


def test_an_asset_that_stores_itself_returns_none_and_stores_nothing() -> None:
    @pt.asset
    def table(context: pt.AssetContext) -> None:
        context.add_metadata({"rows": 3})

    @pt.asset(deps=[table])
    def later() -> int:
        return 1

    result = pt.materialize([table, later])

    assert [event.is_stored for event in facts(result, OutputSaved)] == [False, True]
    assert facts(result, AssetMaterialized)[0].metadata[0].value == 3
    assert result.value("table") is None


def test_loading_an_asset_that_stores_nothing_is_told_apart() -> None:
    @pt.asset
    def table() -> None: ...

    @pt.asset
    def reader(table: Any) -> int:
        return 1

    with pytest.raises(InputMissingError, match=r"'table' is annotated '-> None' and stores no value.*Wait for it with deps=\['table'\]"):
        pt.materialize([table, reader])


def test_a_value_that_is_none_is_a_value() -> None:
    @pt.asset
    def maybe():  # type: ignore[no-untyped-def]
        return None

    @pt.asset
    def reader(maybe: Any) -> bool:
        return maybe is None

    assert pt.materialize([maybe, reader]).value("reader") is True


def test_a_materialization_carries_metadata_version_and_checks() -> None:
    @pt.asset(code_version="7")
    def told(context: pt.AssetContext) -> pt.Materialization[int]:
        context.add_metadata({"source": "feed", "rows": 1})
        return pt.Materialization(
            value=5, metadata={"rows": 2}, data_version="v9", checks=[pt.CheckResult(name="sane", passed=False, severity=pt.Severity.WARN)]
        )

    result = pt.materialize([told])

    (event,) = facts(result, AssetMaterialized)
    assert {entry.label: entry.value for entry in event.metadata} == {"source": "feed", "rows": 2}
    assert (event.data_version, event.code_version) == ("v9", "7")
    (verdict,) = facts(result, CheckEvaluated)
    assert (verdict.asset, verdict.check, verdict.passed) == ("told", "sane", False)
    assert result.value("told") == 5


def test_a_materialization_without_value_stores_nothing() -> None:
    @pt.asset
    def told() -> pt.Materialization[Any]:
        return pt.Materialization(metadata={"rows": 2})

    result = pt.materialize([told])

    assert facts(result, OutputSaved)[0].is_stored is False
    with pytest.raises(InputMissingError, match=r"Asset 'told' has no stored value"):
        result.value("told")


def test_an_asset_may_yield() -> None:
    @pt.asset
    def told():  # type: ignore[no-untyped-def]
        yield pt.CheckResult(name="first", passed=True)
        yield pt.Output(5, metadata={"rows": 1})

    result = pt.materialize([told])

    assert result.value("told") == 5
    assert kinds(result.events_for("told")) == ["step_started", "output", "materialized", "check", "step_succeeded"]


def test_async_assets_share_one_loop() -> None:
    loops = []

    @pt.asset
    async def first() -> int:
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return 1

    @pt.asset
    async def second(first: int):  # type: ignore[no-untyped-def]
        loops.append(asyncio.get_running_loop())
        yield pt.Output(first + 1)

    assert pt.materialize([first, second]).value("second") == 2
    assert loops[0] is loops[1]


def test_async_assets_run_where_a_loop_is_running_already() -> None:
    @pt.asset
    async def first() -> int:
        await asyncio.sleep(0)
        return 1

    async def notebook() -> int:
        value: int = pt.materialize([first]).value("first")
        return value

    assert asyncio.run(notebook()) == 1


def test_a_single_asset_or_a_whole_repository_may_be_given() -> None:
    assert pt.materialize(raw).value("raw") == 2
    assert pt.materialize(pt.Repository("small", assets=[raw, doubled]), selection="+doubled").value("doubled") == 4


def test_a_store_must_be_one() -> None:
    with pytest.raises(RequestError, match=r"give an open store, such as pt.Store"):
        pt.materialize([raw], store="sqlite:///runs.db")  # type: ignore[arg-type]


def test_lists_of_assets_checks_and_specs_may_be_mixed() -> None:
    @pt.asset_check(asset=raw)
    def positive(raw: int) -> pt.CheckResult:
        return pt.CheckResult(passed=raw > 0, metadata={"raw": raw})

    result = pt.materialize([pt.AssetSpec("outside"), [raw, positive], doubled])

    assert kinds_of(result.events, "raw:positive") == ["step_started", "input", "check", "step_succeeded"]


DAYS = pt.DailyPartitions(start="2013-01-01", end="2013-03-01")


@pt.asset(partitions=DAYS)
def day_number(context: pt.AssetContext) -> int:
    return int(context.partition_key[-2:])


# ---- failures -------------------------------------------------------------------------------------------------------


def test_an_error_of_user_code_is_the_cause_of_what_is_raised() -> None:
    with pytest.raises(StepFailedError, match=r"Step 'boom' failed: ValueError: bad weather") as raised:
        pt.materialize([boom])

    assert isinstance(raised.value.__cause__, ValueError)


def test_the_recorded_error_shows_the_authors_frames_only() -> None:
    result = pt.materialize([boom], raise_on_error=False)

    (event,) = facts(result, StepFailed)
    assert (event.error.class_name, event.error.message) == ("ValueError", "bad weather")
    assert len(event.error.stack) == 1
    assert "raise ValueError" in event.error.stack[0]


def test_what_is_behind_a_failure_is_told_and_the_rest_goes_on() -> None:
    result = pt.materialize([boom, after_boom, raw], raise_on_error=False)

    assert not result.success
    assert result.failed_steps == ("boom",)
    assert kinds_of(result.events, "boom") == ["step_started", "step_failed"]
    assert kinds_of(result.events, "after_boom") == ["step_upstream_failed"]
    assert result.value("raw") == 2
    assert facts(result, RunStatusChanged)[-1].reason == "1 step failed: boom"


def test_several_failures_are_all_mentioned() -> None:
    @pt.asset
    def crash() -> int:
        raise KeyError("x")

    with pytest.raises(StepFailedError) as raised:
        pt.materialize([boom, crash])

    assert raised.value.__notes__ == ["1 more steps failed: crash."]


def test_a_step_that_tries_to_end_the_process_has_failed() -> None:
    @pt.asset
    def quits() -> int:
        sys.exit(3)

    result = pt.materialize([quits, raw], raise_on_error=False)

    assert result.failed_steps == ("quits",)
    assert facts(result, StepFailed)[0].error.summary == "SystemExit: 3"
    assert result.value("raw") == 2


def test_an_interrupt_cancels_the_run_and_reaches_the_caller() -> None:
    seen: list[str] = []

    @pt.asset
    def interrupted(context: pt.AssetContext) -> int:
        seen.append(context.run_id)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pt.materialize([interrupted, raw])
    assert len(seen) == 1


def test_a_failure_can_carry_metadata_and_forbid_retries() -> None:
    attempts = []

    @pt.asset(retry=pt.Retry(max_retries=3))
    def empty() -> int:
        attempts.append(1)
        raise pt.Failure("The feed is empty.", metadata={"url": pt.Url("https://x")}, allow_retry=False)

    result = pt.materialize([empty], raise_on_error=False)

    assert attempts == [1]
    (event,) = facts(result, StepFailed)
    assert (event.error.summary, event.metadata[0].value) == ("Failure: The feed is empty.", "https://x")


def test_values_of_steps_that_have_none_say_why() -> None:
    result = pt.materialize([boom, after_boom, raw], raise_on_error=False)

    with pytest.raises(ExecutionError, match=r"Step 'boom' has no value: it is failed"):
        result.value("boom")
    with pytest.raises(ExecutionError, match=r"Step 'after_boom' has no value: it is upstream_failed"):
        result.value(after_boom)
    with pytest.raises(NotFoundError, match=r"There is no step 'rwa'. Did you mean 'raw'\?"):
        result.value("rwa")
    with pytest.raises(NotFoundError, match=r"There is no step 'rwa'"):
        result.events_for("rwa")


def test_a_return_value_where_none_was_promised_is_an_error() -> None:
    @pt.asset
    def liar() -> None:
        return 5  # type: ignore[return-value]

    with pytest.raises(ExecutionError, match=r"Step 'liar' is annotated '-> None' and returned int"):
        pt.materialize([liar])


def test_yielding_something_meaningless_is_an_error_that_says_what_to_yield() -> None:
    @pt.asset
    def odd():  # type: ignore[no-untyped-def]
        yield 5

    with pytest.raises(ExecutionError, match=r"Step 'odd' yielded int. Yield pt.Materialization"):
        pt.materialize([odd])


# ---- checks ---------------------------------------------------------------------------------------------------------


def a_check(asset: Any, verdict: Any, **options: Any) -> Any:
    @pt.asset_check(asset=asset, name="looks_good", **options)
    def looks_good() -> Any:
        return verdict

    return looks_good


def test_a_blocking_check_that_fails_stops_what_is_downstream() -> None:
    check = a_check(raw, pt.CheckResult(passed=False, description="too small"), blocking=True)

    result = pt.materialize([raw, doubled, check], raise_on_error=False)

    assert result.steps == {"raw": StepStatus.SUCCEEDED, "raw:looks_good": StepStatus.FAILED, "doubled": StepStatus.UPSTREAM_FAILED}
    assert kinds_of(result.events, "raw:looks_good") == ["step_started", "check", "step_failed"]
    with pytest.raises(CheckFailedError, match=r"Blocking check 'looks_good' of asset 'raw' failed: too small"):
        pt.materialize([raw, doubled, check])


@pytest.mark.parametrize(("severity", "blocking"), [(pt.Severity.WARN, True), (pt.Severity.ERROR, False)])
def test_a_warning_or_a_check_that_does_not_block_stops_nothing(severity: pt.Severity, blocking: bool) -> None:
    result = pt.materialize([raw, doubled, a_check(raw, pt.CheckResult(passed=False, severity=severity), blocking=blocking)])

    assert result.success
    assert result.value("doubled") == 4
    assert [event.passed for event in facts(result, CheckEvaluated)] == [False]


def test_a_verdict_is_not_asked_for_twice() -> None:
    check = a_check(raw, pt.CheckResult(passed=False), blocking=True, retry=pt.Retry(max_retries=3))

    result = pt.materialize([raw, check], raise_on_error=False)

    assert kinds_of(result.events, "raw:looks_good") == ["step_started", "check", "step_failed"]


def test_a_check_may_answer_with_a_bool() -> None:
    assert [event.passed for event in facts(pt.materialize([raw, a_check(raw, True)]), CheckEvaluated)] == [True]


def test_a_check_without_a_verdict_has_failed() -> None:
    with pytest.raises(OutputMissingError, match=r"Check 'raw:looks_good' returned NoneType. Return pt.CheckResult"):
        pt.materialize([raw, a_check(raw, None)])


def test_a_check_of_a_partition_tells_which() -> None:
    result = pt.materialize([day_number, a_check(day_number, True)], partition="2013-01-02")

    assert [event.partition for event in facts(result, CheckEvaluated)] == ["2013-01-02"]


def test_a_verdict_that_an_asset_reports_itself_needs_a_name() -> None:
    @pt.asset
    def told() -> pt.Materialization[int]:
        return pt.Materialization(value=5, checks=[pt.CheckResult(passed=True)])

    with pytest.raises(ExecutionError, match=r"'told' reports a CheckResult without a name"):
        pt.materialize([told])


# ---- selection, config, IO managers ---------------------------------------------------------------------------------


def test_only_what_is_selected_runs_and_the_rest_is_loaded() -> None:
    store = pt.MemoryIO()
    pt.materialize([raw, doubled], resources={"io_manager": store})

    result = pt.materialize([raw, doubled], selection="doubled", resources={"io_manager": store})

    assert started(result.events) == ["doubled"]
    assert result.value("doubled") == 4


@pytest.mark.parametrize("selection", ["+doubled", [raw, doubled], pt.Selection.parse("raw or doubled")])
def test_a_selection_may_be_text_a_selection_or_a_list(selection: Any) -> None:
    assert started(pt.materialize([raw, doubled, boom], selection=selection).events) == ["raw", "doubled"]


def test_a_selection_that_means_nothing_is_refused() -> None:
    with pytest.raises(NotFoundError, match=r"Did you mean 'doubled'\?"):
        pt.materialize([raw, doubled], selection="doubledd")
    with pytest.raises(RequestError, match=r"means no asset that can be materialized"):
        pt.materialize([raw, doubled], selection="group:marts")


def test_config_is_checked_before_anything_runs() -> None:
    ran = []

    class Limits(pt.Config):
        limit: int = 1

    @pt.asset
    def first() -> int:
        ran.append("first")
        return 1

    @pt.asset
    def limited(context: pt.AssetContext, first: int, config: Limits) -> int:
        assert context.config is config
        return config.limit

    with pytest.raises(InvalidConfigErrors, match=r"steps.limited.limit: 'x' is not a whole number"):
        pt.materialize([first, limited], config={"steps": {"limited": {"limit": "x"}}})
    assert ran == []
    assert pt.materialize([first, limited], config={"steps": {"limited": {"limit": 5}}}).value("limited") == 5
    assert pt.materialize([first, limited]).value("limited") == 1
    assert pt.materialize([first, limited], config="steps: {limited: {limit: 7}}").value("limited") == 7
    assert pt.materialize([first, limited], config={"steps": {"limited": Limits(limit=8)}}).value("limited") == 8


class Loud(pt.IOManager):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.saved: list[pt.OutputContext] = []
        self.loaded: list[pt.InputContext] = []
        self.values: dict[Any, Any] = {}

    def save(self, context: pt.OutputContext, value: Any) -> None:
        self.saved.append(context)
        self.values[context.asset_key, context.partition_key] = value
        context.add_metadata({"size": 3})

    def load(self, context: pt.InputContext) -> Any:
        self.loaded.append(context)
        context.add_metadata({"cached": True})
        return self.values[context.asset_key, context.partition_key]


def test_an_io_manager_is_told_what_it_stores_and_loads() -> None:
    loud = Loud()

    @pt.asset(partitions=DAYS, metadata={"table": "t"}, io_manager="loud")
    def stored() -> int:
        return 5

    @pt.asset(partitions=DAYS)
    def reader(stored: int) -> int:
        return stored + 1

    result = pt.materialize([stored, reader], partition="2013-01-02", resources={"loud": loud})

    (saved,), (loaded,) = loud.saved, loud.loaded
    assert (saved.asset_key, saved.step_key, saved.output, saved.partition_key) == ("stored", "stored", "result", "2013-01-02")
    assert (saved.metadata, saved.type_hint, saved.run_id) == ({"table": "t"}, int, result.run_id)
    assert (loaded.name, loaded.asset_key, loaded.step_key, loaded.partition_keys) == ("stored", "stored", "reader", ("2013-01-02",))
    assert (loaded.type_hint, loaded.metadata) == (int, {"table": "t"})
    assert loaded.upstream is not None
    assert (loaded.upstream.asset_key, loaded.upstream.partition_key) == ("stored", "2013-01-02")
    assert facts(result, AssetMaterialized)[0].metadata[0].label == "size"
    assert facts(result, InputLoaded)[0].metadata[0].label == "cached"


class Broken(pt.IOManager):
    def save(self, context: pt.OutputContext, value: Any) -> None:
        raise OSError("disk full")

    def load(self, context: pt.InputContext) -> Any:
        raise OSError("gone")


def test_a_failing_io_manager_fails_its_step_and_names_the_value() -> None:
    with pytest.raises(ExecutionError, match=r"Output 'result' of step 'raw', a builtins.int, could not be stored by Broken: OSError: disk full"):
        pt.materialize([raw], resources={"io_manager": Broken()})
    with pytest.raises(ExecutionError, match=r"Input 'raw' of step 'doubled' could not be loaded by Broken: OSError: gone"):
        pt.materialize([raw, doubled], selection="doubled", resources={"io_manager": Broken()})


# ---- speed and depth ------------------------------------------------------------------------------------------------


def test_few_frames_lie_between_materialize_and_the_users_function() -> None:
    frames: list[str] = []

    @pt.asset
    def looks_back() -> int:
        frames.extend(f"{frame.filename}:{frame.function}" for frame in inspect.stack())
        return 1

    pt.materialize([looks_back])

    end = next(number for number, frame in enumerate(frames) if frame.endswith("materialize.py:materialize"))
    between = frames[1:end]
    assert all("/partita/execution/" in frame for frame in between)
    assert len(between) <= 7


def test_a_hundred_chained_assets_take_a_moment() -> None:
    assets = a_chain(100)
    pt.materialize(assets)

    durations = []
    for _ in range(5):
        began = process_time()
        result = pt.materialize(assets)
        durations.append(process_time() - began)

    assert result.value("a99") == 99
    # 8 to 14 ms on an idle machine
    assert min(durations) < 0.1


def test_the_last_run_of_a_backfill_stores_one_partition_as_the_others_are_stored(tmp_path: Path) -> None:
    letters = pt.StaticPartitions(["a", "b", "c", "d"])

    @pt.asset(partitions=letters, backfill=pt.Backfill.runs_of(3))
    def lengths(context: pt.AssetContext) -> dict[str, int]:
        return {key: len(key) for key in context.partition_keys}

    @pt.asset(partitions=letters)
    def own_dict(context: pt.AssetContext) -> dict[str, int]:
        return {context.partition_key: 5}

    @pt.asset(partitions=letters)
    def read(lengths: int, own_dict: dict[str, int]) -> list[object]:
        return [lengths, own_dict]

    files = {"io_manager": pt.FilesystemIO(tmp_path)}
    for partition in (["a", "b", "c"], "d"):
        pt.materialize([lengths], partition=partition, resources=files)
    for key in ("a", "d"):
        result = pt.materialize([lengths, own_dict, read], selection="own_dict+", partition=key, resources=files)
        assert result.value("read") == [1, {key: 5}]
