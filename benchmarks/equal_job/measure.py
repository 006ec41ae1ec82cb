"""One clock for all engines: the time at which the broker appended each output."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.equal_job.data import Data, Expected, Numbers, output_ids
from benchmarks.equal_job.job import PARTITIONS, WARM_UP
from libs.runtime.kafka import make_consumer

_LOOK_S = 0.25  # between two looks at the out topic's end: costs the broker next to nothing
_SETTLED_S = 1.0  # all engines commit every 100 ms: what has not come after this does not come


class WrongResultError(Exception):
    """The outputs are not what the events come to."""


class Found(NamedTuple):
    """The committed outputs of one run, in columns."""

    ids: Numbers
    sums: Numbers
    times: Numbers  # ms


class _Tally(msgspec.Struct, frozen=True):
    n: int
    s: int


_decode = msgspec.json.Decoder(_Tally).decode


async def outputs_when_all(kafka: str, topic: str, count: int, report: Callable[[int], None]) -> Found:
    """Wait until `count` outputs are committed, then read them. The caller sets the time limit."""
    async with make_consumer(bootstrap=kafka) as consumer:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        while True:
            await _until_settled(consumer, partitions, count, report)
            await consumer.seek_to_beginning(*partitions)
            found = await _read(consumer, partitions)
            if len(found.ids) >= count:
                return found


async def _until_settled(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], count: int, report: Callable[[int], None]
) -> None:
    """Until the ends pass `count` and stand still: an end also counts the transactions' own marks."""
    last, still = -1, 0.0
    while last < count or still < _SETTLED_S:
        await asyncio.sleep(_LOOK_S)
        end = sum((await consumer.end_offsets(partitions)).values())
        still = still + _LOOK_S if end == last else 0.0
        last = end
        report(end)


async def _read(consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> Found:
    ends = await consumer.end_offsets(partitions)
    rows: list[tuple[int, int, int, int]] = []
    while any([await consumer.position(where) < ends[where] for where in partitions]):
        for records in (await consumer.getmany(timeout_ms=50)).values():
            rows += [_row(record.key, record.value, record.timestamp) for record in records]
    who, n, sums, times = np.array(rows, np.int64).reshape(-1, 4).T
    return Found(output_ids(who, n), sums, times)


def _row(key: bytes, value: bytes, time_ms: int) -> tuple[int, int, int, int]:
    tally = _decode(value)
    return int(key.removeprefix(b"demo/c")), tally.n, tally.s, time_ms


def check(found: Found, expected: Expected) -> None:
    """Each expected output once, and nothing else. Nothing crashes here: at-least-once has no excuse."""
    order = np.argsort(found.ids, kind="stable")
    ids, sums = found.ids[order], found.sums[order]
    missing = len(np.setdiff1d(expected.ids, ids))
    twice = len(ids) - len(np.unique(ids))
    foreign = len(np.setdiff1d(ids, expected.ids))
    if missing or twice or foreign:
        raise WrongResultError(f"outputs missing: {missing}, twice: {twice}, not expected: {foreign}")
    if wrong := int(np.count_nonzero(sums != expected.sums)):
        raise WrongResultError(f"outputs with a wrong sum: {wrong}")


def rate(found: Found, data: Data) -> float:
    """Events a second between the end of the warm-up and the last output.

    An output says how far its partition has come, so the time of each says how many events were done.
    """
    expected = data.expected
    order = np.argsort(found.times, kind="stable")
    times = found.times[order]
    which = np.searchsorted(expected.ids, found.ids[order])
    done = _events_done(expected.partitions[which], expected.offsets[which])
    begin = _last_of_its_time(times, int(np.searchsorted(done, WARM_UP * data.events)))
    return float(done[-1] - done[begin]) / float(times[-1] - times[begin]) * 1000


def _events_done(partitions: Numbers, offsets: Numbers) -> Numbers:
    done = np.zeros(len(offsets), np.int64)
    for number in range(PARTITIONS):
        done += np.maximum.accumulate(np.where(partitions == number, offsets + 1, 0))
    return done


def _last_of_its_time(times: Numbers, index: int) -> int:
    return int(np.searchsorted(times, times[index], side="right")) - 1
