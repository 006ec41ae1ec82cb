"""Seeded events at a steady rate, however long the faults take."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from random import Random

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from libs.runtime.kafka import make_producer

KEYS = 2_000
RATE = 4_000  # events/s: an outage of 20 s leaves a backlog of a few seconds' work
_TICK_S = 0.05
_MOST = 4_000  # events a tick, when it makes up for an outage
_PATIENCE_MS = 120_000  # a batch waits for its broker that long: longer than any restart takes
_AGAIN_S = 0.5
_JUNK, _MOVES = 0.005, 0.03  # shares of the events


def events(seed: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values without end, the same for each seed."""
    random = Random(seed)
    while True:
        key, what, amount = random.randrange(KEYS), random.random(), random.randrange(100)
        value = b"%d" % amount
        if what < _JUNK:
            value = b"junk"
        elif what < _JUNK + _MOVES:
            value += b" " + _key(random.randrange(KEYS))
        yield _key(key), value


def _key(number: int) -> bytes:
    return b"t/%d" % number


class Load:
    """Writes until it is stopped. What a broker has not confirmed may be in the log or not: the log says."""

    def __init__(
        self, kafka: str, topic: str, pairs: Iterator[tuple[bytes, bytes]], rate: int = RATE
    ) -> None:
        self._kafka, self._topic, self._rate = kafka, topic, rate
        self._pairs = pairs
        self._over = asyncio.Event()
        self.confirmed = 0

    def stop(self) -> None:
        self._over.set()

    async def run(self) -> None:
        """With another producer when one has given up."""
        while not self._over.is_set():
            with suppress(KafkaError, OSError):
                producer = make_producer(self._kafka, request_timeout_ms=_PATIENCE_MS)
                try:
                    await producer.start()
                    await self._pour(producer)
                    return
                finally:  # also one that never found its broker
                    await producer.stop()
            await self._wait(_AGAIN_S)

    async def _pour(self, producer: AIOKafkaProducer) -> None:
        began, made = time.monotonic(), 0
        while not self._over.is_set():
            due = min(int((time.monotonic() - began) * self._rate) - made, _MOST)
            await self._write(producer, due)
            made += due
            await self._wait(_TICK_S)

    async def _write(self, producer: AIOKafkaProducer, count: int) -> None:
        sent = []
        for _ in range(count):
            key, value = next(self._pairs)
            sent.append(await producer.send(self._topic, value, key=key))
        said = await asyncio.gather(*sent, return_exceptions=True)
        failed = [answer for answer in said if isinstance(answer, BaseException)]
        self.confirmed += len(said) - len(failed)
        if failed:
            raise failed[0]

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
