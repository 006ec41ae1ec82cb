"""The whole way in one process: ingest's publisher, scoring and triggers on the real Kafka and PostgreSQL."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx

from libs.events import AnyEvent, build, decode, encode
from libs.events.families.commerce import OrderPlaced
from libs.events.families.health import TriggerFired
from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_HEALTH, CUSTOMER_TRIGGERS, INGEST_STATUS
from libs.runtime.clock import ClockPlan, FakeClock, SystemClock
from libs.runtime.kafka import make_consumer, partition_of
from libs.runtime.metrics import make_registry
from libs.runtime.settings import RuntimeSettings
from libs.runtime.status import announcing
from libs.runtime.stream.settings import StreamSettings
from services.ingest.adapters.kafka_log import KafkaLog
from services.ingest.adapters.postgres import make_engine
from services.ingest.adapters.spool import PostgresSpool
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record
from services.ingest.metrics import IngestMetrics
from services.ingest.oversized import Oversized
from services.ingest.publisher import Publisher
from services.ingest.status import status_of
from services.ingest.testing import MemoryDeadLetters
from services.scoring.app import run as run_scoring
from services.scoring.settings import ScoringSettings
from services.triggers.app import run as run_triggers
from services.triggers.settings import TriggersSettings
from tests.fixtures.service import serving
from tests.integration.ingest.conftest import World
from tests.unit.triggers.shop import rule_text

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PATIENCE_S = 60.0
_SWEEPS = re.compile(r'^greenline_stream_sweep_seconds_count\{app="triggers"\} (\S+)$', re.MULTILINE)
SILENT = rule_text("days_since(last_order_at) >= 60", "days_since(last_order_at) < 30", cooldown="365d")
# An event alone makes it true: what comes of a sweep before it has been written before it.
MARK = rule_text("orders_total >= 3", cooldown="0s").removeprefix("rules:\n").replace("probe", "mark")


class LogOfIngest:
    """Kafka as ingest alone sees it: it may be away from there while everybody else reads on."""

    def __init__(self, kafka: KafkaLog) -> None:
        self.kafka = kafka
        self.away = False

    async def append(self, records: Sequence[Record], wait_s: float) -> None:
        if self.away:
            raise UnavailableError("away, says the test")
        await self.kafka.append(records, wait_s)


@dataclass
class Way:
    """What a test does and looks at."""

    kafka: str
    log: LogOfIngest
    publisher: Publisher
    clock_file: Path
    ports: dict[str, int]

    def set_clock(self, now: datetime) -> None:
        """It stands there. The services look at it every quarter of a second."""
        ClockPlan(now, None, 1.0).write(self.clock_file)

    async def orders(self, customer: str, at: datetime) -> None:
        """By ingest: on the topic, or in the spool."""
        await self.publisher.publish([_record(ordered(customer, at))])

    async def orders_past_ingest(self, customer: str, *times: datetime) -> None:
        """By another process, which has Kafka."""
        await self.log.kafka.append([_record(ordered(customer, at)) for at in times], PATIENCE_S)

    async def until(self, service: str, true: Callable[[str], bool]) -> None:
        """A service's metrics say so."""
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(trust_env=False) as client:
            url = f"http://127.0.0.1:{self.ports[service]}/metrics"
            while not true((await client.get(url)).text):  # noqa: ASYNC110 (looks in from outside)
                await asyncio.sleep(0.05)

    async def until_held(self) -> None:
        await self.until("triggers", lambda text: held(text, "triggers"))

    async def until_it_counts(self) -> None:
        await self.until("scoring", lambda text: not held(text, "scoring"))
        await self.until("triggers", lambda text: not held(text, "triggers"))

    async def sweeps(self) -> float:
        """How often triggers has looked at silence."""
        found: list[float] = []

        def counted(text: str) -> bool:
            number = _SWEEPS.search(text)
            found.append(float(number[1]) if number else 0.0)
            return True

        await self.until("triggers", counted)
        return found[-1]

    async def until_swept(self, after: float) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.sweeps() <= after:  # noqa: ASYNC110 (looks in from outside)
                await asyncio.sleep(0.05)

    async def health_of(self, customer: str, count: int) -> None:
        """So many snapshots of a customer are on the topic."""
        await self._read(CUSTOMER_HEALTH.name, lambda found: found.count(customer) >= count)

    async def fired(self, last: str) -> list[tuple[str, str, float]]:
        """Rule, customer and day of all firings there are, once this customer is among them."""
        events = await self._read(CUSTOMER_TRIGGERS.name, lambda found: last in found)
        return [
            (event.data.rule, event.subject, (event.time - START) / DAY)
            for event in events
            if isinstance(event.data, TriggerFired)
        ]

    async def _read(self, topic: str, enough: Callable[[list[str]], bool]) -> list[AnyEvent]:
        consumer = make_consumer(topic, bootstrap=self.kafka)
        await consumer.start()
        found: list[AnyEvent] = []
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += [decode(one.value) for one in records if one.value]
                    if enough([event.subject for event in found]):
                        return found
        finally:
            await consumer.stop()


