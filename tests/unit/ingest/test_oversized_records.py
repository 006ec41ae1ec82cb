"""Records that Kafka refuses for their size: a dead letter each, and what is behind them arrives."""

import asyncio
import json

import pytest

from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record
from services.ingest.ports import LetterQuery
from services.ingest.publisher import DRAIN_BATCH
from services.ingest.redrive import Redriver
from tests.unit.ingest.shop import NOW, Shop, order
from tests.unit.ingest.test_publisher import Setup, record

MOST = 400  # bytes that the broker of these tests takes at once


@pytest.fixture
def setup() -> Setup:
    found = Setup()
    found.log.most_bytes = MOST
    return found


def huge(number: int) -> Record:
    value = json.dumps({"id": str(number), "source": "shopify/demo", "padding": "x" * MOST})
    return Record("customer.events", b"demo/c_1", value.encode())


def kept(setup: Setup) -> list[bytes]:
    return [letter.body for letter in setup.letters.letters.values()]


async def test_it_is_answered_and_becomes_a_letter_with_its_bytes(setup):
    assert await setup.publisher.publish([huge(1)]) == "spool"
    await setup.drained()
    (letter,) = setup.letters.letters.values()
    assert (letter.reason, letter.topic, letter.at) == ("record_too_large", "customer.events", NOW)
    assert (letter.source.name, letter.source.tenant, letter.source.provider) == ("spool", "demo", "shopify")
    assert letter.body == huge(1).value
    assert setup.published() == []


async def test_those_before_and_behind_arrive_in_order(setup):
    setup.log.away = True
    for one in [record(1), huge(2), record(3), record(4), huge(5), record(6)]:
        await setup.publisher.publish([one])
    setup.log.away = False
    await setup.drained()
    assert setup.published() == [1, 3, 4, 6]
    assert kept(setup) == [huge(2).value, huge(5).value]


async def test_records_that_are_too_large_only_together_all_arrive(setup):
    together = [
        Record("customer.events", b"demo/c_1", str(number).zfill(60).encode()) for number in range(50)
    ]
    assert await setup.publisher.publish(together) == "spool"
    await setup.drained()
    assert setup.published() == list(range(50))
    assert kept(setup) == []


async def test_many_are_sent_at_once_again_afterwards(setup):
    await setup.publisher.publish([huge(1), *(record(number) for number in range(100))])
    await setup.drained()
    for number in range(20):
        setup.log.away = True
        await setup.publisher.publish([record(number)])
        setup.log.away = False
        await setup.drained()
    assert setup.publisher._most == DRAIN_BATCH


async def test_without_postgres_for_the_letter_it_waits_in_the_spool(setup):
    setup.letters.away = True
    await setup.publisher.publish([huge(1), record(2)])
    drainer = asyncio.create_task(setup.publisher.drain_forever())
    async with asyncio.timeout(5):
        while setup.publisher._most > 1:  # noqa: ASYNC110 (the drainer has no event of its own)
            await asyncio.sleep(0.01)
    assert [one.record for one in setup.spool.waiting] == [huge(1), record(2)]
    drainer.cancel()
    setup.letters.away = False
    await setup.drained()
    assert (kept(setup), setup.published()) == ([huge(1).value], [2])


async def test_bytes_that_are_no_event_of_ours_are_kept_too(setup):
    await setup.publisher.publish([Record("t", b"k\xff", b"x" * MOST * 2)])
    await setup.drained()
    (letter,) = setup.letters.letters.values()
    assert (letter.source.provider, letter.topic) == ("unknown", "t")


async def test_nobody_gets_a_503_for_it_and_the_next_delivery_arrives():
    shop = Shop()
    await shop.shopify("orders/create", order(1))
    shop.log.most_bytes = 10
    assert (await shop.shopify("orders/create", order(2))).status_code == 200
    shop.log.most_bytes = 1024 * 1024
    assert (await shop.shopify("orders/create", order(3))).json()["durable"] == "spool"


async def test_reading_it_again_sends_it_again_as_it_was():
    shop, setup = Shop(), Setup()
    setup.log.most_bytes = MOST
    await setup.publisher.publish([huge(1)])
    await setup.drained()
    redriver = Redriver(shop.ingest.intake, shop.ports.sources, setup.letters)
    (letter,) = await redriver.waiting(LetterQuery(reason="record_too_large"), 10)
    done = await redriver.one(letter.reference)
    assert done is not None
    assert done.result() == {"outcome": "accepted", "events": [], "durable": "kafka"}
    assert shop.log.records == [huge(1)]
    assert setup.letters.stored[letter.reference].state == "redriven"


async def test_a_letter_that_cannot_be_sent_stays():
    shop, setup = Shop(), Setup()
    setup.log.most_bytes = MOST
    await setup.publisher.publish([huge(1)])
    await setup.drained()
    shop.log.away = shop.spool.away = True
    (reference,) = setup.letters.letters
    with pytest.raises(UnavailableError):
        await Redriver(shop.ingest.intake, shop.ports.sources, setup.letters).one(reference)
    assert kept(setup) == [huge(1).value]
