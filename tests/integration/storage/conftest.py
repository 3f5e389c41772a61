"""A store on a database of its own for each test, of each kind: on PostgreSQL together with the long tests."""

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


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.faults)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("empty_database"), tmp_path)
        with Store(url_of(tmp_path)) as opened:
            yield opened
        return
    server = request.getfixturevalue("postgres")
    url = server.database()
    with Store(url) as opened:
        yield opened
    server.drop(url)
