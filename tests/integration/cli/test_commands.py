"""Commands that need no server: help, refusals and their exit codes, new projects, the database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.dev import COMMAND, free_port
from support.shell import Shell


@pytest.fixture
def partita(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, monkeypatch)


def process(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A command as a process of its own."""
    return subprocess.run([*COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_every_command_and_the_exit_codes() -> None:
    done = process("--help")

    assert done.returncode == 0
    for name in (
        "init",
        "check",
        "plan",
        "dev",
        "api",
        "daemon",
        "worker",
        "demo",
        "tui",
        "run",
        "asset",
        "job",
        "backfill",
        "schedule",
        "sensor",
        "location",
        "schema",
        "db",
    ):
        assert f"\n  {name} " in done.stdout
    assert "Exit codes: 0 done; 1 what was asked for failed" in done.stdout


def test_help_imports_neither_the_server_nor_the_client() -> None:
    code = "import sys\nfrom partita.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    for name in ("sqlalchemy", "starlette", "strawberry", "pydantic", "rich", "gql", "partita_client", "msgspec"):
        assert name not in loaded


@pytest.mark.parametrize(
    "command",
    [
        *("init", "dev", "demo", "api", "daemon", "worker", "db upgrade", "asset list", "asset materialize", "location list", "location reload"),
        *("run launch", "run list", "run show", "run logs", "run cancel", "run retry", "run queue", "asset partitions", "tui"),
        *("backfill start", "backfill list", "backfill show", "backfill cancel", "backfill retry", "backfill pause", "backfill resume"),
        "backfill priority",
        *("schedule list", "schedule on", "schedule off", "schedule reset", "schedule ticks"),
        *("sensor list", "sensor on", "sensor off", "sensor reset", "sensor ticks", "sensor evaluate", "sensor cursor"),
    ],
)
def test_every_command_explains_itself(partita: Shell, command: str) -> None:
    done = partita(*command.split(), "--help")

    assert done.code == 0
    assert done.out.startswith(f"Usage: partita {command}")


def test_the_version_is_told(partita: Shell) -> None:
    assert partita("--version").out.startswith("partita 0.")


def test_an_unknown_command_suggests_the_nearest(partita: Shell) -> None:
    assert "There is no command 'assets'. Did you mean 'asset'?" in partita.refusal("assets")


def test_where_there_is_no_workspace_it_is_said_what_to_do(partita: Shell, tmp_path: Path) -> None:
    for command in (["dev"], ["api"], ["daemon"], ["worker"], ["db", "upgrade"]):
        assert "There is no workspace in" in partita.refusal(*command, cwd=tmp_path)


def test_a_wrong_setting_is_named_by_every_service(partita: Shell, tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text('[[location]]\nname = "x"\nmodul = "x"\n')

    for command in ("dev", "api", "daemon", "worker"):
        assert "location[0] (x).modul is not a setting. Did you mean 'module'?" in partita.refusal(command, cwd=tmp_path)


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = process("dev", "--debug", cwd=tmp_path)

    assert done.returncode != 0
    assert "Traceback" in done.stderr
    assert "WorkspaceError" in done.stderr


@pytest.mark.parametrize("command", ["dev", "api"])
def test_serving_others_is_refused_while_there_are_no_tokens(partita: Shell, tmp_path: Path, command: str) -> None:
    (tmp_path / "partita.toml").write_text('[[location]]\nname = "x"\nmodule = "x"\n')

    assert "serves this machine only" in partita.refusal(command, "--host", "0.0.0.0", cwd=tmp_path)


def test_a_home_that_cannot_be_made_is_named_with_the_option_to_choose_another(partita: Shell, tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text('[[location]]\nname = "x"\nmodule = "x"\n')
    (tmp_path / "file").write_text("")

    for command in (["dev"], ["daemon"], ["db", "upgrade"]):
        assert "cannot be used: Not a directory. Choose another with --home" in partita.refusal(*command, "--home", "file/home", cwd=tmp_path, code=1)


def test_a_worker_must_know_its_location_when_there_are_several(partita: Shell, tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text('[[location]]\nname = "one"\nmodule = "x"\n[[location]]\nname = "two"\nmodule = "x"\n')

    assert "2 code locations: one, two. Say which one with --location." in partita.refusal("worker", cwd=tmp_path)
    assert "There is no code location 'onne'. Did you mean 'one'?" in partita.refusal("worker", "--location", "onne", cwd=tmp_path)


@pytest.mark.parametrize("command", [["run", "list"], ["run", "launch", "x"], ["asset", "list"], ["asset", "materialize", "*"], ["location", "list"]])
def test_a_server_that_does_not_answer_is_exit_code_3(partita: Shell, command: list[str]) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    assert f"No Partita server answers at {url}" in partita.refusal(*command, "--url", url, code=3)


def test_the_address_comes_from_the_environment(partita: Shell) -> None:
    url = f"http://127.0.0.1:{free_port()}"

    done = partita("run", "list", PARTITA_URL=url)

    assert done.code == 3
    assert url in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "launch", "x", "--config", "no-such-file.yaml"], "file 'no-such-file.yaml' cannot be read: No such file"),
        (["run", "launch", "x", "--config", "{a: ["], "neither YAML nor JSON"),
        (["run", "launch", "x", "--tag", "team"], "'team' is not KEY=VALUE"),
        (["asset", "materialize", "x", "--range", "2024-01-01"], "'2024-01-01' is not FIRST..LAST"),
        (["asset", "materialize", "x", "--range", "a..b", "--all"], "Give one of --partition, --range and --all"),
        (["run", "retry", "x", "--step", "a", "--asset", "b"], "Give one of --all, --step and --asset"),
        (["run", "logs", "x", "--json", "--follow"], "--json prints one document"),
        (["run", "list", "--status", "finished"], "'finished' is not one of"),
    ],
)
def test_wrong_use_is_refused_before_the_server_is_asked(partita: Shell, arguments: list[str], said: str) -> None:
    assert said in partita.refusal(*arguments, "--url", f"http://127.0.0.1:{free_port()}")


def test_a_config_file_must_hold_a_table(partita: Shell, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("- 1\n")

    assert "must be a table" in partita.refusal("run", "launch", "x", "--config", "config.yaml", cwd=tmp_path)


def test_the_schema_is_printed_and_nothing_else(partita: Shell) -> None:
    done = partita("schema")

    assert done.code == 0
    assert "type Query" in done.out
    assert done.err == ""


def test_a_new_project_passes_its_own_tests(partita: Shell, tmp_path: Path) -> None:
    made = partita("init", "my-shop", cwd=tmp_path)

    assert made.code == 0, made.err
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=tmp_path / "my-shop", capture_output=True, text=True, check=False
    )
    assert tests.returncode == 0, tests.stdout + tests.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("9lives", "is not a name for a project"),
        ("a b", "is not a name for a project"),
        ("class", "is not a name for a project"),
        ("json", "would hide a module of that name"),
        ("partita", "would hide a module of that name"),
    ],
)
def test_a_name_that_cannot_be_a_package_is_refused(partita: Shell, tmp_path: Path, name: str, said: str) -> None:
    assert said in partita.refusal("init", name, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_with_something_in_it_is_left_alone(partita: Shell, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mine.txt").write_text("mine")

    assert "exists and is not empty" in partita.refusal("init", "shop", cwd=tmp_path)
    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["mine.txt"]


def test_an_empty_directory_becomes_a_project(partita: Shell, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()

    assert partita("init", "shop", cwd=tmp_path).code == 0
    assert (tmp_path / "shop" / "partita.toml").exists()


def test_the_database_is_made_once_and_then_left_as_it_is(partita: Shell, tmp_path: Path) -> None:
    (tmp_path / "partita.toml").write_text('[[location]]\nname = "x"\nmodule = "x"\n')

    first, second = partita("db", "upgrade", cwd=tmp_path), partita("db", "upgrade", cwd=tmp_path)

    assert "it was empty" in first.out
    assert "already" in second.out
    assert (tmp_path / ".partita" / "partita.db").exists()


def test_a_pipe_that_closes_early_is_no_error() -> None:
    done = subprocess.run(["bash", "-c", f"{COMMAND[0]} schema | head -1"], capture_output=True, text=True, check=False)

    assert done.stdout != ""
    assert done.stderr == ""
