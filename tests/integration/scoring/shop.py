"""The service's surroundings on the real Kafka."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from libs.events import AnyEvent, build, decode, encode
from libs.events.topics import CUSTOMER_HEALTH, HEALTH_CHANGES, SCORING_STATE
from libs.runtime.clock import ClockPlan
from libs.runtime.kafka import make_consumer, make_producer, partition_of
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stack import ensure_topics
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.state import CHECKPOINT_KEY
from services.scoring.app import Wiring, run
from services.scoring.settings import ScoringSettings
from tests.fixtures.service import serving
from tests.fixtures.stack import MakeTopics

PARTITIONS = 2
START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Shop:
    """The service's surroundings: its topics, its clock and what it says about this test's customer."""

    kafka: str
    wiring: Wiring
    clock_file: Path
    customer: str
    port: int

    def set_clock(self, days_per_second: float) -> None:
        """Stand at START, or run from there."""
        started = time.time() if days_per_second else None
        ClockPlan(START, started, days_per_second * 86_400 or 1.0).write(self.clock_file)

    @asynccontextmanager
    async def service(self) -> AsyncIterator[None]:
        runtime = RuntimeSettings(kafka=self.kafka, clock_file=self.clock_file)
        settings = ScoringSettings(port=self.port, sweep_min_wall_s=0.2)
        async with serving(lambda stop: run(runtime, StreamSettings(), settings, stop, self.wiring)):
            yield

    def event(self, data: Any, ident: str, at: datetime = START, **more: Any) -> AnyEvent:
        return build(
            data,
            id=ident,
            source="x",
            tenant="demo",
            subject=self.customer,
            time=at,
            receivedat=START,
            **more,
        )

    async def send(self, *values: AnyEvent | bytes) -> None:
        producer = make_producer(self.kafka)
        await producer.start()
        key = self.key
        try:
            for value in values:
                raw = value if isinstance(value, bytes) else encode(value)
                await producer.send_and_wait(self.wiring.source, raw, key=key)
        finally:
            await producer.stop()

    async def said(self, topic: str, count: int, within_s: float = 60) -> list[Any]:
        """What stands on a topic about this customer, once there is that much of it."""
        consumer = make_consumer(topic, bootstrap=self.kafka)
        await consumer.start()
        found: list[Any] = []
        try:
            async with asyncio.timeout(within_s):
                while len(found) < count:
                    record = await consumer.getone()
                    if record.key == self.key and record.value is not None:
                        assert record.partition == partition_of(record.key, [*range(PARTITIONS)], [])
                        found.append(decode(record.value))
        finally:
            await consumer.stop()
        return found

    @property
    def key(self) -> bytes:
        return f"demo/{self.customer}".encode()

    async def tombstones(self, topic: str, keys: set[bytes], within_s: float = 20.0) -> set[bytes]:
        """The keys that have one as their last word."""
        found: set[bytes] = set()
        consumer = make_consumer(topic, bootstrap=self.kafka)
        await consumer.start()
        try:
            async with asyncio.timeout(within_s):
                while found != keys:
                    record = await consumer.getone()
                    if record.key in keys:
                        (found.discard if record.value else found.add)(record.key)
        finally:
            await consumer.stop()
        return found

    async def ledger(self) -> dict[str, int]:
        """The counters of the last checkpoint of every partition, summed."""
        consumer = make_consumer(self.wiring.state, bootstrap=self.kafka)
        await consumer.start()
        last: dict[int, dict[str, int]] = {}
        try:
            ends = await consumer.end_offsets(consumer.assignment())
            while any([await consumer.position(p) < end for p, end in ends.items()]):
                for record in chain.from_iterable((await consumer.getmany(timeout_ms=200)).values()):
                    if record.key == CHECKPOINT_KEY:
                        last[record.partition] = msgspec.json.decode(record.value)["ledger"]
        finally:
            await consumer.stop()
        names = {name for counts in last.values() for name in counts}
        return {name: sum(counts.get(name, 0) for counts in last.values()) for name in names}


async def make_shop(kafka: str, make_topics: MakeTopics, clock_file: Path, port: int) -> Shop:
    """Topics of its own, and a clock that stands."""
    source, dead, transfers = await make_topics("events", "scoring-dead", "transfers", partitions=PARTITIONS)
    (state,) = await make_topics("scoring-state", partitions=PARTITIONS, config=SCORING_STATE.config)
    await ensure_topics(kafka, [CUSTOMER_HEALTH, HEALTH_CHANGES], partitions=4)
    heard, said = await make_topics("ingest-status", "scoring-status", partitions=1)
    wiring = Wiring(f"scoring-{uuid4().hex[:8]}", source, state, dead, transfers, heard, said)
    made = Shop(kafka, wiring, clock_file, f"ann-{uuid4().hex[:8]}", port)
    made.set_clock(0)
    return made
