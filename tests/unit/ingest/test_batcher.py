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


class Picky:
    """Does nothing of a call that has a wrong item in it."""

    def __init__(self, *wrong: int) -> None:
        self.wrong = set(wrong)
        self.done: list[int] = []
        self.calls = 0
        self.begun = asyncio.Event()

    async def run(self, items: Sequence[int]) -> list[int]:
        self.calls += 1
        self.begun.set()
        await asyncio.sleep(0)
        if self.wrong & set(items):
            raise ValueError
        self.done += items
        return [10 * item for item in items]


async def outcomes(batcher: Batcher[int, int], items: Sequence[int]) -> list[int | BaseException]:
    return await asyncio.gather(*(batcher.submit(item) for item in items), return_exceptions=True)


async def test_only_the_culprit_of_a_batch_is_told_so():
    store = Picky(3, 300)
    found = await outcomes(Batcher(store.run, culprit=ValueError), range(500))
    failed = [number for number, one in enumerate(found) if isinstance(one, ValueError)]
    assert failed == [3, 300]
    assert [one for one in found if not isinstance(one, ValueError)] == [10 * one for one in store.done]
    assert store.done == [number for number in range(500) if number not in store.wrong]
    assert store.calls < 40


async def test_who_gave_up_is_not_tried_again_alone():
    store = Picky(1)
    batcher = Batcher(store.run, culprit=ValueError)
    asked = [asyncio.create_task(batcher.submit(item)) for item in (1, 2, 3)]
    await store.begun.wait()
    asked[1].cancel()
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in told] == [ValueError, asyncio.CancelledError, int]
    assert store.done == [3]


async def test_another_error_is_everybodys():
    store = Picky(1)
    found = await outcomes(Batcher(store.run, culprit=KeyError), [1, 2])
    assert [type(one) for one in found] == [ValueError, ValueError]
    assert store.calls == 1
