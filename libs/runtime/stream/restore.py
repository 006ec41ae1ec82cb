"""Reads partitions' state back, to the last committed record."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from libs.runtime.stream.lean import LeanConsumer
from libs.runtime.stream.state import Restorer

_READ_RECORDS = 5_000  # applied at once: a few ms of the loop


class Superseded(Exception):  # noqa: N818 (no error: control flow inside this package)
    """Another assignment came while this one was being restored."""


class Bounds(NamedTuple):
    begin: int
    end: int


async def read_state(
    bootstrap: str, topic: str, restorers: dict[int, Restorer], still_ours: Callable[[], bool]
) -> None:
    """Apply every committed record of these partitions of the state topic, in order; of those that stand
    on a base, what came after it. Raises StateError.
    """
    async with _reader(bootstrap) as consumer:
        partitions = [TopicPartition(topic, number) for number in restorers]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            after = restorers[partition.partition].next
            if after is not None:
                consumer.seek(partition, after)
        left = set(partitions)
        while left := {p for p in left if await consumer.position(p) < ends[p]}:
            if not still_ours():
                raise Superseded
            found = await consumer.getmany(*left, timeout_ms=200, max_records=_READ_RECORDS)
            for partition, records in found.items():
                restorers[partition.partition].apply_all(records)
            await asyncio.sleep(0)
        for partition in partitions:
            restorers[partition.partition].next = await consumer.position(partition)


async def log_bounds(bootstrap: str, places: Iterable[TopicPartition]) -> dict[TopicPartition, Bounds]:
    """First and next offset of each partition (the next one readers of committed records can reach)."""
    async with _reader(bootstrap) as consumer:
        asked = list(places)
        begins = await consumer.beginning_offsets(asked)
        ends = await consumer.end_offsets(asked)
        return {place: Bounds(begins[place], ends[place]) for place in asked}


async def partition_counts(bootstrap: str, topics: Iterable[str]) -> dict[str, int]:
    """How many partitions each topic has; 0 for one that does not exist."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
    try:
        await admin.start()
        described = await admin.describe_topics(list(topics))
    finally:
        await admin.close()
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


@contextlib.asynccontextmanager
async def _reader(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = LeanConsumer(
        bootstrap_servers=bootstrap,
        group_id=None,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_wait_ms=100,
        request_timeout_ms=10_000,
        metadata_max_age_ms=60_000,
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
