"""Triggers on the real Kafka: snapshots in, firings out, by event and by silence, through a restart."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from libs.events import AnyEvent, decode, encode
from libs.events.topics import CUSTOMER_TRIGGERS, TRIGGERS_STATE
from libs.runtime.clock import ClockPlan
from libs.runtime.kafka import make_consumer, make_producer, partition_of
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stack import ensure_topics
from libs.runtime.stream.settings import StreamSettings
from services.triggers.app import Wiring, run
from services.triggers.settings import TriggersSettings
from tests.fixtures.service import serving
from tests.fixtures.stack import MakeTopics
from tests.unit.triggers.shop import DAY, START, cleared, fired, snapshot

PARTITIONS = 2
LIVE = {"site_known": True, "site_tracking_live": True}


@dataclass
class Shop:
    """The service's surroundings: its topics, its clock and what it says about this test's customers."""

    kafka: str
    wiring: Wiring
    clock_file: Path
    customer: str
    port: int
    rules: Path | None = None
    poll_s: float = 0.1
    storm_least: int = 50

    def set_clock(self, days_per_second: float) -> None:
        """Stand at START, or run from there."""
        started = time.time() if days_per_second else None
        ClockPlan(START, started, days_per_second * 86_400 or 1.0).write(self.clock_file)

    @asynccontextmanager
    async def service(self) -> AsyncIterator[None]:
        runtime = RuntimeSettings(
            kafka=self.kafka, clock_file=self.clock_file, data_dir=self.clock_file.parent
        )
        settings = TriggersSettings(
            port=self.port,
            sweep_min_wall_s=0.2,
            rules_file=self.rules,
            rules_poll_s=self.poll_s,
            storm_least=self.storm_least,
        )
        async with serving(lambda stop: run(runtime, StreamSettings(), settings, stop, self.wiring)):
            yield

    async def send(self, *events: AnyEvent) -> None:
        producer = make_producer(self.kafka)
        await producer.start()
        try:
            for event in events:
                await producer.send_and_wait(self.wiring.source, encode(event), key=event.key)
        finally:
            await producer.stop()

    async def said(self, count: int, within_s: float = 30) -> list[AnyEvent]:
        """What stands on customer.triggers about this customer, once there is that much of it."""
        consumer = make_consumer(CUSTOMER_TRIGGERS.name, bootstrap=self.kafka)
        await consumer.start()
        found: list[AnyEvent] = []
        try:
            async with asyncio.timeout(within_s):
                while len(found) < count:
                    record = await consumer.getone()
                    if record.key == f"demo/{self.customer}".encode():
                        assert record.partition == partition_of(record.key, [*range(PARTITIONS)], [])
                        found.append(decode(record.value))
        finally:
            await consumer.stop()
        return found


@pytest.fixture
async def shop(kafka: str, make_topics: MakeTopics, tmp_path: Path, unused_tcp_port: int) -> Shop:
    source, dead = await make_topics("health", "triggers-dead", partitions=PARTITIONS)
    (requests,) = await make_topics("triggers-requests", partitions=PARTITIONS)
    (state,) = await make_topics("triggers-state", partitions=PARTITIONS, config=TRIGGERS_STATE.config)
    await ensure_topics(kafka, [CUSTOMER_TRIGGERS], partitions=4)
    (heard,) = await make_topics("scoring-status", partitions=1)
    wiring = Wiring(f"triggers-{uuid4().hex[:8]}", source, state, dead, requests, heard)
    made = Shop(kafka, wiring, tmp_path / "clock.json", f"ann-{uuid4().hex[:8]}", unused_tcp_port)
    made.set_clock(0)
    return made


async def test_a_snapshot_fires_a_rule_and_a_better_one_clears_it(shop: Shop) -> None:
    unhappy = {"open_negative_tickets": 1, "oldest_negative_at": START - 2 * DAY}
    async with shop.service():
        await shop.send(snapshot(shop.customer, START, **unhappy))
        assert fired(await shop.said(1)) == ["negative-support-unresolved"]
        await shop.send(snapshot(shop.customer, START + timedelta(hours=1), open_negative_tickets=0))
        assert cleared(await shop.said(2)) == ["negative-support-unresolved"]


async def test_silence_fires_a_rule_once_through_restarts(shop: Shop) -> None:
    unhappy = {"open_negative_tickets": 1, "oldest_negative_at": START - 2 * DAY}
    async with shop.service():
        await shop.send(snapshot(shop.customer, START, last_visit_at=START - 50 * DAY, **LIVE, **unhappy))
        assert fired(await shop.said(1)) == ["negative-support-unresolved"]
    shop.set_clock(days_per_second=5)  # the 60 days are over 2 s from now
    async with shop.service():
        silent = (await shop.said(2))[1]
        assert fired([silent]) == ["no-site-activity"]
        assert getattr(silent.data, "cause", None) == "silence"
        assert (silent.time - START) / DAY >= 11  # ten days of silence left, one more to hold
    async with shop.service():
        await shop.send(
            snapshot(shop.customer, START + 100 * DAY, last_visit_at=START + 99 * DAY, **LIVE, **unhappy)
        )
        events = await shop.said(3)
    assert fired(events) == ["negative-support-unresolved", "no-site-activity"]
    assert cleared(events) == ["no-site-activity"]
