"""Kafka outside the streaming core: explicit client settings, one place for them."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from libs.runtime.logging import get_logger

T = TypeVar("T")
_log = get_logger(__name__)


def make_producer(bootstrap: str, **overrides: Any) -> AIOKafkaProducer:
    """Idempotent, acks=all. Never transactional: an open transaction would stall every reader."""
    settings: dict[str, Any] = {
        "bootstrap_servers": bootstrap,
        "acks": "all",
        "enable_idempotence": True,
        "linger_ms": 2,
        "max_batch_size": 256 * 1024,
        "request_timeout_ms": 10_000,
        "partitioner": partition_of,
    }
    return AIOKafkaProducer(**{**settings, **overrides})


def make_consumer(
    *topics: str, bootstrap: str, group: str | None = None, **overrides: Any
) -> AIOKafkaConsumer:
    """read_committed, from the earliest, no automatic commits."""
    settings: dict[str, Any] = {
        "bootstrap_servers": bootstrap,
        "group_id": group,
        "isolation_level": "read_committed",
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "max_poll_interval_ms": 300_000,
        "session_timeout_ms": 6_000,
        "heartbeat_interval_ms": 1_500,
        "fetch_max_wait_ms": 50,
    }
    return AIOKafkaConsumer(*topics, **{**settings, **overrides})


def partition_of(key: bytes | None, all_partitions: list[int], available: list[int]) -> int:  # noqa: ARG001 (the client's signature)
    """A key's partition, the same in every producer of ours."""
    return all_partitions[zlib.crc32(key or b"") % len(all_partitions)]


async def with_patience(
    action: Callable[[], Awaitable[T]],
    what: str,
    stop: asyncio.Event | None = None,
    longest_wait_s: float = 5.0,
) -> T:
    """Retry while the broker is away: one log line an attempt, waits 0.5 s doubling to `longest_wait_s`."""
    wait = 0.5
    while True:
        try:
            return await action()
        except (KafkaError, OSError) as error:
            if stop is not None and stop.is_set():
                raise
            _log.warning("kafka.away", what=what, error=repr(error), retry_in_s=wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, longest_wait_s)


async def end_offsets(consumer: AIOKafkaConsumer, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """The next offset to be written, by partition (read_committed: the last stable one)."""
    ends = await consumer.end_offsets([TopicPartition(topic, number) for number in partitions])
    return {partition.partition: offset for partition, offset in ends.items()}
