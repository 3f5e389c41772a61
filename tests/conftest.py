"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says nothing of right or wrong, and on a busy machine it may take any time.
# Where a change is judged, the same examples every time; elsewhere always others.
settings.register_profile("partita", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ)
settings.load_profile("partita")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Reports whose captured text holds lone surrogates, which some tests print on purpose, could not be sent between processes."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "replace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server of the test session's own, where the machine has the binaries."""
    pytest.importorskip("psycopg")
    from support.postgres import PostgresServer, find_binaries

    binaries = find_binaries()
    if binaries is None:
        pytest.skip("this machine has no PostgreSQL: install it, or say where with PARTITA_TEST_PG_BIN")
    server = PostgresServer(binaries, tmp_path_factory.mktemp("postgres"))
    yield server
    server.close()
