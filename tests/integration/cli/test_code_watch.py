"""Which changes of files make a location load again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.cli.code import CodeWatch, watched_directories
from partita.workspace.settings import LocationSettings, Settings, StorageSettings
from support.waiting import eventually


def settings(root: Path, *locations: LocationSettings) -> Settings:
    return Settings(locations=locations, storage=StorageSettings(url=""), home=root / ".partita", path=root / "partita.toml")


def location(directory: Path) -> LocationSettings:
    return LocationSettings(name=directory.name, directory=str(directory), module="x")


class Watch:
    """A watch that notes the reloads it asks for."""

    def __init__(self, of: Settings, *, since: float | None = None) -> None:
        self.asked: list[str] = []
        self.ended = threading.Event()
        self._watch = CodeWatch(of, since=time.time() if since is None else since, reload=self.asked.append)
        self.thread = threading.Thread(target=self._watch.run, args=(self.ended,))
        self.thread.start()

    def wait_for(self, *names: str) -> None:
        """Until these locations, and no others, were asked to load."""
        eventually(lambda: set(names) <= set(self.asked), what="a reload")
        assert set(self.asked) == set(names)

    def end(self) -> None:
        self.ended.set()
        self.thread.join(timeout=5)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Path, Watch]]:
    for name in ("one", "two"):
        (tmp_path / name / "package").mkdir(parents=True)
    watch = Watch(settings(tmp_path, location(tmp_path / "one"), location(tmp_path / "two")))
    yield tmp_path, watch
    watch.end()


def test_a_changed_module_loads_its_location_and_no_other(two: tuple[Path, Watch]) -> None:
    root, watch = two
    (root / "one" / "package" / "module.py").write_text("x = 1\n")

    watch.wait_for("one")


def test_code_that_changed_before_the_watch_began_is_loaded_again(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    old, changed = tmp_path / "two" / "module.py", tmp_path / "one" / "module.py"
    old.write_text("x = 1\n")
    since = time.time() + 1
    changed.write_text("x = 2\n")
    os.utime(changed, (since, since))

    watch = Watch(settings(tmp_path, location(tmp_path / "one"), location(tmp_path / "two")), since=since)
    try:
        watch.wait_for("one")
    finally:
        watch.end()


def test_a_file_that_is_not_code_loads_nothing(two: tuple[Path, Watch]) -> None:
    root, watch = two
    (root / "one" / "data.csv").write_text("1")
    (root / "two" / "module.pyc").write_text("1")
    (root / "one" / "module.py").write_text("x = 1\n")

    watch.wait_for("one")


def test_a_changed_workspace_file_is_told_and_loads_nothing(two: tuple[Path, Watch], capsys: pytest.CaptureFixture[str]) -> None:
    root, _ = two
    seen = ""

    def is_told() -> bool:
        nonlocal seen
        (root / "partita.toml").write_text("")
        seen += capsys.readouterr().out
        return "partita.toml changed; start `partita dev` again to use it." in seen

    eventually(is_told)


def test_one_change_in_a_shared_directory_loads_every_location_of_it(tmp_path: Path) -> None:
    shared = [LocationSettings(name=name, directory=str(tmp_path), module=name) for name in ("one", "two")]
    watch = Watch(settings(tmp_path, *shared))
    try:
        (tmp_path / "common.py").write_text("x = 1\n")
        watch.wait_for("one", "two")
    finally:
        watch.end()


def test_environments_hidden_directories_and_caches_are_not_watched(tmp_path: Path) -> None:
    for name in (".git", "__pycache__", "node_modules", "package/inner", "env/lib"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "env" / "pyvenv.cfg").write_text("")

    watched = watched_directories(settings(tmp_path, location(tmp_path)))

    assert watched == [tmp_path, tmp_path / "package", tmp_path / "package" / "inner"]


def test_a_directory_that_goes_away_does_not_end_the_watch(two: tuple[Path, Watch]) -> None:
    root, watch = two
    (root / "two" / "package").rmdir()
    (root / "one" / "module.py").write_text("x = 1\n")

    watch.wait_for("one")
