"""A broker that is stopped and comes back while webhooks go on, and what reached the topic of it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable

import msgspec
import numpy as np
from aiokafka import TopicPartition

from benchmarks.broker import start_kafka, stop_kafka
from benchmarks.ingest.load import Answers
from benchmarks.results import Figure
from libs.events.topics import CUSTOMER_EVENTS
from libs.runtime.kafka import make_consumer
from libs.runtime.stack import StackState
from libs.runtime.topics import PARTITIONS

_CASE = "away"
_AFTER_S = 30.0  # for the spool to be empty again


class _Answer(msgspec.Struct):
    events: list[str]


class _Event(msgspec.Struct):
    id: str


async def away(state: StackState, seconds: float, sending: Awaitable[Answers]) -> list[Figure]:
    """The broker goes after a third of the rest, stays away for `seconds`, and comes back."""

    async def trouble() -> None:
        await asyncio.sleep(seconds / 3)
        await asyncio.to_thread(stop_kafka, state)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(start_kafka, state)

    hurt = asyncio.create_task(trouble())
    answers = await sending
    await hurt
    read = msgspec.json.Decoder(_Answer).decode
    accepted = {name for body in answers.accepted for name in read(body).events}
    arrived = await _arrived(state.kafka.url, accepted)
    missing = accepted - set(arrived)
    waits = 1000 * np.array(answers.waits)
    offered = len(answers.waits)
    return [
        Figure(_CASE, "offered", offered, "1"),
        Figure(_CASE, "accepted", len(accepted), "1"),
        Figure(_CASE, "told_to_come_again", offered - len(accepted), "1"),
        Figure(_CASE, "missing", len(missing), "1"),
        Figure(_CASE, "more_than_once", sum(1 for name in accepted if arrived[name] > 1), "1"),
        Figure(_CASE, "p99", float(np.percentile(waits, 99)), "ms"),
    ]


async def _arrived(kafka: str, wanted: set[str]) -> Counter[str]:
    """How often each event stands on customer.events, once all have come or nothing comes any more."""
    found: Counter[str] = Counter()
    left = set(wanted)
    read = msgspec.json.Decoder(_Event).decode
    consumer = make_consumer(bootstrap=kafka)
    await consumer.start()
    try:
        partitions = [TopicPartition(CUSTOMER_EVENTS.name, n) for n in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        while True:
            got = await consumer.getmany(timeout_ms=int(_AFTER_S * 1000) if left else 2000)
            if not got:
                return found
            for records in got.values():
                names = [read(record.value or b"").id for record in records]
                found.update(names)
                left.difference_update(names)
    finally:
        await consumer.stop()
