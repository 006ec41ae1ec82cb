"""From the real topics to the real tables."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from libs.events import AnyEvent, Facts, build, encode
from libs.events.families.commerce import OrderPlaced
from libs.events.families.customer import CustomerErased, OutreachOpened
from libs.events.families.engagement import SiteVisited
from libs.events.families.health import Contribution, HealthSnapshot, TriggerFired
from libs.events.types import Frozen
from libs.runtime.kafka import make_producer
from services.outreach.adapters.database import make_engine, migrate
from services.outreach.console.queries import point_at
from services.outreach.projection import ChangeLatency, Projection, ProjectionTopics, rebuild
from tests.fixtures.stack import Database, MakeTopics

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
WAIT_S = 60.0


def event(
    data: Frozen, number: int, customer: str = "c1", at: datetime | None = None, **more: Any
) -> AnyEvent:
    at = at or T0 + timedelta(minutes=number)
    return build(
        data,
        id=f"e:{number}",
        source="test/demo",
        tenant="demo",
        subject=customer,
        time=at,
        receivedat=more.pop("receivedat", at),
        **more,
    )


def order(number: int, customer: str = "c1", **more: Any) -> AnyEvent:
    return event(OrderPlaced(order_id=str(number), amount="12.50", currency="USD"), number, customer, **more)


def snapshot(
    score: float, number: int, customer: str = "c1", cause: str = "silence", **more: Any
) -> AnyEvent:
    band = "green" if score >= 60 else "yellow" if score >= 40 else "red"
    part = Contribution(signal="recency", value=score, weight=1.0, evidence=1.0, points=score, text="Because")
    shown = Contribution(signal="survey", value=score, weight=0.0, evidence=0.5, points=0.0, text="Because")
    body = HealthSnapshot(
        score=score,
        base=0.0,
        band=band,
        confidence=0.9,
        stage="mid",
        scorecard="starter",
        cause=cause,
        contributions=(part, shown),
        facts=Facts(orders_total=number),
    )
    return event(body, number, customer, **more)


@dataclass(slots=True)
class Shop:
    """A running projection's surroundings."""

    engine: AsyncEngine
    producer: AIOKafkaProducer
    kafka: str
    topics: ProjectionTopics

    async def send(self, topic: str, *events: AnyEvent) -> None:
        for one in events:
            await self.producer.send(topic, encode(one), key=one.key)
        await self.producer.flush()

    async def rows(self, statement: str) -> list[Any]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    async def until(self, check: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not await check():  # noqa: ASYNC110 (a database says nothing by itself)
                await asyncio.sleep(0.05)

    async def until_count(self, table: str, count: int) -> None:
        async def there() -> bool:
            return (await self.rows(f"SELECT count(*) FROM outreach.{table}"))[0][0] == count

        await self.until(there)

    @asynccontextmanager
    async def projecting(self, latency: ChangeLatency | None = None) -> AsyncIterator[None]:
        stop = asyncio.Event()
        reader = Projection(
            self.engine,
            self.kafka,
            stop,
            topics=self.topics,
            latency=latency or ChangeLatency(),
            group=f"projection-{self.topics.events}",
            flush_s=0.05,
        )
        running = asyncio.create_task(reader.run())
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(running, WAIT_S)


class Gate:
    """A way to the server that can be shut: who is inside is thrown out, who knocks is sent away."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._inside: set[asyncio.StreamWriter] = set()
        self._shut = False
        self.refused = asyncio.Event()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self.shut()
        self._server.close()

    def shut(self) -> None:
        self._shut = True
        for writer in self._inside:
            writer.close()

    def open(self) -> None:
        self._shut = False

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._shut:
            self.refused.set()
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        self._inside |= {writer, server_writer}
        await asyncio.gather(_copy(reader, server_writer), _copy(server_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
    writer.close()


@pytest.fixture(scope="module")
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database.url)
    await migrate(engine)
    yield engine
    await engine.dispose()


@pytest.fixture
async def shop(engine: AsyncEngine, kafka: str, make_topics: MakeTopics) -> AsyncIterator[Shop]:
    async with engine.begin() as connection:
        tables = ("timeline", "customers", "health_points", "consumer_offsets")
        await connection.execute(text("TRUNCATE " + ", ".join(f"outreach.{table}" for table in tables)))
    names = await make_topics("events", "health", "triggers", "outcomes", partitions=2)
    producer = make_producer(kafka)
    await producer.start()
    yield Shop(engine, producer, kafka, ProjectionTopics(*names))
    await producer.stop()


async def test_every_family_becomes_a_line_with_its_sentence(shop: Shop) -> None:
    fired = TriggerFired(
        trigger_id="t:1",
        rule="engagement-drop",
        rule_version="1",
        level="yellow",
        title="Engagement down 20 %",
        reason="3 interactions in 30 days, 14 before",
        episode=1,
        fired_at=T0,
        score=50.0,
        band="yellow",
        stage="mid",
        cause="silence",
        facts=Facts(),
    )
    opened = OutreachOpened(trigger_id="t:1", rule="engagement-drop", playbook="mid-life", reason="chosen")
    await shop.send(
        shop.topics.events, order(1, simulated=True), event(SiteVisited(session_id="s", pages=3), 2)
    )
    await shop.send(shop.topics.triggers, event(fired, 3))
    await shop.send(shop.topics.outcomes, event(opened, 4))
    async with shop.projecting():
        await shop.until_count("timeline", 4)
    lines = await shop.rows("SELECT summary FROM outreach.timeline ORDER BY at")
    assert [line for (line,) in lines] == [
        "Ordered 1 item for $12.50",
        "Visited the site, 3 pages",
        "Engagement down 20 %: 3 interactions in 30 days, 14 before",
        "Playbook mid life opened: chosen",
    ]
    marked = await shop.rows(
        "SELECT data->>'simulated', data->>'order_id' FROM outreach.timeline ORDER BY at"
    )
    assert marked[0] == ("true", "1")
    assert marked[1] == (None, None)


async def test_a_months_first_event_makes_its_partition_and_a_broken_clock_does_not(shop: Shop) -> None:
    absurd = order(3, at=datetime(1831, 5, 1, tzinfo=UTC), receivedat=T0)
    await shop.send(shop.topics.events, order(1), order(2, at=T0 - timedelta(days=200)), absurd)
    async with shop.projecting():
        await shop.until_count("timeline", 3)
    where = await shop.rows("SELECT tableoid::regclass::text FROM outreach.timeline ORDER BY at")
    names = [name.rpartition(".")[2] for (name,) in where]
    assert names == ["timeline_default", "timeline_2025_08", "timeline_2026_03"]


async def test_the_score_line_bends_where_the_score_moved_and_the_customer_keeps_the_latest(
    shop: Shop,
) -> None:
    scores = (80.0, 80.2, 80.4, 79.0, 78.9, 59.9, 59.8)
    for number, score in enumerate(scores):
        await shop.send(shop.topics.health, snapshot(score, number))
    async with shop.projecting():

        async def latest() -> bool:
            return await shop.rows("SELECT score FROM outreach.customers") == [(59.8,)]

        await shop.until(latest)
    points = await shop.rows("SELECT score, band FROM outreach.health_points ORDER BY at")
    assert points == [(80.0, "green"), (79.0, "green"), (59.9, "yellow")]
    ((orders, band),) = await shop.rows(
        "SELECT snapshot->'facts'->>'orders_total', band FROM outreach.customers"
    )
    assert (orders, band) == ("6", "yellow")


async def test_a_point_keeps_what_each_signal_gave(shop: Shop) -> None:
    await shop.send(shop.topics.health, snapshot(80.0, 1), snapshot(59.9, 2))
    async with shop.projecting():
        await shop.until_count("health_points", 2)
    kept = await shop.rows("SELECT signal_points FROM outreach.health_points ORDER BY at")
    assert kept == [({"recency": 80.0, "survey": 0.0},), ({"recency": 59.9, "survey": 0.0},)]


async def test_the_score_of_a_moment_is_that_of_the_last_point_up_to_it(shop: Shop) -> None:
    later = T0 + timedelta(days=20)
    await shop.send(
        shop.topics.health, snapshot(80.0, 0), snapshot(59.9, 2, at=later), snapshot(10.0, 3, "c2")
    )
    async with shop.projecting():
        await shop.until_count("health_points", 3)
    assert await point_at(shop.engine, "demo", "c1", T0 - timedelta(seconds=1)) is None
    for at, score in ((T0, 80.0), (later - timedelta(seconds=1), 80.0), (later, 59.9)):
        point = await point_at(shop.engine, "demo", "c1", at)
        assert point is not None
        assert (point["score"], point["signal_points"]["recency"]) == (score, score)


async def test_a_day_of_an_unmoved_score_is_a_point_too(shop: Shop) -> None:
    async with shop.projecting():
        await shop.send(shop.topics.health, snapshot(80.0, 1))
        await shop.until_count("health_points", 1)
        await shop.send(shop.topics.health, snapshot(80.1, 2), snapshot(80.1, 3, at=T0 + timedelta(days=2)))
        await shop.until_count("health_points", 2)


async def test_reading_everything_again_changes_nothing(shop: Shop) -> None:
    await shop.send(shop.topics.events, *(order(number, f"c{number % 5}") for number in range(50)))
    await shop.send(shop.topics.health, *(snapshot(70.0 - number, number) for number in range(10)))
    async with shop.projecting():
        await shop.until_count("timeline", 50)
        await shop.until_count("customers", 1)
    before = await shop.rows("SELECT * FROM outreach.health_points ORDER BY at")
    async with shop.engine.begin() as connection:
        await connection.execute(text("UPDATE outreach.consumer_offsets SET next_offset = 0"))
    await shop.send(shop.topics.events, order(99))
    async with shop.projecting():
        await shop.until_count("timeline", 51)
    assert await shop.rows("SELECT * FROM outreach.health_points ORDER BY at") == before


async def test_it_goes_on_where_it_stopped(shop: Shop) -> None:
    await shop.send(shop.topics.events, order(1))
    async with shop.projecting():
        await shop.until_count("timeline", 1)
    # What the first run stored is taken away: only what it had not read may come back.
    async with shop.engine.begin() as connection:
        await connection.execute(text("TRUNCATE outreach.timeline"))
    await shop.send(shop.topics.events, order(2))
    async with shop.projecting():
        await shop.until_count("timeline", 1)
    assert await shop.rows("SELECT ref FROM outreach.timeline") == [("e:2",)]


async def test_rebuild_reads_the_topics_again(shop: Shop) -> None:
    await shop.send(shop.topics.events, *(order(number) for number in range(5)))
    await shop.send(shop.topics.health, snapshot(50.0, 6))
    async with shop.projecting():
        await shop.until_count("timeline", 5)
        await shop.until_count("customers", 1)
    await rebuild(shop.engine)
    assert await shop.rows("SELECT count(*) FROM outreach.timeline") == [(0,)]
    async with shop.projecting():
        await shop.until_count("timeline", 5)
        await shop.until_count("customers", 1)


async def test_a_record_that_cannot_be_read_costs_only_itself(shop: Shop) -> None:
    broken = (b"not json", b'{"id": "x"}', encode(order(1)).replace(b'"e:1"', b'"' + b"x" * 4000 + b'"'))
    for value in broken:
        await shop.producer.send(shop.topics.events, value, key=b"demo/c1")
    strange = encode(order(2)).replace(b'"order_id":"2"', b'"order_id":"2\\u0000"')
    assert strange != encode(order(2))
    await shop.producer.send(shop.topics.events, strange, key=b"demo/c1")
    await shop.send(shop.topics.events, order(3))
    async with shop.projecting():
        await shop.until_count("timeline", 2)
    assert await shop.rows("SELECT ref FROM outreach.timeline ORDER BY at") == [("e:2",), ("e:3",)]


async def test_a_value_the_database_refuses_costs_only_its_line(shop: Shop) -> None:
    # More digits behind the point than PostgreSQL's numeric holds, which JSON allows.
    tiny = encode(order(2)).replace(b'"order_id":"2"', b'"order_id":"2","odd":0.' + b"0" * 17_000 + b"1")
    await shop.send(shop.topics.events, order(1))
    await shop.producer.send(shop.topics.events, tiny, key=b"demo/c1")
    await shop.send(shop.topics.events, order(3))
    async with shop.projecting():
        await shop.until_count("timeline", 2)
    assert await shop.rows("SELECT ref FROM outreach.timeline ORDER BY at") == [("e:1",), ("e:3",)]


async def test_an_erased_customer_leaves_no_row(shop: Shop) -> None:
    erased = event(CustomerErased(request_id="r1"), 10)
    await shop.send(shop.topics.events, order(1), order(2, "c2"))
    await shop.send(shop.topics.health, snapshot(50.0, 3))
    async with shop.projecting():
        await shop.until_count("timeline", 2)
        await shop.until_count("customers", 1)
        await shop.send(shop.topics.events, erased)
        await shop.until_count("customers", 0)
        await shop.until_count("health_points", 0)
    assert await shop.rows("SELECT customer_id FROM outreach.timeline") == [("c2",)]


async def test_a_tombstone_takes_the_health_away(shop: Shop) -> None:
    await shop.send(shop.topics.health, snapshot(50.0, 1), snapshot(60.0, 1, "c2"))
    async with shop.projecting():
        await shop.until_count("customers", 2)
        await shop.producer.send_and_wait(shop.topics.health, None, key=b"demo/c1")
        await shop.until_count("customers", 1)


async def test_the_time_from_event_to_change_is_known(shop: Shop) -> None:
    latency = ChangeLatency()
    async with shop.projecting(latency):
        for number in range(3):
            await shop.send(shop.topics.events, order(number))
            await shop.until_count("timeline", number + 1)
            await shop.send(shop.topics.health, snapshot(50.0 + number, number, cause=f"e:{number}"))
        await shop.until_count("health_points", 3)
    p50 = latency.p50()
    assert p50 is not None
    assert 0 < p50 < WAIT_S


async def test_postgresql_being_away_only_delays_it(shop: Shop, database: Database) -> None:
    address = urlsplit(database.dsn)
    async with Gate(str(address.hostname), int(address.port or 0)) as gate:
        engine = make_engine(database.url.replace(f":{address.port}/", f":{gate.port}/"))
        async with replace(shop, engine=engine).projecting():
            await shop.send(shop.topics.events, order(1))
            await shop.until_count("timeline", 1)
            gate.shut()
            await shop.send(shop.topics.events, order(2))
            await asyncio.wait_for(gate.refused.wait(), WAIT_S)
            gate.open()
            await shop.until_count("timeline", 2)
        await engine.dispose()