def held(text: str, app: str) -> bool:
    line = f'^greenline_silence_held{{app="{app}",reason="[a-z]+"}} 1.0$'
    return re.search(line, text, re.MULTILINE) is not None


def neighbours(count: int) -> list[str]:
    """Customers of one partition: a sweep looks at all of them or none."""
    names = (f"c-{uuid4().hex[:8]}" for _ in range(1_000))
    alike = [name for name in names if partition_of(f"demo/{name}".encode(), [0, 1, 2, 3], []) == 0]
    return alike[:count]


def ordered(customer: str, at: datetime) -> AnyEvent:
    return build(
        OrderPlaced(order_id=f"{customer}-{at:%j}", amount="20.00", currency="USD"),
        id=f"order:{customer}:{at.isoformat()}",
        source="x",
        tenant="demo",
        subject=customer,
        time=at,
        receivedat=at,
    )


def _record(event: AnyEvent) -> Record:
    return Record(CUSTOMER_EVENTS.name, event.key, encode(event))


@asynccontextmanager
async def ingesting(world: World) -> AsyncIterator[tuple[LogOfIngest, Publisher]]:
    """Ingest behind its webhooks: publisher, spool, drainer and what it says of them."""
    metrics, engine = IngestMetrics(make_registry()), make_engine(world.state.postgres.url)
    async with KafkaLog(world.state.kafka.url).running() as kafka:
        log, clock = LogOfIngest(kafka), SystemClock()
        oversized = Oversized(MemoryDeadLetters(), metrics, FakeClock(START))
        waits = {"kafka_wait_s": PATIENCE_S, "spool_wait_s": PATIENCE_S}
        publisher = Publisher(log, PostgresSpool(engine), oversized, metrics, **waits)
        await publisher.begin()
        drainer = asyncio.create_task(publisher.drain_forever())
        try:
            async with announcing(
                world.state.kafka.url, INGEST_STATUS.name, clock, status_of(publisher, clock)
            ):
                yield log, publisher
        finally:
            await publisher.finish()
            drainer.cancel()
            await asyncio.wait({drainer})
            await engine.dispose()


@asynccontextmanager
async def whole_way(
    world: World, folder: Path, ports: dict[str, int], stream: StreamSettings
) -> AsyncIterator[Way]:
    """All three, and nothing held any more. The clock stands at START."""
    kafka = world.state.kafka.url
    rules = folder / "rules.yaml"
    rules.write_text(SILENT + MARK)
    runtime = RuntimeSettings(kafka=kafka, clock_file=folder / "clock.json", data_dir=folder)
    scoring = ScoringSettings(port=ports["scoring"], sweep_min_wall_s=0.2)
    triggers = TriggersSettings(port=ports["triggers"], sweep_min_wall_s=0.2, rules_file=rules)
    async with ingesting(world) as (log, publisher):
        way = Way(kafka, log, publisher, folder / "clock.json", ports)
        way.set_clock(START)
        async with (
            serving(lambda stop: run_scoring(runtime, stream, scoring, stop)),
            serving(lambda stop: run_triggers(runtime, stream, triggers, stop)),
        ):
            began = time.monotonic()
            while time.monotonic() - began < PATIENCE_S:
                try:
                    await way.until_it_counts()
                    break
                except httpx.TransportError:  # not listening yet
                    await asyncio.sleep(0.05)
            yield way
