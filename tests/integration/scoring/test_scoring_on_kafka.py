"""Scoring on the real Kafka: events in, health out, the ledger in the checkpoint, through a restart."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from libs.events import AnyEvent, build, decode, encode
from libs.events.families.commerce import OrderPlaced
from libs.events.families.customer import CustomerErased, CustomerMerged
from libs.events.families.engagement import SiteVisited
from libs.events.topics import CUSTOMER_HEALTH, HEALTH_CHANGES, SCORING_STATE
from libs.runtime.clock import ClockPlan
from libs.runtime.kafka import make_consumer, make_producer, partition_of
from libs.runtime.lifecycle import cancel_all
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stack import ensure_topics
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.state import CHECKPOINT_KEY
from services.scoring.app import Wiring, run
from services.scoring.settings import ScoringSettings
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
        stop = asyncio.Event()
        task = asyncio.create_task(run(runtime, StreamSettings(), settings, stop, self.wiring))
        try:
            yield
        finally:
            stop.set()
            try:
                await asyncio.wait_for(task, 30)
            finally:
                await cancel_all(task)

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


@pytest.fixture
async def shop(kafka: str, make_topics: MakeTopics, tmp_path: Path, unused_tcp_port: int) -> Shop:
    source, dead, transfers = await make_topics("events", "scoring-dead", "transfers", partitions=PARTITIONS)
    (state,) = await make_topics("scoring-state", partitions=PARTITIONS, config=SCORING_STATE.config)
    await ensure_topics(kafka, [CUSTOMER_HEALTH, HEALTH_CHANGES], partitions=4)
    wiring = Wiring(f"scoring-{uuid4().hex[:8]}", source, state, dead, transfers)
    made = Shop(kafka, wiring, tmp_path / "clock.json", f"ann-{uuid4().hex[:8]}", unused_tcp_port)
    made.set_clock(0)
    return made


def order(number: int) -> OrderPlaced:
    return OrderPlaced(order_id=str(number), amount="20.00", currency="USD")


async def test_an_event_becomes_health_and_a_duplicate_does_not_through_a_restart(shop: Shop) -> None:
    first = shop.event(order(1), "e1")
    async with shop.service():
        await shop.send(first, b"junk", first)
        (snapshot,) = await shop.said(CUSTOMER_HEALTH.name, 1)
        assert snapshot.data.facts.orders_total == 1
        assert (await shop.said(HEALTH_CHANGES.name, 1))[0].data.before is None
    async with shop.service():
        await shop.send(first, shop.event(SiteVisited(session_id="s"), "e2"))
        last = (await shop.said(CUSTOMER_HEALTH.name, 2))[-1]
    assert (last.data.facts.orders_total, last.data.facts.visits_30d) == (1, 1)
    assert await shop.ledger() == {"applied": 2, "duplicate": 2, "dead_lettered": 1}


async def test_silence_lowers_health_on_the_running_clock(shop: Shop) -> None:
    async with shop.service():
        await shop.send(shop.event(order(1), "e1"))
        await shop.said(CUSTOMER_HEALTH.name, 1)
    shop.set_clock(days_per_second=20)
    async with shop.service():
        before, *_, after = await shop.said(CUSTOMER_HEALTH.name, 3)
    assert after.data.cause == "silence"
    assert after.data.score < before.data.score
    assert after.data.facts.tenure_days > before.data.facts.tenure_days


async def test_history_is_said_once_and_marked_before_the_first_live_event(shop: Shop) -> None:
    old = [shop.event(order(n), f"e{n}", START - timedelta(days=30 * n), backfill=True) for n in range(1, 6)]
    async with shop.service():
        await shop.send(*old, shop.event(SiteVisited(session_id="s"), "live"))
        imported, live = await shop.said(CUSTOMER_HEALTH.name, 2)
    assert (imported.backfill, live.backfill) == (True, False)
    assert (imported.data.facts.orders_total, imported.data.facts.site_known) == (5, False)
    assert live.data.cause == "live"


async def test_a_merge_moves_the_row_to_the_survivors_partition_and_an_erasure_leaves_nothing(
    shop: Shop,
) -> None:
    other = Shop(shop.kafka, shop.wiring, shop.clock_file, f"bob-{uuid4().hex[:8]}", shop.port)
    async with shop.service():
        await shop.send(shop.event(order(1), "e1"))
        await other.send(other.event(order(2), "e2"))
        await other.said(CUSTOMER_HEALTH.name, 1)
        await shop.send(shop.event(CustomerMerged(into=other.customer), "m"))
        joined = (await other.said(CUSTOMER_HEALTH.name, 2))[-1]
        await shop.send(shop.event(order(3), "e3"))  # late, for the one who is gone
        after = (await other.said(CUSTOMER_HEALTH.name, 3))[-1]
        await other.send(other.event(CustomerErased(request_id="r"), "x"))
        tombstones = await shop.tombstones(CUSTOMER_HEALTH.name, {shop.key, other.key})
    assert (joined.data.facts.orders_total, joined.data.cause) == (2, "m")
    assert after.data.facts.orders_total == 3
    assert tombstones == {shop.key, other.key}
    ledger = await shop.ledger()
    assert (ledger["applied"], ledger["forwarded"], ledger["arrived"]) == (5, 1, 1)
    assert ledger["rows_sent"] == ledger["rows_received"] == 1
    async with shop.service():  # what is left of both survives a restart: nothing, and a marker
        await shop.send(shop.event(order(4), "e4"))
        await other.send(other.event(order(5), "e5"))
        async with asyncio.timeout(20):
            while (await shop.ledger()).get("after_erasure", 0) < 2:  # noqa: ASYNC110 (a topic tells nobody)
                await asyncio.sleep(0.1)
