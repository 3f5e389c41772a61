"""`partita simulate` as it is typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.shell import Shell

CODE = """
import partita as pt

print("importing")
days = pt.DailyPartitions("2026-01-01", timezone="Europe/Berlin")
shops = pt.DynamicPartitions("shops")

@pt.asset(partitions=days)
def orders() -> int:
    return 1

@pt.asset(partitions=days, deps=["orders"], automation=pt.Condition.eager())
def revenue() -> int:
    return 1

@pt.asset(partitions=shops, automation=pt.Condition.missing().newly_true())
def stock() -> int:
    return 1

@pt.asset
def prices() -> int:
    return 1

daily = pt.asset_job("daily", selection="orders")
refresh = pt.asset_job("refresh", selection="prices")
nightly = pt.partition_schedule(daily, hour=2, minute=30, name="nightly")
hourly = pt.Schedule("hourly", cron="@hourly", target=refresh)

@pt.schedule(cron="0 12 * * *", target=refresh)
def at_noon(context: pt.ScheduleContext) -> pt.RunRequest | pt.Skip:
    print("noon")
    if context.due_at.weekday() > 4:
        return pt.Skip("a weekend")
    if context.due_at.day == 30:
        raise ValueError("no luck")
    return pt.RunRequest()

@pt.sensor(target=refresh)
def files(context: pt.SensorContext) -> None: ...
"""
NAMES = ["nightly", "hourly", "at_noon", "revenue", "stock"]
WEEK = ("simulate", "-f", "shop.py", "--from", "2026-03-27", "--to", "2026-04-02")
YEAR = ("simulate", "-f", "shop.py", "--from", "2026-01-01", "--to", "2027-01-01")


@pytest.fixture
def partita(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, monkeypatch)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(CODE)
    return tmp_path


def answered(partita: Shell, shop: Path, *words: str) -> dict[str, Any]:
    done = partita(*words, "--json", cwd=shop)
    assert done.code == 0, done.err
    answer: dict[str, Any] = json.loads(done.out)
    return answer


def counts(answer: dict[str, Any], field: str) -> dict[str, int]:
    return {each["name"]: each[field] for each in answer["automations"]}


def test_a_week_is_told_without_a_server_and_leaves_nothing(partita: Shell, shop: Path) -> None:
    done = partita(*WEEK, "--limit", "4", cwd=shop)

    assert done.code == 0, done.err
    lines = [line.rstrip() for line in done.out.splitlines()]
    assert lines[0] == "shop/shop, 2026-03-27 00:00 to 2026-04-02 00:00 (UTC): 159 runs"
    assert [line.split()[:4] for line in lines[1:7]] == [
        ["automation", "runs", "skipped", "errors"],
        ["nightly", "6", "0", "0"],
        ["hourly", "144", "0", "0"],
        ["at_noon", "3", "2", "1"],
        ["revenue", "condition", "6", "0"],
        ["stock", "condition", "0", "0"],
    ]
    assert lines[8:13] == [
        "2026-03-27 00:00  job refresh  schedule hourly",
        "2026-03-27 01:00  job refresh  schedule hourly",
        "... 155 more runs; list them with --all or --limit ...",
        "2026-04-01 22:00  job refresh  schedule hourly",
        "2026-04-01 23:00  job refresh  schedule hourly",
    ]
    assert lines[14] == "schedule at_noon, at 2026-03-30 12:00: ValueError: no luck"
    assert lines[-1] == "Sensor 'files' is left out: nobody knows what it will see."
    assert {path.name for path in shop.iterdir()} <= {"shop.py", "__pycache__"}


def test_a_year_of_hours_does_not_flood_the_terminal_unless_it_is_asked_to(partita: Shell, shop: Path) -> None:
    assert len(partita(*YEAR, "--calendar", cwd=shop).out.splitlines()) < 90
    assert partita(*YEAR, "--all", "--only", "hourly", cwd=shop).out.count("schedule hourly\n") == 8760


def test_times_are_read_and_shown_in_a_zone(partita: Shell, shop: Path) -> None:
    done = partita(*WEEK, "--timezone", "Europe/Berlin", "--only", "nightly", cwd=shop)

    assert "2026-03-28 02:30  job daily [2026-03-27]  schedule nightly\n" in done.out
    assert "2026-03-29 03:00  job daily [2026-03-28]  schedule nightly\n" in done.out  # there is no 02:30 that night
    assert done.out.startswith("shop/shop, 2026-03-27 00:00 to 2026-04-02 00:00 (Europe/Berlin): 6 runs\n")


def test_json_is_one_document_whatever_the_code_prints(partita: Shell, shop: Path) -> None:
    answer = answered(partita, shop, *WEEK)

    assert (answer["location"], answer["repository"], answer["start"]) == ("shop", "shop", "2026-03-27T00:00:00Z")
    assert counts(answer, "run_count") == {"nightly": 6, "hourly": 144, "at_noon": 3, "revenue": 6, "stock": 0}
    assert counts(answer, "tick_count")["at_noon"] == 6
    assert len(answer["runs"]) == answer["run_count"] == 159
    first = answer["runs"][0]
    assert (first["due_at"], first["launched_by"], first["job"], first["assets"]) == ("2026-03-27T00:00:00Z", "hourly", "refresh", ["prices"])
    skipped = [(tick["due_at"], tick["skip_reason"]) for tick in answer["ticks"] if tick["skip_reason"]]
    assert skipped == [("2026-03-28T12:00:00Z", "a weekend"), ("2026-03-29T12:00:00Z", "a weekend")]
    assert [(each["name"], each["message"], each["count"]) for each in answer["problems"]] == [("at_noon", "ValueError: no luck", 1)]
    assert answer["automations"][0]["cells"]["2026-03-27T01"] == {"run_count": 1, "failed_count": 0}


def test_runs_fail_by_name_and_what_they_would_have_written_is_missed(partita: Shell, shop: Path) -> None:
    answer = answered(partita, shop, *WEEK, "--fail", "daily", "--fail", "at_noon")

    assert counts(answer, "failed_count") == {"nightly": 6, "hourly": 0, "at_noon": 3, "revenue": 0, "stock": 0}
    assert counts(answer, "run_count")["revenue"] == 0


def test_runs_fail_by_chance_the_same_ones_for_the_same_seed(partita: Shell, shop: Path) -> None:
    chance = (*WEEK[:-1], "2026-05-01", "--failing", "0.2", "--only", "hourly")

    first, again, other = (answered(partita, shop, *chance, "--seed", seed) for seed in ("1", "1", "2"))

    assert first == again
    assert first["automations"] != other["automations"]
    assert 0.15 < first["failed_count"] / first["run_count"] < 0.25


def test_what_was_there_before_is_said(partita: Shell, shop: Path) -> None:
    given = ("--dynamic", "shops=berlin,paris,rome", "--only", "stock")

    assert answered(partita, shop, *WEEK, *given)["run_count"] == 3
    assert answered(partita, shop, *WEEK, *given, "--materialized", "stock or orders")["run_count"] == 0


def test_a_calendar_of_a_year_has_a_column_for_each_week(partita: Shell, shop: Path) -> None:
    done = partita(*YEAR, "--calendar", "--only", "at_noon", "--fail", "at_noon", "--limit", "0", cwd=shop)

    lines = done.out.splitlines()
    start = lines.index("at_noon: 252 runs") + 1
    assert lines[start].split() == ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    assert [line[:3] for line in lines[start + 1 : start + 8]] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert [len(line[4:].split()) for line in lines[start + 1 : start + 8]] == [52, 52, 52, 53, 52, 52, 52]
    assert set(lines[start + 6][4:]) == {" ", "·"}  # Saturdays
    assert sum(line.count("×") for line in lines[start + 1 : start + 8]) == 252
    assert lines[start + 8] == "· none  █ 1 a day"
    assert lines[start + 9] == "× all failed; 252 failed in 252 of 252 days with runs"


def test_a_calendar_of_a_week_has_a_row_for_each_day(partita: Shell, shop: Path) -> None:
    done = partita(*WEEK, "--calendar", "--only", "nightly", "--only", "hourly", "--timezone", "Europe/Berlin", "--limit", "0", cwd=shop)

    lines = done.out.splitlines()
    hourly = lines.index("hourly: 143 runs")
    assert lines[hourly + 1] == "            00    03    06    09    12    15    18    21"
    assert lines[hourly + 4] == f"Sun 29 Mar  {'█ █ · ' + ' '.join('█' * 21)}"  # the night without two o'clock
    nightly = lines.index("nightly: 6 runs")
    assert lines[nightly + 2] == f"Fri 27 Mar  {'· · █ ' + ' '.join('·' * 21)}"
    assert lines[nightly + 8] == "· none  █ 1 an hour"


@pytest.mark.parametrize("words", [YEAR, WEEK])
def test_everything_but_errors_fits_into_eighty_columns_of_a_terminal(words: tuple[str, ...], shop: Path) -> None:
    leader, follower = os.openpty()
    command = [sys.executable, "-m", "partita.cli", *words, "--calendar", "--failing", "0.1"]
    environ = {**os.environ, "COLUMNS": "80", "TERM": "xterm", "NO_COLOR": "1"}
    running = subprocess.Popen(command, cwd=shop, stdout=follower, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environ)
    os.close(follower)
    shown = b""
    while piece := _read(leader):
        shown += piece
    assert running.wait() == 0
    assert running.stderr is not None
    running.stderr.close()

    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())
    lines = [line for line in plain.splitlines() if "ValueError" not in line]
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("Mon ") for line in lines) >= 4


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # its other end was closed
        os.close(leader)
        return b""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "tomorrow"), "--from tomorrow: this is no time. Give a day such as 2026-03-28"),
        (("--to", "2026-03-01"), "--to 2026-03-01 is not after --from 2026-03-27"),
        (("--from", "0001-01-01"), "between the years 1901 and 2998"),
        (("--timezone", "Berlin"), "Did you mean 'Europe/Berlin'?"),
        (("--failing", "7"), "--failing 7: give the share of runs that fail, from 0 to 1"),
        (("--fail", "revenu"), "There is no job, schedule or asset 'revenu'. Did you mean 'revenue'?"),
        (("--only", "nigthly"), "Did you mean 'nightly'?"),
        (("--dynamic", "shops"), "--dynamic shops: give the set and its keys"),
        (("--materialized", "ordrs"), "Did you mean 'orders'?"),
        (("--materialized", "group:none"), "'group:none' of what was written before means no asset of repository 'shop'"),
        (("--location", "shp"), "There is no code location 'shp'. Did you mean 'shop'?"),
        (("--repository", "main"), "There is no repository 'main'."),
        (("--all", "--limit", "3"), "Give either --limit or --all."),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(partita: Shell, shop: Path, words: tuple[str, ...], told: str) -> None:
    assert told in partita.refusal(*WEEK, *words, cwd=shop)


def test_of_several_repositories_one_is_chosen(partita: Shell, shop: Path) -> None:
    (shop / "far.py").write_text(
        "import partita as pt\n\n@pt.asset\ndef one() -> int: return 1\n\n"
        "a = pt.Repository('a', assets=[one], schedules=[pt.Schedule('s', cron='@daily', target='one')])\nb = pt.Repository('b')\n"
    )
    both = (*WEEK, "-f", "far.py")

    told = partita.refusal(*both, cwd=shop)

    assert "There are 3 repositories: shop/shop, far/a, far/b. Say which one to simulate with --repository." in told
    assert answered(partita, shop, *both, "--repository", "a")["run_count"] == 6
    assert answered(partita, shop, *both, "--location", "shop", "--only", "nightly")["run_count"] == 6
    nothing = partita(*both, "--repository", "b", "--calendar", cwd=shop).out.splitlines()
    assert nothing[1:] == ["There are no schedules here, and no assets with a condition."]


def test_a_simulation_without_end_has_failed(partita: Shell, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("import partita as pt\n\n@pt.asset(automation=pt.Condition.missing())\ndef restless() -> int: return 1\n")

    told = partita.refusal(*WEEK, "--fail", "restless", cwd=tmp_path, code=1)

    assert "by 2026-03-28T00:00:00+00:00 the condition 'restless' has asked for a run 2,880 times in a row" in told
    assert ".newly_true()" in told


def test_code_that_ends_its_process_is_told_with_what_it_has_said_last(partita: Shell, shop: Path) -> None:
    (shop / "shop.py").write_text(CODE.replace('print("noon")', 'import os, sys; print("about to go"); sys.stdout.flush(); os._exit(7)'))

    told = partita.refusal(*WEEK, cwd=shop, code=2)

    assert "Code location 'shop': the process that imports it exited with code 7" in told
    assert "about to go" in told
