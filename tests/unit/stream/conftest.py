"""An engine on a log in memory, for each test its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from libs.runtime.clock import FakeClock
from tests.unit.stream.fakes import Bench

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench(FakeClock(NOW))
    yield made
    await made.engine.abandon()
    made.engine.failed.cancel()


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 (polls state that tells nobody)
            await asyncio.sleep(0.002)
