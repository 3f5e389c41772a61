"""`partita plan` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import partita as pt
from partita.workspace.loader import load_repositories
from partita.workspace.settings import LocationSettings
from support.shell import Shell

CODE = """
import partita as pt

@pt.asset(code_version="1")
def raw() -> int:
    return 1

@pt.asset(code_version="1")
def doubled(raw: int) -> int:
    return 2 * raw

refresh = pt.asset_job("refresh", selection="doubled")
"""


@pytest.fixture
def partita(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, monkeypatch)


def test_a_plan_comes_from_the_files_alone(partita: Shell, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(CODE)

    done = partita("plan", "raw+", "-f", "shop.py", cwd=tmp_path)

    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "run in shop/shop",
        "  raw: selected by raw",
        "  doubled (after raw): behind raw",
        "1 run, 2 steps. Nothing has been written by this project yet, as far as its home tells.",
    ]
    assert not (tmp_path / ".partita").exists()


def test_changed_code_is_judged_by_what_the_home_remembers(partita: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "plan_of_shop.py"
    file.write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    (repository,) = load_repositories(LocationSettings(name="shop", directory=str(tmp_path), file=str(file)))
    (tmp_path / ".partita").mkdir()
    with pt.Store(f"sqlite:///{tmp_path}/.partita/partita.db") as store:
        pt.materialize(list(repository.assets), store=store)
    file.write_text(CODE.replace('code_version="1"', 'code_version="2"', 1))

    done = partita("plan", "status:stale", "-f", str(file), "--json", cwd=tmp_path)
    job = partita("plan", "--job", "refresh", "-f", str(file), cwd=tmp_path)

    answer = json.loads(done.out)
    assert answer["has_states"] is True
    assert [(step["key"], step["why"]) for step in answer["runs"][0]["steps"]] == [
        ("raw", ["selected by status:stale", "stale: has a new code version"])
    ]
    assert "  doubled: in the job's selection doubled, fresh\n" in job.out
    assert "  raw: not selected; doubled reads its last write, which is stale: has a new code version\n" in job.out


def test_what_cannot_be_planned_is_wrong_use(partita: Shell, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(CODE)
    (tmp_path / "bad.py").write_text("import partita as pt\npt.Retry(max_retries=-1)\n")

    assert "Did you mean 'doubled'?" in partita.refusal("plan", "dubled", "-f", "shop.py", cwd=tmp_path)
    assert "bad.py:2: " in partita.refusal("plan", "*", "-f", "bad.py", cwd=tmp_path)
    assert "Give either a SELECTION or --job" in partita.refusal("plan", "-f", "shop.py", cwd=tmp_path)
