"""The fixtures every integration test stands on."""

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from libs.events.topics import ALL
from libs.runtime.stack import StackState, ensure_topics
from tests.fixtures.stack import Database, MakeTopics


async def test_a_record_written_to_a_fresh_topic_is_read_back(kafka: str, make_topics: MakeTopics) -> None:
    [topic] = await make_topics("fixture", partitions=1)
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(topic, b"hello")
    async with AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest") as consumer:
        record = await consumer.getone()
    assert record.value == b"hello"


async def test_every_topic_of_the_contract_is_there(stack: StackState) -> None:
    assert await ensure_topics(stack.kafka.url, ALL) == []


async def test_a_fresh_database_is_empty_and_sorts_unicode(database: Database) -> None:
    connection = await asyncpg.connect(database.dsn)
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        assert await connection.fetchval("SELECT lower('ÄÖÉ')") == "äöé"
        assert await connection.fetchval("SHOW timezone") == "UTC"
    finally:
        await connection.close()
