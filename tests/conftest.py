"""What all tests share."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says nothing of right or wrong, and on a busy machine it may take any time.
settings.register_profile("partita", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("partita")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Reports whose captured text holds lone surrogates, which some tests print on purpose, could not be sent between processes."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "replace").decode()) for name, text in report.sections]
    return report
