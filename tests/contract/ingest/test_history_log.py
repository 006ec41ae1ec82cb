"""Kafka in bulk: what is appended is there, in order, and is found from any offset on."""

import msgspec
import pytest

from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_PROFILES
from libs.runtime.topics import ensure_topics
from services.ingest.adapters.history_log import KafkaHistoryLog
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record
from services.ingest.testing_history import MemoryHistoryLog
from tests.fixtures.stack import FreshTopic

COUNT = 3_000  # some batches a partition


def records(first: int, count: int) -> list[Record]:
    filler = "x" * 500
    return [
        Record(CUSTOMER_EVENTS.name, b"t/%d" % (n % 50), msgspec.json.encode({"id": f"{n}", "of": filler}))
        for n in range(first, first + count)
    ]


async def check(log: MemoryHistoryLog | KafkaHistoryLog, first: int) -> None:
    before = await log.ends()
    profile = Record(CUSTOMER_PROFILES.name, b"t/1", b"{}")
    after = before | await log.append([*records(first, COUNT), profile])
    assert after == await log.ends()
    assert sum(after.values()) - sum(before.values()) == COUNT
    assert await log.ids_since(before) == {f"{n}" for n in range(first, first + COUNT)}
    assert await log.ids_since(after) == set()


async def test_in_memory():
    await check(MemoryHistoryLog(), 0)


async def test_on_kafka(kafka: str):
    topics = [FreshTopic(CUSTOMER_EVENTS.name), FreshTopic(CUSTOMER_PROFILES.name)]
    await ensure_topics(kafka, topics, partitions=4)
    async with KafkaHistoryLog(kafka).running() as log:
        await check(log, 10_000_000)
        await check(log, 20_000_000)


async def test_a_broker_that_is_away_is_said():
    with pytest.raises(UnavailableError, match="Kafka"):
        async with KafkaHistoryLog("127.0.0.1:1").running():
            pass
