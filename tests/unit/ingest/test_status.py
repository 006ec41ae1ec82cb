"""What ingest says of the events that wait: whether, and since when."""

import asyncio
from datetime import timedelta

import pytest

from libs.runtime.clock import FakeClock
from libs.runtime.status import Word
from services.ingest.ports import SpoolDepth
from services.ingest.status import status_of
from tests.unit.ingest.shop import NOW
from tests.unit.ingest.test_publisher import Setup, record

CLEAR = Word(waiting=False)


@pytest.fixture
async def setup() -> Setup:
    """The spool has been counted, and holds nothing."""
    made = Setup()
    await made.publisher._count()
    return made


def said(setup: Setup) -> Word:
    return status_of(setup.publisher, FakeClock(NOW))()


async def test_nothing_waits_while_kafka_takes_all(setup):
    await setup.publisher.publish([record(1)])
    assert said(setup) == CLEAR


async def test_what_is_spooled_waits_until_kafka_has_it(setup):
    setup.log.away = True
    await setup.publisher.publish([record(1)])
    assert said(setup).waiting
    setup.log.away = False
    await setup.drained()
    assert setup.published() == [1]
    assert said(setup) == CLEAR


async def test_what_another_process_spools_waits_too(setup, monkeypatch):
    async def depth() -> SpoolDepth:
        return SpoolDepth(3, 90.0)

    monkeypatch.setattr(setup.spool, "depth", depth)
    monkeypatch.setattr(setup.publisher, "_counted_at", float("-inf"))
    await setup.publisher._count()
    assert not setup.publisher.spooling
    assert said(setup) == Word(waiting=True, oldest=NOW - timedelta(seconds=90))


def test_a_spool_that_nobody_has_counted_may_hold_anything():
    assert said(Setup()) == Word(waiting=True)


async def test_a_spool_that_cannot_be_counted_holds_nothing_more_than_it_did(setup):
    setup.spool.away = True
    drainer = asyncio.create_task(setup.publisher.drain_forever())
    await asyncio.sleep(0)
    assert said(setup) == CLEAR
    drainer.cancel()
    await asyncio.wait({drainer})
