"""Single callers share bulk calls, and none waits longer than it said."""

import asyncio
from collections.abc import Sequence

import pytest

from services.ingest.batcher import Batcher


class Store:
    """Answers a bulk call once it is let."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.begun, self.may = asyncio.Event(), asyncio.Event()

    async def run(self, items: Sequence[int]) -> list[int]:
        self.calls.append(list(items))
        self.begun.set()
        await self.may.wait()
        return [10 * item for item in items]


async def test_what_comes_during_a_call_makes_up_the_next():
    store = Store()
    batcher = Batcher(store.run)
    first = asyncio.create_task(batcher.submit(1))
    await store.begun.wait()
    others = [asyncio.create_task(batcher.submit(item)) for item in (2, 3)]
    await asyncio.sleep(0)
    store.may.set()
    assert await asyncio.gather(first, *others) == [10, 20, 30]
    assert store.calls == [[1], [2, 3]]


async def test_who_waits_too_long_is_told_and_is_not_asked_about():
    store = Store()
    batcher = Batcher(store.run)
    first = asyncio.create_task(batcher.submit(1))
    await store.begun.wait()
    with pytest.raises(TimeoutError):
        await batcher.submit(2, 0.001)
    third = asyncio.create_task(batcher.submit(3, 60.0))
    await asyncio.sleep(0)
    store.may.set()
    assert await asyncio.gather(first, third) == [10, 30]
    assert store.calls == [[1], [3]]


async def test_who_is_told_too_late_does_not_disturb_the_others():
    store = Store()
    batcher = Batcher(store.run)
    second = asyncio.create_task(batcher.submit(2))
    with pytest.raises(TimeoutError):
        await batcher.submit(1, 0.001)
    store.may.set()
    assert await second == 20
