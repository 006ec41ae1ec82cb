"""The events, the same in every run of one size, and what they must come to."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from aiokafka import AIOKafkaProducer

from benchmarks.equal_job.job import EVERY, PARTITIONS
from libs.runtime.kafka import make_producer

Numbers = npt.NDArray[np.int64]

_SEED = 7
_START = datetime(2026, 1, 1, tzinfo=UTC)
_TYPES = ("order.placed", "site.visited", "email.opened", "ticket.opened")
_PAST_N = 1_000_000  # more than any customer's events: (customer, n) as one number
# About 300 bytes, in the shape of customer.events.
_EVENT = (
    '{"specversion":"1.0","id":"shopify:%d:done","source":"shopify/demo","type":"%s","tenant":"demo",'
    '"subject":"c%d","time":"%s","amount":%d,"currency":"USD","attributes":{"session_id":"s%d","pages":%d,'
    '"channel":"web","campaign":"spring-sale","device":"mobile","items":%d}}'
)


class Data:
    """So many events of so many customers, uniform; a customer's number gives its partition."""

    def __init__(self, events: int, customers: int) -> None:
        numbers = np.random.default_rng(_SEED)
        self.events, self.customers = events, customers
        self.who: Numbers = numbers.integers(0, customers, events)
        self.amount: Numbers = numbers.integers(1, 100_000, events)

    @cached_property
    def expected(self) -> "Expected":
        return Expected(self.who, self.amount)

    async def fill(self, kafka: str, topic: str) -> None:
        """Write all of it. Each partition awaits its batch, so none runs far ahead of another."""
        async with make_producer(kafka) as producer:
            await producer.partitions_for(topic)
            await asyncio.gather(*(self._fill(producer, topic, number) for number in range(PARTITIONS)))

    async def _fill(self, producer: AIOKafkaProducer, topic: str, number: int) -> None:
        batch = producer.create_batch()
        for key, value in self._records(number):
            while batch.append(key=key, value=value, timestamp=_now_ms()) is None:
                await _deliver(producer, batch, topic, number)
                batch = producer.create_batch()
        await _deliver(producer, batch, topic, number)

    def _records(self, number: int) -> Iterator[tuple[bytes, bytes]]:
        mine = np.flatnonzero(self.who % PARTITIONS == number)
        for i, who, amount in zip(
            *map(np.ndarray.tolist, (mine, self.who[mine], self.amount[mine])), strict=True
        ):
            at = (_START + timedelta(milliseconds=i)).isoformat(timespec="milliseconds")
            text = _EVENT % (i, _TYPES[i % 4], who, at, amount, i, i % 9, i % 5)
            yield b"demo/c%d" % who, text.encode()


def _now_ms() -> int:
    return int(time.time() * 1000)


async def _deliver(producer: AIOKafkaProducer, batch: Any, topic: str, number: int) -> None:
    if batch.record_count():
        batch.close()
        await (await producer.send_batch(batch, topic, partition=number))


class Expected:
    """Every tenth event of each customer: the output it must give, and where it stands in the source."""

    def __init__(self, who: Numbers, amount: Numbers) -> None:
        by_customer = np.argsort(who, kind="stable")
        whose, sums = who[by_customer], np.cumsum(amount[by_customer])
        firsts = np.flatnonzero(np.diff(whose, prepend=-1))
        lengths = np.diff(firsts, append=len(who))
        before = np.repeat(sums[firsts] - amount[by_customer][firsts], lengths)
        n = np.arange(len(who)) - np.repeat(firsts, lengths) + 1
        tenth = n % EVERY == 0
        self.ids: Numbers = output_ids(whose, n)[tenth]  # ascending
        self.sums: Numbers = (sums - before)[tenth]
        self.partitions: Numbers = (whose % PARTITIONS)[tenth]
        self.offsets: Numbers = _offsets(who)[by_customer][tenth]

    def __len__(self) -> int:
        return len(self.ids)


def output_ids(who: Numbers, n: Numbers) -> Numbers:
    return who * _PAST_N + n


def _offsets(who: Numbers) -> Numbers:
    """Where each event stands in its partition."""
    offsets = np.empty(len(who), np.int64)
    for number in range(PARTITIONS):
        mine = np.flatnonzero(who % PARTITIONS == number)
        offsets[mine] = np.arange(len(mine))
    return offsets
