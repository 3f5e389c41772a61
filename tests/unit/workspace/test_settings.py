"""What a workspace file means, and what is said about a wrong one."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from partita.errors import SettingsError, WorkspaceError
from partita.records.queue import Limits, TagLimit
from partita.workspace.settings import Code, Settings, load_settings

LOCATION = '[[location]]\nname = "flights"\nmodule = "flights.definitions"\n'


def write(directory: Path, text: str, *, name: str = "partita.toml") -> Path:
    path = directory / name
    path.write_text(text)
    return path


def load(directory: Path, text: str, *, environ: dict[str, str] | None = None) -> Settings:
    return load_settings(write(directory, text), cwd=directory, environ=environ or {})


def refusal(directory: Path, text: str, *, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(directory, text, environ=environ)
    assert str(directory / "partita.toml") in str(caught.value)
    return str(caught.value)


def test_a_small_file_gets_the_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, LOCATION)

    assert settings.home == tmp_path / ".partita"
    assert settings.storage.url == f"sqlite:///{tmp_path}/.partita/partita.db"
    assert settings.values_directory == tmp_path / ".partita" / "values"
    assert settings.logs_directory == tmp_path / ".partita" / "logs"
    assert settings.runs.max_concurrent == 10
    assert settings.retention.events == timedelta(days=90)
    assert settings.path == tmp_path / "partita.toml"
    [location] = settings.locations
    assert (location.name, location.module, location.directory) == ("flights", "flights.definitions", str(tmp_path))
    assert (location.start, location.workers, location.python) == ("fork", 1, None)


def test_every_documented_setting_is_read(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    settings = load(
        tmp_path,
        f"""
