"""`partita check` as it is typed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

GOOD = "import partita as pt\n\n@pt.asset\ndef one() -> int: return 1\n\nrefresh = pt.asset_job('refresh', selection='one')\n"
REFERRING = "import partita as pt\n\nlocation = pt.Repository('far', assets=[pt.AssetSpec('oen')])\n"
BAD = "import partita as pt\nprint('loading')\n\nlater = pt.Schedule('later', cron='0 25 * * *', target='one')\nretry = pt.Retry(max_retries=-1)\n"


def partita(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "partita.cli", *words], cwd=cwd, capture_output=True, text=True, check=False)


def workspace(directory: Path, **locations: str) -> Path:
    for name, code in locations.items():
        (directory / f"{name}.py").write_text(code)
    (directory / "partita.toml").write_text("".join(f'[[location]]\nname = "{name}"\nfile = "{name}.py"\n' for name in locations))
    return directory


def test_a_project_without_problems_is_counted(tmp_path: Path) -> None:
    done = partita("check", cwd=workspace(tmp_path, shop=GOOD))

    assert (done.returncode, done.stdout, done.stderr) == (0, "1 location, 1 asset, 1 job: no problems\n", "")
    assert not (tmp_path / ".partita").exists()


def test_warnings_are_told_and_do_not_fail(tmp_path: Path) -> None:
    done = partita("check", cwd=workspace(tmp_path, shop=GOOD, far=REFERRING))

    assert done.returncode == 0
    assert "warning: Repository 'far' refers to asset 'oen'" in done.stdout
    assert done.stdout.endswith("2 locations, 2 assets, 1 job: no problems, 1 warning\n")


def test_problems_fail_and_lead_to_their_lines(tmp_path: Path) -> None:
    done = partita("check", cwd=workspace(tmp_path, shop=GOOD, bad=BAD))

    assert done.returncode == 1
    assert "  bad.py:4: error: schedule 'later': cron '0 25 * * *'" in done.stdout
    assert "  bad.py:5: error: Retry(max_retries=-1)" in done.stdout
    assert done.stdout.endswith("2 locations, 1 asset, 1 job: 2 problems\n")


def test_an_interpreter_that_is_not_there_is_a_problem_of_its_location_alone(tmp_path: Path) -> None:
    toml = workspace(tmp_path, shop=GOOD, far=REFERRING) / "partita.toml"
    toml.write_text(toml.read_text() + 'python = "gone/bin/python"\n')

    done = partita("check", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (1, "")
    assert f"far\n  error: Code location 'far': {tmp_path}/gone/bin/python cannot be started: No such file or directory.\n" in done.stdout
    assert done.stdout.endswith("2 locations, 1 asset, 1 job: 1 problem\n")


def test_json_is_one_document_whatever_the_code_prints(tmp_path: Path) -> None:
    done = partita("check", "-f", "bad.py", "--json", cwd=workspace(tmp_path, bad=BAD))

    answer = json.loads(done.stdout)
    assert (done.returncode, answer["ok"]) == (1, False)
    assert answer["locations"] == [{"name": "bad", "is_loaded": False}]
    assert [(each["file"], each["line"], each["is_warning"]) for each in answer["problems"]] == [
        (str(tmp_path / "bad.py"), 4, False),
        (str(tmp_path / "bad.py"), 5, False),
    ]


def test_a_location_that_takes_long_is_named_meanwhile(tmp_path: Path) -> None:
    workspace(tmp_path, hangs="import time\nfrom pathlib import Path\nwhile not Path('go').exists(): time.sleep(0.005)\n" + GOOD)
    running = subprocess.Popen(
        [sys.executable, "-m", "partita.cli", "check"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None

    said = running.stderr.readline()
    (tmp_path / "go").touch()
    out, err = running.communicate()

    assert said == "loading hangs ...\n"
    assert (out, err) == ("1 location, 1 asset, 1 job: no problems\n", "")
