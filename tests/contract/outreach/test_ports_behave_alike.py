"""The same cases for the ports in memory and for the real ones (PostgreSQL, Kafka, SMTP)."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import text

from libs.runtime.errors import RejectedError, TransientError
from libs.runtime.kafka import make_consumer
from services.outreach.adapters.database import make_engine, make_sessions, migrate
from services.outreach.adapters.decisions import SqlDecisionUnits
from services.outreach.adapters.kafka import KafkaPublisher
from services.outreach.adapters.smtp import SmtpMailer
from services.outreach.domain.trigger import CustomerState
from services.outreach.ports import (
    Decided,
    DecisionUnits,
    Effect,
    EventPublisher,
    Mail,
    Mailer,
    NewDecision,
    NewIntervention,
    OutEvent,
)
from services.outreach.testing import MemoryMailer, MemoryPublisher, MemoryUnits
from tests.unit.outreach.factories import NOON, watch

MAIL = Mail("<1@shop.example>", "ann@example.test", "Hi", "Hello Ann\n", "<p>Hello</p>", "http://u/1")


@dataclass
class MailCase:
    """A mailer, what arrived through it, and a switch for its server."""

    mailer: Mailer
    arrived: Callable[[], list[str]]
    away: Callable[[], Awaitable[None]]


class _Handler:
    def __init__(self) -> None:
        self.ids: list[str] = []

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        self.ids.append(str(message_from_bytes(envelope.content)["Message-ID"]))
        return "250 OK"


@pytest.fixture(params=["memory", "smtp"])
async def mail(request: pytest.FixtureRequest) -> AsyncIterator[MailCase]:
    if request.param == "memory":
        fake = MemoryMailer()
        fake.refuse.add("nobody@example.test")

        async def gone() -> None:
            fake.away = True

        yield MailCase(fake, lambda: [one.message_id for one in fake.sent], gone)
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    handler = _Handler()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    mailer = SmtpMailer("127.0.0.1", port, "success@shop.example", timeout_s=2)
    running = True

    async def stop() -> None:
        nonlocal running
        running = False
        await mailer.close()
        await asyncio.to_thread(controller.stop)

    yield MailCase(mailer, lambda: handler.ids, stop)
    await mailer.close()
    if running:
        await asyncio.to_thread(controller.stop)


async def test_a_message_arrives_with_its_own_id_and_so_does_its_repeat(mail: MailCase) -> None:
    await mail.mailer.send(MAIL)
    await mail.mailer.send(MAIL)
    assert mail.arrived() == ["<1@shop.example>"] * 2


async def test_a_mailbox_that_does_not_exist_is_refused_for_good(mail: MailCase) -> None:
    with pytest.raises(RejectedError):
        await mail.mailer.send(replace(MAIL, to="nobody@example.test"))
    await mail.mailer.send(MAIL)
    assert len(mail.arrived()) == 1


async def test_an_address_that_is_none_is_refused_for_good(mail: MailCase) -> None:
    with pytest.raises(RejectedError):
        await mail.mailer.send(replace(MAIL, to="ann\r\nBcc: all"))
    assert mail.arrived() == []


async def test_a_server_that_is_away_may_be_tried_again(mail: MailCase) -> None:
    await mail.away()
    with pytest.raises(TransientError):
        await mail.mailer.send(MAIL)


@dataclass
class PublishCase:
    publisher: EventPublisher
    topic: str
    read: Callable[[int], Awaitable[list[bytes]]]


class PublishingCases:
    async def test_events_of_a_customer_keep_their_order(self, where: PublishCase) -> None:
        await where.publisher.publish([])
        batch = [OutEvent(where.topic, b"demo/c1", f"{number}".encode()) for number in range(50)]
        await where.publisher.publish(batch[:30])
        await where.publisher.publish(batch[30:])
        assert await where.read(50) == [one.value for one in batch]


class TestPublishingInMemory(PublishingCases):
    @pytest.fixture
    def where(self) -> PublishCase:
        fake = MemoryPublisher()

        async def read(_count: int) -> list[bytes]:
            return [one.value for one in fake.events]

        return PublishCase(fake, "topic", read)


class TestPublishingToKafka(PublishingCases):
    @pytest.fixture
    async def where(self, kafka: str, make_topics: Any) -> AsyncIterator[PublishCase]:
        (topic,) = await make_topics("published", partitions=2)
        publisher = KafkaPublisher(kafka)

        async def read(count: int) -> list[bytes]:
            consumer = make_consumer(topic, bootstrap=kafka)
            await consumer.start()
            values: list[bytes] = []
            async with asyncio.timeout(20):
                while len(values) < count:
                    batches = await consumer.getmany(timeout_ms=200)
                    values += [one.value for part in batches.values() for one in part]
            await consumer.stop()
            return values

        yield PublishCase(publisher, topic, read)
        await publisher.close()


async def test_a_kafka_that_is_away_may_be_tried_again() -> None:
    fake = MemoryPublisher()
    fake.away = True
    real = KafkaPublisher("127.0.0.1:1")
    for publisher in (fake, real):
        with pytest.raises(TransientError):
            await publisher.publish([OutEvent("t", b"k", b"v")])


def batch(trigger_id: str = "t1", *, arm: str = "treated") -> Decided:
    who = ("demo", "c1")
    return Decided(
        decisions=[
            NewDecision(
                trigger_id, who, "r", "red", "mid-life", "opened", "stage-mid", "iv-1", NOON, {"a": 1}
            )
        ],
        interventions=[
            NewIntervention(
                id="iv-1",
                who=who,
                playbook="mid-life",
                playbook_version=1,
                trigger_id=trigger_id,
                rule="r",
                level="red",
                arm=arm,  # type: ignore[arg-type]
                owed=False,
                simulated=False,
                opened_at=NOON,
                closes_at=NOON,
                currency="USD",
            )
        ],
        effects=[Effect("event", f"outcomes|{trigger_id}", {"topic": "t", "key": "k", "value": "{}"})],
    )


class UnitCases:
    async def test_a_committed_unit_is_seen_by_the_next(self, units: DecisionUnits) -> None:
        async with units() as unit:
            assert await unit.positions("topic", [0, 1]) == {0: 0, 1: 0}
            assert await unit.states([("demo", "c1")], NOON) == {("demo", "c1"): CustomerState()}
            await unit.save(batch(), NOON)
            await unit.advance("topic", {1: 7})
        async with units() as unit:
            assert await unit.positions("topic", [0, 1]) == {0: 0, 1: 7}
            assert await unit.decided(["t1", "t2"]) == {"t1"}
            state = (await unit.states([("demo", "c1")], NOON))[("demo", "c1")]
            assert [(one.playbook, one.arm, one.is_open) for one in state.past] == [
                ("mid-life", "treated", True)
            ]
            assert not await unit.frozen()
            assert await unit.messages_since(NOON) == 0

    async def test_a_unit_that_raises_leaves_nothing(self, units: DecisionUnits) -> None:

        async def crash() -> None:
            async with units() as unit:
                await unit.positions("topic", [0])
                await unit.save(batch(), NOON)
                await unit.advance("topic", {0: 7})
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await crash()
        async with units() as unit:
            assert await unit.positions("topic", [0]) == {0: 0}
            assert await unit.decided(["t1"]) == set()

    async def test_saving_the_same_again_changes_nothing(self, units: DecisionUnits) -> None:
        for arm in ("treated", "control"):
            async with units() as unit:
                await unit.save(batch(arm=arm), NOON)
        async with units() as unit:
            state = (await unit.states([("demo", "c1")], NOON))[("demo", "c1")]
            assert [one.arm for one in state.past] == ["treated"]


class TestUnitsInMemory(UnitCases):
    @pytest.fixture
    def units(self) -> DecisionUnits:
        return MemoryUnits()


class TestUnitsOnPostgres(UnitCases):
    @pytest.fixture
    async def units(self, database: Any) -> AsyncIterator[DecisionUnits]:
        engine = make_engine(database.url)
        await migrate(engine)
        async with engine.begin() as connection:
            await connection.execute(
                text("TRUNCATE outreach.decisions, outreach.interventions, outreach.consumer_offsets CASCADE")
            )
            await connection.execute(text("TRUNCATE outreach.outbox"))
        yield SqlDecisionUnits(make_sessions(engine), watch())
        await engine.dispose()
