"""The live stream, read as a browser reads it."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from libs.runtime.clock import SystemClock
from services.outreach.console import ConsoleDeps, live
from tests.integration.console import seed

WAIT_S = 10.0


async def _beats(stream: AsyncIterator[str]) -> AsyncIterator[tuple[str, Any]]:
    async for message in stream:
        lines = dict(line.split(": ", 1) for line in message.strip().splitlines())
        if "event" in lines:
            yield lines["event"], json.loads(lines["data"])


def _streaming(deps: ConsoleDeps, customer: str | None) -> AsyncIterator[tuple[str, Any]]:
    # A standing clock would keep the shared reading for ever.
    ticking = replace(deps, clock=SystemClock())
    watched = (seed.TENANT, customer) if customer else None
    return _beats(live.stream(ticking, live.figures_of(ticking), watched))


async def _next(beats: AsyncIterator[tuple[str, Any]], name: str) -> Any:
    async with asyncio.timeout(WAIT_S):
        async for kind, beat in beats:
            if kind == name:
                return beat
    raise AssertionError(f"the stream ended without {name}")


async def test_a_change_of_score_is_told_to_the_customers_page(deps: ConsoleDeps) -> None:
    beats = _streaming(deps, seed.ANA)
    assert (await _next(beats, "customer"))["score"] == 27.4
    async with deps.engine.begin() as connection:
        await connection.execute(
            text("UPDATE outreach.customers SET score = 41.5 WHERE customer_id = :customer"),
            {"customer": seed.ANA},
        )
    assert (await _next(beats, "customer"))["score"] == 41.5


async def test_a_new_task_is_told_to_the_queue(deps: ConsoleDeps) -> None:
    beats = _streaming(deps, None)
    assert (await _next(beats, "queue"))["open_tasks"] == 4
    async with deps.engine.begin() as connection:
        await connection.execute(text("UPDATE outreach.tasks SET status = 'open' WHERE id = 'task-9'"))
    assert (await _next(beats, "queue"))["open_tasks"] == 5


async def test_the_stream_ends_when_the_service_stops(deps: ConsoleDeps) -> None:
    beats = _streaming(deps, None)
    await _next(beats, "queue")
    deps.stop.set()
    async with asyncio.timeout(WAIT_S):
        assert [beat async for beat in beats] == []
