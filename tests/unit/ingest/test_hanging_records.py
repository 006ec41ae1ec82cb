"""Records that the client took and did not account for in time: in the spool too, on the topic once."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record
from tests.unit.ingest.test_publisher import Setup, record


@pytest.fixture
def setup() -> Setup:
    found = Setup()
    found.log.silent = True
    return found


@contextmanager
def draining(setup: Setup) -> Iterator[None]:
    drainer = asyncio.create_task(setup.publisher.drain_forever())
    yield
    drainer.cancel()


async def taken(setup: Setup) -> None:
    """Until the client has something."""
    async with asyncio.timeout(5):
        while not setup.log.open:  # noqa: ASYNC110 (the client says nothing: that is what these tests are about)
            await asyncio.sleep(0.01)


def spooled(setup: Setup) -> list[Record]:
    return [one.record for one in setup.spool.waiting]


async def test_one_that_lands_after_its_wait_is_on_the_topic_once(setup):
    assert await setup.publisher.publish([record(1)]) == "spool"
    setup.log.silent = False
    setup.log.land(1)
    await setup.drained()
    assert setup.published() == [1]


async def test_one_that_is_refused_after_its_wait_is_sent_from_the_spool(setup):
    await setup.publisher.publish([record(1)])
    setup.log.silent = False
    setup.log.refuse()
    await setup.drained()
    assert setup.published() == [1]


async def test_younger_records_wait_until_the_client_has_accounted_for_the_older(setup):
    await setup.publisher.publish([record(1)])
    setup.log.silent = False
    with draining(setup):
        assert await setup.publisher.publish([record(2)]) == "spool"
        assert setup.published() == []
        assert spooled(setup) == [record(1), record(2)]
    setup.log.land(1)
    await setup.drained()
    assert setup.published() == [1, 2]


async def test_what_has_landed_by_the_end_of_the_wait_is_not_spooled(setup):
    publishing = asyncio.create_task(setup.publisher.publish([record(1), record(2), record(3)]))
    await taken(setup)
    setup.log.land(2)
    assert await publishing == "spool"
    assert spooled(setup) == [record(3)]


async def test_all_that_wait_for_kafka_go_to_the_spool_in_their_order(setup):
    publishing = []
    for number in (1, 2, 3):
        publishing.append(asyncio.create_task(setup.publisher.publish([record(number)])))
        await asyncio.sleep(0)
    assert await asyncio.gather(*publishing) == ["spool"] * 3
    assert spooled(setup) == [record(number) for number in (1, 2, 3)]


async def test_the_way_back_does_not_wait_for_a_lull(setup):
    await setup.publisher.publish([record(1)])
    setup.log.silent = False
    setup.log.land(1)
    numbers, ways = count(2), list[str]()

    async def send() -> None:
        while "kafka" not in ways:
            ways.append(await setup.publisher.publish([record(next(numbers))]))

    async with asyncio.timeout(10):
        with draining(setup):
            await asyncio.gather(*(send() for _ in range(20)))
    assert setup.published() == list(range(1, next(numbers)))


async def test_a_batch_of_the_drainer_that_hangs_is_not_sent_again(setup, monkeypatch):
    monkeypatch.setattr("services.ingest.publisher.DRAIN_WAIT_S", 0.05)
    await setup.spool.add([[record(1), record(2)]])
    drained = asyncio.create_task(setup.drained())
    async with asyncio.timeout(5):
        while not setup.publisher._unsettled:  # noqa: ASYNC110 (the drainer has no event of its own)
            await asyncio.sleep(0.01)
    setup.log.silent = False
    setup.log.land(2)
    await drained
    assert setup.published() == [1, 2]


async def test_what_postgres_refused_is_forgotten_when_it_lands(setup):
    setup.spool.away = True
    with pytest.raises(UnavailableError):
        await setup.publisher.publish([record(1)])
    setup.log.silent = setup.spool.away = False
    setup.log.land(1)
    await setup.drained()
    assert not setup.publisher._unsettled


async def test_a_process_that_ends_takes_out_what_has_landed(setup):
    await setup.publisher.publish([record(1), record(2)])
    finishing = asyncio.create_task(setup.publisher.finish())
    await asyncio.sleep(0)
    setup.log.land(1)
    setup.log.refuse()
    await finishing
    assert spooled(setup) == [record(2)]
    assert setup.published() == [1]


async def test_a_process_that_ends_waits_for_the_drainers_batch_and_begins_no_other(setup, monkeypatch):
    monkeypatch.setattr("services.ingest.publisher.DRAIN_BATCH", 1)
    await setup.spool.add([[record(1), record(2)]])
    with draining(setup):
        await taken(setup)
        finishing = asyncio.create_task(setup.publisher.finish())
        await asyncio.sleep(0)
        setup.log.silent = False
        setup.log.land(1)
        await finishing
    assert setup.published() == [1]
    assert spooled(setup) == [record(2)]


async def test_a_process_that_ends_does_not_wait_for_ever(setup, monkeypatch):
    monkeypatch.setattr("services.ingest.publisher.FINISH_S", 0.05)
    await setup.publisher.publish([record(1)])
    await setup.publisher.finish()
    assert spooled(setup) == [record(1)]