[[location]]
name = "flights"
file = "flights.py"
directory = "code"
python = "{sys.executable}"
start = "spawn"
workers = 2
provides = {{ gpu = 1 }}
[storage]
url = "sqlite:///data/my.db"
[runs]
max_concurrent = 3
[[runs.limits]]
tag = "team=etl"
limit = 4
[pools]
dbt = 8
[retention]
events = "12h"
ticks = {{ skipped = "7d" }}
""",
    )

    [location] = settings.locations
    assert location.file == str(tmp_path / "code" / "flights.py")
    assert location.python == sys.executable
    assert (location.start, location.workers, location.provides) == ("spawn", 2, {"gpu": "1"})
    assert location.source == {"file": str(tmp_path / "code" / "flights.py"), "directory": str(tmp_path / "code"), "python": sys.executable}
    assert settings.storage.url == f"sqlite:///{tmp_path}/data/my.db"
    assert [(limit.key, limit.value, limit.limit) for limit in settings.runs.limits] == [("team", "etl", 4)]
    assert settings.pools == {"dbt": 8}
    assert settings.retention.events == timedelta(hours=12)
    assert settings.retention.ticks == {"skipped": timedelta(days=7)}


def test_what_is_read_but_not_enforced_is_said(tmp_path: Path) -> None:
    settings = load(tmp_path, LOCATION + "provides = { gpu = 1 }\n")

    [warning] = settings.warnings
    assert "location.provides is read but not enforced" in warning
    assert load(tmp_path, LOCATION + "[pools]\ndbt = 1\n[[runs.limits]]\ntag = 'team'\nlimit = 1\n").warnings == ()


def test_limits_are_one_value_for_whoever_keeps_them(tmp_path: Path) -> None:
    limits = "[[runs.limits]]\ntag = 'team=etl'\nlimit = 0\n[[runs.limits]]\ntag = 'team'\nlimit = 4\n"
    text = "[runs]\nmax_concurrent = 3\n[pools]\ndbt = 8\noff = 0\n" + limits

    assert load(tmp_path, LOCATION + text).limits == Limits(
        max_concurrent=3,
        tags=(TagLimit(key="team", value="etl", limit=0), TagLimit(key="team", value=None, limit=4)),
        pools={"dbt": 8, "off": 0},
    )
    assert load(tmp_path, LOCATION).limits == Limits(max_concurrent=10)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LOCATION + "[storge]\nurl = 'sqlite:///x.db'\n", "storge is not a setting. Did you mean 'storage'?"),
        (LOCATION + "modul = 'x'\n", "location[0] (flights).modul is not a setting. Did you mean 'module'?"),
        (LOCATION + "[runs]\nmax_concurent = 1\n", "runs.max_concurent is not a setting. Did you mean 'max_concurrent'?"),
        (LOCATION + "[runs]\nmax_concurrent = 'ten'\n", "runs.max_concurrent = 'ten' must be a whole number."),
        (LOCATION + "[runs]\nmax_concurrent = true\n", "runs.max_concurrent = True must be a whole number."),
        (LOCATION + "[runs]\nmax_concurrent = 0\n", "runs.max_concurrent = 0 must be at least 1."),
        (LOCATION + "[pools]\ndbt = -1\n", "pools.dbt = -1 must be at least 0."),
        (LOCATION + "[pools]\ndbt = '8'\n", "pools.dbt = '8' must be a whole number."),
        (LOCATION + "[pools]\n'my pool' = 8\n", "pools.my pool is not a name of a pool"),
        (LOCATION + "[[runs.limits]]\ntag = 'team'\n", "runs.limits[0].limit is missing: say how many runs with the tag may be active at once."),
        (LOCATION + "[[runs.limits]]\nlimit = 1\n", "runs.limits[0].tag is missing: write a tag such as 'team=etl'"),
        (LOCATION + "[[runs.limits]]\ntag = 'team'\nlimit = 1\n" * 2, "runs.limits has several limits for the tag 'team'; keep one of them."),
        (LOCATION + "[runs.limits]\nteam = 1\n", "runs.limits = {'team': 1} must be a list; write it as [[runs.limits]]."),
        (LOCATION + "workers = 0\n", "workers = 0 must be at least 1."),
        (LOCATION + "start = 'frok'\n", "start 'frok' is not one of 'fork', 'spawn'. Did you mean 'fork'?"),
        (LOCATION + "directory = 'nowhere'\n", "nowhere' does not exist."),
        (LOCATION + "file = 'x.py'\n", "module 'flights.definitions' and file 'x.py' are both given"),
        ('[[location]]\nname = "x"\n', "location[0] (x).module is missing: give either a module or a file."),
        ('[[location]]\nname = "a b"\nmodule = "x"\n', "name 'a b' is not a name"),
        ('[[location]]\nname = 3\nmodule = "x"\n', "location[0].name = 3 must be text."),
        ('[location]\nname = "x"\nmodule = "x"\n', "must be a list; write it as [[location]]."),
        (LOCATION + LOCATION, "2 locations are called 'flights'; give each a name of its own."),
        ("[runs]\n", "location is missing: add a [[location]]"),
        (LOCATION + "[retention]\nevents = '90'\n", "retention.events '90' is not a duration"),
        (LOCATION + "[storage]\nurl = 'mysql://x'\n", "storage.url has the scheme 'mysql'; use one of sqlite://, postgresql+psycopg://."),
        (LOCATION + "[storage]\nurl = 'sqlite://'\n", "name a file, such as sqlite:///.partita/partita.db"),
        (LOCATION + "[storage]\nurl = 'sqlite:///:memory:'\n", "name a file"),
        (LOCATION + "[storage]\nurl = 'env:NO_SUCH'\n", "storage.url 'env:NO_SUCH': the environment variable NO_SUCH is not set."),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_all_problems_of_a_file_are_told_together(tmp_path: Path) -> None:
    message = refusal(tmp_path, LOCATION + "start = 'x'\n[runs]\nmax_concurrent = -1\n")

    assert "start 'x'" in message
    assert "runs.max_concurrent = -1" in message


def test_a_file_that_is_not_toml_is_refused_with_the_line(tmp_path: Path) -> None:
    assert "line 2" in refusal(tmp_path, "[[location]]\nname = \n")


def test_a_password_in_a_wrong_url_is_not_shown(tmp_path: Path) -> None:
    assert "secret" not in refusal(tmp_path, LOCATION + "[storage]\nurl = 'postgres://me:secret@host/db'\n")


def test_the_url_can_come_from_the_environment(tmp_path: Path) -> None:
    settings = load(tmp_path, LOCATION + "[storage]\nurl = 'env:DB'\n", environ={"DB": "postgresql+psycopg://host/db"})

    assert settings.storage.url == "postgresql+psycopg://host/db"


def test_pyproject_is_a_workspace_when_it_has_the_table(tmp_path: Path) -> None:
    write(tmp_path, '[project]\nname = "x"\n[[tool.partita.location]]\nname = "flights"\nmodule = "flights"\n', name="pyproject.toml")

    settings = load_settings(cwd=tmp_path, environ={})

    assert [location.name for location in settings.locations] == ["flights"]


def test_partita_toml_stands_before_pyproject(tmp_path: Path) -> None:
    write(tmp_path, '[[tool.partita.location]]\nname = "other"\nmodule = "other"\n', name="pyproject.toml")
    write(tmp_path, LOCATION)

    assert load_settings(cwd=tmp_path, environ={}).locations[0].name == "flights"


@pytest.mark.parametrize("pyproject", [None, '[project]\nname = "x"\n'])
def test_a_directory_without_a_workspace_is_refused_with_what_to_do(tmp_path: Path, pyproject: str | None) -> None:
    if pyproject:
        write(tmp_path, pyproject, name="pyproject.toml")

    with pytest.raises(WorkspaceError, match=r"There is no workspace in .*partita init NAME"):
        load_settings(cwd=tmp_path, environ={})


def test_a_named_workspace_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"There is no workspace file .*gone\.toml"):
        load_settings("gone.toml", cwd=tmp_path, environ={})


def test_a_workspace_can_be_named_by_its_directory(tmp_path: Path) -> None:
    write(tmp_path, LOCATION)

    assert load_settings(tmp_path, cwd=Path("/"), environ={}).home == tmp_path / ".partita"


def test_home_comes_from_the_argument_then_the_environment_then_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, LOCATION)
    environ = {"PARTITA_HOME": "from-environment"}

    assert load_settings(path, cwd=tmp_path, environ=environ, home="given").home == tmp_path / "given"
    assert load_settings(path, cwd=tmp_path, environ=environ).home == tmp_path / "from-environment"
    assert load_settings(path, cwd=tmp_path, environ={}).storage.url.endswith("/.partita/partita.db")


def test_code_named_on_the_command_line_needs_no_file(tmp_path: Path) -> None:
    write(tmp_path, "", name="flights.py")

    settings = load_settings(cwd=tmp_path, environ={}, code=Code(files=["flights.py"], modules=["marts.definitions"]))

    assert [(location.name, location.file or location.module) for location in settings.locations] == [
        ("flights", str(tmp_path / "flights.py")),
        ("marts", "marts.definitions"),
    ]
    assert settings.home == tmp_path / ".partita"
    assert settings.path is None


def test_a_file_on_the_command_line_must_exist(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"There is no file .*gone\.py"):
        load_settings(cwd=tmp_path, environ={}, code=Code(files=["gone.py"]))
