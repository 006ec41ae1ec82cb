"""Saying and hearing on the real Kafka: words, a topic that is not there yet, a broker that is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry

from libs.events.status import Status
from libs.events.topics import INGEST_STATUS, SCORING_STATUS
from libs.runtime.clock import SystemClock
from libs.runtime.hold import STALE_S
from libs.runtime.kafka import make_consumer, make_producer
from libs.runtime.stack import ensure_topics
from libs.runtime.status import Listener, Word, announcing
from libs.runtime.stream.restore import partition_counts
from tests.fixtures.stack import FreshTopic, MakeTopics

NOWHERE = "127.0.0.1:1"


@dataclass
class Stage:
    """One that says and one that hears."""

    kafka: str
    topic: str
    waiting: bool = False
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    @asynccontextmanager
    async def saying(self) -> AsyncIterator[None]:
        async with announcing(self.kafka, self.topic, SystemClock(), lambda: Word(self.waiting)):
            yield

    @asynccontextmanager
    async def hearing(self, *, longest_s: float = 3600.0) -> AsyncIterator[Listener]:
        self.registry = CollectorRegistry()
        listener = Listener(
            self.kafka, self.topic, SystemClock(), self.registry, app="app", longest_s=longest_s
        )
        async with listener.following():
            yield listener

    async def put(self, *values: bytes) -> None:
        producer = make_producer(self.kafka)
        await producer.start()
        try:
            for value in values:
                await producer.send_and_wait(self.topic, value, key=b"status", partition=0)
        finally:
            await producer.stop()

    async def said(self, count: int) -> list[Status]:
        consumer = make_consumer(self.topic, bootstrap=self.kafka)
        await consumer.start()
        try:
            return [Status.model_validate_json((await consumer.getone()).value) for _ in range(count)]
        finally:
            await consumer.stop()

    def gauge(self, reason: str) -> float | None:
        labels = {"app": "app", "reason": reason}
        return self.registry.get_sample_value("greenline_silence_held", labels)


@pytest.fixture
async def stage(kafka: str, make_topics: MakeTopics) -> Stage:
    (topic,) = await make_topics("status", partitions=1, config=INGEST_STATUS.config)
    return Stage(kafka, topic)


async def eventually(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 (another loop's consumer tells nobody)
            await asyncio.sleep(0.02)


def said_at(age_s: float, *, waiting: bool = False) -> bytes:
    at = datetime.fromtimestamp(SystemClock().wall() - age_s, UTC)
    return Status(process="p", at=at, waiting=waiting).model_dump_json().encode()


async def test_the_topics_of_the_contract_have_one_partition_each(kafka: str) -> None:
    names = [INGEST_STATUS.name, SCORING_STATUS.name]
    assert await partition_counts(kafka, names) == dict.fromkeys(names, 1)


async def test_words_come_every_two_seconds_and_at_once_when_they_change(stage: Stage) -> None:
    async with stage.saying():
        first, second = await stage.said(2)
        stage.waiting = True
        *_, third = await stage.said(3)
    assert (second.at - first.at).total_seconds() >= 2
    assert (third.at - second.at).total_seconds() < 2
    assert [one.waiting for one in (first, second, third)] == [False, False, True]
    assert len({first.process, second.process, third.process}) == 1


async def test_what_is_said_is_heard_and_measured(stage: Stage) -> None:
    async with stage.saying(), stage.hearing() as listener:
        await eventually(lambda: listener.known and not listener.held())
        stage.waiting = True
        await eventually(listener.held)
        assert (stage.gauge("waiting"), stage.gauge("stale")) == (1, 0)
        stage.waiting = False
        await eventually(lambda: not listener.held())
        assert stage.gauge("waiting") == 0


async def test_who_starts_later_reads_what_was_said(stage: Stage) -> None:
    await stage.put(said_at(6), said_at(4), said_at(2, waiting=True))
    async with stage.hearing() as listener:
        assert listener.held()
        await eventually(lambda: stage.gauge("waiting") == 1)


async def test_words_of_long_ago_hold_silence_until_there_are_fresh_ones(stage: Stage) -> None:
    await stage.put(said_at(STALE_S + 4), said_at(STALE_S + 2))
    async with stage.hearing() as listener:
        await eventually(lambda: stage.gauge("stale") == 1)
        async with stage.saying():
            await eventually(lambda: not listener.held())


async def test_words_of_too_long_ago_hold_nothing(stage: Stage) -> None:
    await stage.put(said_at(120, waiting=True))
    async with stage.hearing(longest_s=60) as listener:
        await eventually(lambda: not listener.held())
        assert listener.known


async def test_a_topic_nobody_has_written_to_holds_nothing(stage: Stage) -> None:
    async with stage.hearing() as listener:
        await eventually(lambda: not listener.held())
        assert not listener.known


async def test_a_topic_that_is_not_there_holds_nothing_and_is_heard_once_it_is(kafka: str) -> None:
    stage = Stage(kafka, f"status-{uuid4().hex[:8]}", waiting=True)
    async with stage.saying(), stage.hearing() as listener:
        await eventually(lambda: not listener.held())
        await ensure_topics(kafka, [FreshTopic(stage.topic)], partitions=1)
        await eventually(listener.held)


async def test_what_is_no_word_says_nothing(stage: Stage) -> None:
    await stage.put(b"junk", said_at(4), b"{}", said_at(2))
    async with stage.hearing() as listener:
        await eventually(lambda: listener.known and not listener.held())


async def test_with_kafka_away_from_the_start_silence_is_held_and_nobody_waits() -> None:
    stage = Stage(NOWHERE, "status")
    async with stage.saying(), stage.hearing() as listener:
        assert listener.held()


async def test_whoever_is_told_to_holds_silence_never() -> None:
    async with Stage(NOWHERE, "status").hearing(longest_s=0) as listener:
        assert not listener.held()
