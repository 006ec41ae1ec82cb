"""Outreach on real PostgreSQL, Kafka and SMTP, on topics and in a database of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiosmtpd.controller import Controller
from pydantic import SecretStr
from sqlalchemy import text

from libs.events import AnyEvent, decode, encode
from libs.runtime.clock import FakeClock
from libs.runtime.kafka import make_consumer, make_producer
from libs.runtime.settings import RuntimeSettings
from services.outreach.adapters.database import Sessions, make_engine, make_sessions, migrate
from services.outreach.app import Outreach
from services.outreach.effects import TopicNames
from services.outreach.projection import ProjectionTopics
from services.outreach.settings import OutreachSettings
from tests.unit.outreach.factories import NOON

PATIENCE_S = 30.0


class Sink:
    """A mail server's other side. `answer` is what it says to the next messages."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.answer = "250 kept"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content))
        return self.answer


@pytest.fixture
def sink() -> Iterator[tuple[Sink, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    keeper = Sink()
    controller = Controller(keeper, hostname="127.0.0.1", port=port)
    controller.start()
    yield keeper, port
    controller.stop()


@pytest.fixture
async def sessions(database: Any) -> AsyncIterator[Sessions]:
    """Migrated, empty tables."""
    engine = make_engine(database.url)
    await migrate(engine)
    async with engine.begin() as connection:
        names = await connection.scalars(
            text(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'outreach'"
                " AND tablename <> 'alembic_version'"
            )
        )
        await connection.execute(text(f"TRUNCATE {', '.join(f'outreach.{name}' for name in names)} CASCADE"))
    yield make_sessions(engine)
    await engine.dispose()


async def eventually(look: Callable[[], Awaitable[Any]], what: str) -> Any:
    """What `look` finds, as soon as it finds something."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (found := await look()):  # noqa: ASYNC110 (looks at another process)
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"{what} did not happen within {PATIENCE_S:.0f} s") from None
    return found


@dataclass
class World:
    """A running outreach and everything around it."""

    kafka: str
    url: str
    topics: TopicNames
    sessions: Sessions
    sink: Sink
    smtp_port: int
    port: int
    clock: FakeClock
    producer: AIOKafkaProducer
    health: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def put(self, topic: str, *events: AnyEvent) -> None:
        for event in events:
            await self.producer.send(topic, encode(event), key=event.key)
        await self.producer.flush()

    async def rows(self, query: str, **values: Any) -> list[Any]:
        async with self.sessions() as session:
            return list((await session.execute(text(query), values)).all())

    async def change(self, statement: str) -> None:
        async with self.sessions.begin() as session:
            await session.execute(text(statement))

    async def some(self, query: str, **values: Any) -> list[Any]:
        found: list[Any] = await eventually(lambda: self.rows(query, **values), query)
        return found

    async def read(self, topic: str, count: int) -> list[AnyEvent]:
        """The first `count` events of a topic."""
        consumer = make_consumer(topic, bootstrap=self.kafka)
        await consumer.start()
        try:
            found: list[AnyEvent] = []
            async with asyncio.timeout(PATIENCE_S):
                while len(found) < count:
                    batches = await consumer.getmany(timeout_ms=200)
                    found += [decode(one.value) for batch in batches.values() for one in batch]
        finally:
            await consumer.stop()
        return found

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[Outreach]:
        """The service itself, in this process, until the block ends."""
        stop = asyncio.Event()
        service = self._service(options)
        task = asyncio.create_task(service.run(stop))
        try:
            yield service
        finally:
            stop.set()
            with suppress(asyncio.CancelledError):
                await task

    async def until_it_ends(self) -> None:
        """For a service that must stop by itself."""
        async with asyncio.timeout(PATIENCE_S):
            await self._service({}).run(asyncio.Event())

    def _service(self, options: dict[str, Any]) -> Outreach:
        runtime = RuntimeSettings(kafka=self.kafka, database_url=SecretStr(self.url))
        settings = OutreachSettings(
            **{
                "port": self.port,
                "smtp_port": self.smtp_port,
                "holdout": 0.0,
                "programme_holdout": 0.0,
                **self.options,
                **options,
            }
        )
        return Outreach(
            runtime,
            settings,
            clock=self.clock,
            topics=self.topics,
            projection_topics=ProjectionTopics(
                events=self.topics.events,
                health=self.health,
                triggers=self.topics.triggers,
                outcomes=self.topics.outcomes,
            ),
        )


@pytest.fixture
async def world(
    kafka: str, make_topics: Any, database: Any, sessions: Sessions, sink: tuple[Sink, int]
) -> AsyncIterator[World]:
    stems = ("triggers", "profiles", "events", "outcomes", "letters", "health")
    names = await make_topics(*stems, partitions=2)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    producer = make_producer(kafka)
    await producer.start()
    yield World(
        kafka=kafka,
        url=database.url,
        topics=TopicNames(*names[:5]),
        sessions=sessions,
        sink=sink[0],
        smtp_port=sink[1],
        port=port,
        clock=FakeClock(NOON),
        producer=producer,
        health=names[5],
    )
    await producer.stop()
