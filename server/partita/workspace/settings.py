"""`partita.toml`: locations, storage, limits. Read once, checked whole; every error names file, key and value."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from partita.errors import SettingsError, WorkspaceError
from partita.records.queue import Limits
from partita.records.queue import TagLimit as TagLimit
from partita.workspace.alert_settings import AlertSettings, alert_settings
from partita.workspace.tables import NAME, Table

WORKSPACE_FILE = "partita.toml"
HOME = ".partita"
DATABASE = "partita.db"
URL_SCHEMES = ("sqlite", "postgresql+psycopg")

Start = Literal["fork", "spawn"]


class LocationSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One code location: what to import, where, and by which interpreter.

    Paths are absolute and text, so that the value can travel to the location's own process as JSON.
    """

    name: str
    directory: str
    """Comes first on `sys.path` while the location's code is imported."""
    module: str | None = None
    file: str | None = None
    """Either `module` or `file` is given."""
    python: str | None = None
    """Interpreter of the location's own environment; None: the one that runs Partita."""
    start: Start = "fork"
    workers: int = 1
    provides: dict[str, str] = {}

    @property
    def source(self) -> dict[str, str]:
        """What the workspace file says of it, for people."""
        given = {"module": self.module, "file": self.file, "directory": self.directory, "python": self.python}
        return {key: value for key, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Where records are kept, and what runs have printed. SQLite paths are absolute."""

    url: str
    logs: str | None = None
    """Where output is brought when its run has ended, such as `s3://bucket/logs`; None: it stays in the home folder, which machines then share."""


LARGEST_OUTPUT = 64 * 1024**2
"""Bytes that are kept of what one attempt at a step writes to one stream, unless the workspace says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsSettings:
    """How many runs may be active at once, and how much of what they print is kept."""

    max_concurrent: int = 10
    limits: tuple[TagLimit, ...] = ()
    max_output: int = LARGEST_OUTPUT
    """Bytes of one stream of one attempt at a step; of longer ones the middle is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """How long records are kept."""

    events: timedelta = timedelta(days=90)
    ticks: Mapping[str, timedelta] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the workspace file and the command line decide."""

    locations: tuple[LocationSettings, ...]
    storage: StorageSettings
    home: Path
    runs: RunsSettings = RunsSettings()
    retention: RetentionSettings = RetentionSettings()
    pools: Mapping[str, int] = field(default_factory=dict)
    alerts: tuple[AlertSettings, ...] = ()
    path: Path | None = None
    """The file that was read; None when the location was named on the command line."""

    @property
    def limits(self) -> Limits:
        """How much may be active at once."""
        return Limits(max_concurrent=self.runs.max_concurrent, tags=self.runs.limits, pools=dict(self.pools))

    @property
    def values_directory(self) -> Path:
        """Where the default IO manager keeps values."""
        return self.home / "values"

    @property
    def logs_directory(self) -> Path:
        """Where stdout and stderr of steps are kept."""
        return self.home / "logs"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the file asks for that this version reads and does not enforce yet."""
        asked = {"location.provides": any(location.provides for location in self.locations)}
        return tuple(f"{self.path}: {key} is read but not enforced by this version of Partita." for key, is_asked in asked.items() if is_asked)

    def location(self, name: str) -> LocationSettings | None:
        """The settings of the location called `name`."""
        return next((location for location in self.locations if location.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Code named on the command line instead of in a workspace file."""

    files: Sequence[str | Path] = ()
    modules: Sequence[str] = ()


def load_settings(
    path: str | Path | None = None,
    *,
    cwd: Path | None = None,
    home: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    code: Code | None = None,
) -> Settings:
    """The settings of a workspace file, or of `code` named on the command line.

    Args:
        path: the workspace file or its directory; None: `partita.toml`, or `pyproject.toml` with `[tool.partita]`, in `cwd`.
        home: overrides `PARTITA_HOME`, which overrides `.partita/` beside the workspace file.

    Raises:
        WorkspaceError: there is no workspace file, or `code` names a file that does not exist.
        SettingsError: the file is not TOML, or some of its values are wrong; all of them are told together.
    """
    cwd = (cwd or Path.cwd()).absolute()
    environ = os.environ if environ is None else environ
    home = home or environ.get("PARTITA_HOME") or None
    if code is not None and (code.files or code.modules):
        return _from_code(code, cwd=cwd, home=Path(os.path.normpath(cwd / (home or HOME))))
    found, raw = _read(path, cwd)
    where = found.parent
    return _from_table(raw, path=found, home=cwd / home if home else where / HOME, environ=environ)


def _from_code(code: Code, *, cwd: Path, home: Path) -> Settings:
    locations = [_location_of_file(cwd / file) for file in code.files]
    locations += [LocationSettings(name=module.partition(".")[0], module=module, directory=str(cwd)) for module in code.modules]
    problems: list[str] = []
    _check_names(locations, problems)
    if problems:
        raise SettingsError(f"The locations on the command line cannot be used: {' '.join(problems)}")
    return Settings(locations=tuple(locations), storage=StorageSettings(url=_default_url(home)), home=home)


def _location_of_file(file: Path) -> LocationSettings:
    if not file.is_file():
        raise WorkspaceError(f"There is no file {file}. Name a Python file that holds assets, jobs or a repository.")
    return LocationSettings(name=file.stem, file=os.path.normpath(file), directory=os.path.normpath(file.parent))


def _read(path: str | Path | None, cwd: Path) -> tuple[Path, dict[str, Any]]:
    if path is not None:
        given = Path(os.path.normpath(cwd / path))
        if given.is_dir():
            return _find(given)
        raw = _parse(given)
        return given, _tool_table(raw) or {} if given.name == "pyproject.toml" else raw
    return _find(cwd)


def _find(directory: Path) -> tuple[Path, dict[str, Any]]:
    own, project = directory / WORKSPACE_FILE, directory / "pyproject.toml"
    if own.is_file():
        return own, _parse(own)
    if project.is_file() and (raw := _tool_table(_parse(project))) is not None:
        return project, raw
    raise WorkspaceError(
        f"There is no workspace in {directory}: neither {WORKSPACE_FILE} nor [tool.partita] in pyproject.toml. "
        "Make one with `partita init NAME`, or name code with -f FILE or -m MODULE."
    )


def _tool_table(raw: dict[str, Any]) -> dict[str, Any] | None:
    tool = raw.get("tool")
    table = tool.get("partita") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WorkspaceError(f"There is no workspace file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise WorkspaceError(f"{path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None


def _from_table(raw: dict[str, Any], *, path: Path, home: Path, environ: Mapping[str, str]) -> Settings:
    problems: list[str] = []
    table = Table(raw, problems=problems)
    home = Path(os.path.normpath(home))
    locations = [_location(each, path.parent) for each in table.tables("location")]
    if "location" not in raw:
        problems.append("location is missing: add a [[location]] with a name and a module or file.")
    _check_names(locations, problems)
    settings = Settings(
        locations=tuple(locations),
        storage=_storage(table.table("storage"), directory=path.parent, home=home, environ=environ),
        runs=_runs(table.table("runs")),
        retention=_retention(table.table("retention")),
        pools=_pools(table.table("pools")),
        alerts=alert_settings(table.tables("alert"), directory=path.parent),
        home=home,
        path=path,
    )
    table.refuse_others()
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise SettingsError(f"{path} cannot be used:\n{listed}")
    return settings


def _location(table: Table, base: Path) -> LocationSettings:
    directory = Path(os.path.normpath(base / (table.text("directory") or ".")))
    module, file, python = table.text("module"), table.text("file"), table.text("python")
    if module and file:
        table.complain("module", f"{module!r} and file {file!r} are both given; keep one of them.")
    if not module and not file:
        table.complain("module", "is missing: give either a module or a file.")
    if not directory.is_dir():
        table.complain("directory", f"{str(directory)!r} does not exist.")
    # Whether it can be started is seen when the location is loaded: others have nothing to do with it.
    interpreter = os.path.normpath(directory / Path(python).expanduser()) if python else None
    settings = LocationSettings(
        name=table.name("name") or (Path(file).stem if file else (module or "").partition(".")[0]),
        directory=str(directory),
        module=module,
        file=os.path.normpath(directory / file) if file else None,
        python=interpreter,
        start="spawn" if table.choice("start", ("fork", "spawn")) == "spawn" else "fork",
        workers=table.integer("workers", default=1, minimum=1),
        provides=table.scalars("provides"),
    )
    table.refuse_others()
    return settings


def _check_names(locations: Sequence[LocationSettings], problems: list[str]) -> None:
    names = [location.name for location in locations]
    problems.extend(
        f"{names.count(name)} locations are called {name!r}; give each a name of its own."
        for name in dict.fromkeys(names)
        if name and names.count(name) > 1
    )


def _storage(table: Table, *, directory: Path, home: Path, environ: Mapping[str, str]) -> StorageSettings:
    given, logs = table.text("url"), table.text("logs")
    table.refuse_others()
    if logs is not None and not all(logs.partition("://")):
        table.complain("logs", f"{logs!r}: give a URL with a scheme and a place, such as 's3://bucket/logs'.")
    url = _database_url(table, given, directory=directory, home=home, environ=environ)
    return StorageSettings(url=url, logs=logs)


def _database_url(table: Table, given: str | None, *, directory: Path, home: Path, environ: Mapping[str, str]) -> str:
    if given is None:
        return _default_url(home)
    url = given
    if given.startswith("env:"):
        variable = given.removeprefix("env:")
        url = environ.get(variable, "")
        if not url:
            table.complain("url", f"{given!r}: the environment variable {variable} is not set.")
            return _default_url(home)
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in URL_SCHEMES:
        # Not the whole URL: it may hold a password.
        table.complain("url", f"has the scheme {scheme if separator else ''!r}; use one of {', '.join(f'{each}://' for each in URL_SCHEMES)}.")
    elif scheme == "sqlite":
        return _sqlite_url(table, rest, directory)
    return url


def _sqlite_url(table: Table, rest: str, directory: Path) -> str:
    database = rest.removeprefix("/")
    if not rest.startswith("/") or database in {"", ":memory:"}:
        table.complain("url", f"'sqlite://{rest}': name a file, such as sqlite:///{HOME}/{DATABASE}; several processes share it.")
    return f"sqlite:///{os.path.normpath(directory / Path(database).expanduser())}"


def _default_url(home: Path) -> str:
    return f"sqlite:///{Path(os.path.normpath(home)) / DATABASE}"


def _runs(table: Table) -> RunsSettings:
    limits = tuple(_limit(each) for each in table.tables("limits"))
    twice = {limit.tag for limit in limits if [each.tag for each in limits].count(limit.tag) > 1}
    for tag in sorted(twice):
        table.complain("limits", f"has several limits for the tag {tag!r}; keep one of them.")
    settings = RunsSettings(
        max_concurrent=table.integer("max_concurrent", default=10, minimum=1),
        limits=limits,
        max_output=table.integer("max_output", default=LARGEST_OUTPUT, minimum=64 * 1024),
    )
    table.refuse_others()
    return settings


def _limit(table: Table) -> TagLimit:
    key, separator, value = (table.text("tag") or "").partition("=")
    if not key:
        table.complain("tag", "is missing: write a tag such as 'team=etl', or 'team' for any value.")
    if "limit" not in table.given():
        table.complain("limit", "is missing: say how many runs with the tag may be active at once.")
    limit = TagLimit(key=key, value=value if separator else None, limit=table.integer("limit", default=0, minimum=0))
    table.refuse_others()
    return limit


def _pools(table: Table) -> dict[str, int]:
    pools: dict[str, int] = {}
    for name in table.given():
        if not NAME.fullmatch(name):
            table.complain(name, "is not a name of a pool: use letters, digits, '_', '.' and '-'.")
        pools[name] = table.integer(name, default=0, minimum=0)
    return pools


def _retention(table: Table) -> RetentionSettings:
    settings = RetentionSettings(
        events=table.duration("events", default=timedelta(days=90)),
        ticks=table.durations("ticks", names=("skipped", "launched", "failed")),
    )
    table.refuse_others()
    return settings
