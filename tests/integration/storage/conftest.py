"""A store on a file of its own for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.storage.store import Store
from support.stores import url_of


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables: copying it is quicker than making them."""
    with Store(url_of(tmp_path_factory.mktemp("empty"))) as made:
        return made.database_path


@pytest.fixture
def store(tmp_path: Path, empty_database: Path) -> Iterator[Store]:
    shutil.copy(empty_database, tmp_path)
    with Store(url_of(tmp_path)) as opened:
        yield opened
