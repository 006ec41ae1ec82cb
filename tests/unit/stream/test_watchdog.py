"""A worker that stands still while the broker has more ends; one that moves, or waits for work, lives."""

import asyncio
import contextlib

import pytest
from aiokafka.errors import KafkaConnectionError

from libs.runtime.stream import Lane, StalledError
from libs.runtime.stream.coverage import Place
from libs.runtime.stream.restore import Bounds
from libs.runtime.stream.watchdog import Stillness, watch

A, B = Place(Lane.EVENTS, 0), Place(Lane.TRANSFERS, 1)
AT_10 = {A: Bounds(0, 10), B: Bounds(0, 10)}


def test_nothing_to_do_is_no_stillness():
    stillness = Stillness()
    for wall in (0, 100):
        assert stillness.longest({A: 10, B: 10}, AT_10, wall) == (0.0, "")


def test_the_place_that_stands_longest_is_named():
    stillness = Stillness()
    stillness.longest({A: 4, B: 5}, AT_10, 0)
    stillness.longest({A: 4, B: 6}, AT_10, 30)
    assert stillness.longest({A: 4, B: 6}, AT_10, 50) == (50, "events of partition 0: 4 of 10")


def test_progress_however_slow_begins_the_count_anew():
    stillness = Stillness()
    for wall, at in ((0, 1), (50, 2), (100, 3)):
        assert stillness.longest({A: at}, AT_10, wall)[0] == 0


def test_a_place_taken_away_is_forgotten():
    stillness = Stillness()
    stillness.longest({A: 4}, AT_10, 0)
    stillness.longest({}, {}, 30)
    assert stillness.longest({A: 4}, AT_10, 60)[0] == 0


async def test_it_ends_the_worker_after_the_limit_and_says_what_waits():
    async def ends(_):
        return AT_10

    with pytest.raises(StalledError, match=r"although there is more: events of partition 0: 4 of 10"):
        async with asyncio.timeout(5):
            await watch(lambda: {A: 4}, ends, 0.04)


async def test_a_broker_that_is_away_is_no_stall():
    asked = asyncio.Event()

    async def ends(_):
        asked.set()
        raise KafkaConnectionError

    watching = asyncio.create_task(watch(lambda: {A: 4}, ends, 0.004))
    await asyncio.wait_for(asked.wait(), 5)
    await asyncio.sleep(0.05)
    assert not watching.done()
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
