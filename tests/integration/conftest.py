"""The longest files first: last in line, such a one leaves the other core without work for minutes."""

from pathlib import Path

import pytest

# 4 to 2 minutes each on a busy machine. xdist, most tests first, put the three of the first file at the end.
LONGEST = (
    "stream/test_crashes.py",
    "ingest/test_dead_letters_from_the_command_line.py",
    "stack/test_stack.py",
    "ingest/test_reconciling_for_real.py",
    "ingest/test_outages.py",
    "ingest/test_command_line.py",
    "ingest/test_sources_in_postgres.py",
    "ingest/test_import.py",
)
_RANKS = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _RANKS.get(item.path, len(_RANKS)))
