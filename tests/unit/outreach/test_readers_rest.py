"""A reader for which nobody waits rests after a few records, so that a batch is worth its five trips."""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest

from libs.runtime.clock import FakeClock
from services.outreach.adapters.kafka import Reader
from tests.unit.triggers.shop import START


class Silent:
    """Kafka's client, of which only coming and going is asked here."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


async def rests(monkeypatch: pytest.MonkeyPatch, polls: list[int], rest_s: float) -> list[float]:
    """Each rest of a reader whose polls find so many records, of 100 at most."""
    stop, rested, left = asyncio.Event(), list[float](), cast("Iterator[int]", iter(polls))

    async def poll(*_: Any) -> int:
        found = next(left, None)
        if found is None:
            stop.set()
        return found or 0

    async def wait_for(waiting: Any, timeout: float) -> None:  # noqa: ASYNC109 (asyncio's own)
        waiting.close()
        rested.append(timeout)

    async def nothing(*_: Any) -> None: ...

    monkeypatch.setattr("services.outreach.adapters.kafka.make_consumer", lambda *_, **__: Silent())
    monkeypatch.setattr(Reader, "_seek", nothing)
    monkeypatch.setattr(Reader, "_poll", poll)
    monkeypatch.setattr(asyncio, "wait_for", wait_for)
    reader = Reader("kafka", "events", cast("Any", None), nothing, FakeClock(START), batch=100, rest_s=rest_s)
    await reader.run(stop)
    return rested


async def test_it_rests_after_a_few_records_and_goes_on_after_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await rests(monkeypatch, [1, 49, 50, 100, 0], 0.25) == [0.25, 0.25]


async def test_one_that_somebody_waits_for_never_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await rests(monkeypatch, [1, 49], 0.0) == []
