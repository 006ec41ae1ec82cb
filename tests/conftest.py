"""What every test gets: an environment that says nothing, and the fixtures of tests/fixtures."""

import os
from collections.abc import Generator

import pytest

pytest_plugins = ["tests.fixtures.stack"]

# A developer's own settings must not change what a test sees.
OURS = ("GREENLINE_", "INGEST_", "SCORING_", "TRIGGERS_", "OUTREACH_", "SANDBOX_")
PLAIN = ("DURATION", "CUSTOMERS", "EFFECT", "HOLDOUT", "SEED")  # what `make demo` takes


@pytest.fixture(scope="session", autouse=True)
def _scrubbed_environment() -> None:
    for name in [name for name in os.environ if name.startswith(OURS) or name in PLAIN]:
        del os.environ[name]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """No skips: a test that does not run proves nothing, so it counts as failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped: {report.longrepr}"
    return report
