"""The full job on Kafka: a topic that waits, and the real scoring worker as a process that catches up.

Progress is told from the checkpoints in the state topic, at the time the broker appended them; CPU time from
the process. The ledger must say that each record was taken in once, or the figures count for nothing.
"""

import asyncio
import sys
import time
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
import numpy as np
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console

from benchmarks.broker import FOLDER, Topic
from benchmarks.full_job.data import PARTITIONS
from benchmarks.full_job.errors import FullJobError
from benchmarks.full_job.fill import fill
from benchmarks.full_job.worker import Spec
from benchmarks.reading import committed
from benchmarks.results import Figure
from libs.events.topics import CUSTOMER_HEALTH, SCORING_STATE
from libs.runtime.kafka import make_consumer
from libs.runtime.stack import ChildSpec, ensure_topics
from libs.runtime.stack.child import end, launch
from libs.runtime.stack.processes import tail
from libs.runtime.stream.state import CHECKPOINT_KEY

EVENTS = 2_000_000
_WARM_UP = 0.25  # share of the events that is not counted
_LOOK_S, _ENDS_S = 0.1, 1.0  # between two looks at the process, at the topic
_STILL_S = 5.0  # behind, commits come every 2 s
_LIMIT_S, _GRACE_S = 240.0, 15.0
# Checkpoints are read afterwards: none may be compacted away, and the broker's clock is the one that counts.
_STATE = {
    **SCORING_STATE.config,
    "message.timestamp.type": "LogAppendTime",
    "min.compaction.lag.ms": "3600000",
}
_COUNTED = ("applied", "duplicate", "dead_lettered")

_say = Console(stderr=True).print


class Cpu(NamedTuple):
    """What the process had used by a moment, in seconds since 1970."""

    at: float
    seconds: float


class Commit(NamedTuple):
    """A checkpoint."""

    at: float
    partition: int
    next: int
    ledger: dict[str, int]


async def measure(kafka: str, cache: Path, events: int) -> list[Figure]:
    spec = Spec(kafka, f"full-{uuid4().hex[:6]}", str(cache))
    topics = [Topic(name) for name in (spec.source, spec.dead_letters, spec.transfers)] + [
        Topic(spec.state, _STATE)
    ]
    await ensure_topics(kafka, topics, partitions=PARTITIONS)
    _say(f"filling {spec.source} with {events:,} events")
    await fill(kafka, spec.source, events)
    used = await _catch_up(spec)
    commits = await _commits(kafka, spec.state)
    _check_ledger(commits, events)
    begin, finish = _window(commits, events)
    async with make_consumer(bootstrap=kafka) as consumer:
        said = await _written(consumer, CUSTOMER_HEALTH.name, begin, finish)
    return _figures(events * (1 - _WARM_UP), said, begin, finish, used)


async def _catch_up(spec: Spec) -> list[Cpu]:
    """Run the worker until it writes no more; what it used meanwhile."""
    log = FOLDER / f"{spec.app}.log"
    argv = (sys.executable, "-m", "benchmarks.full_job.worker", msgspec.json.encode(spec).decode())
    process = await launch(ChildSpec("scoring", argv), log)
    used: list[Cpu] = []
    sampling = asyncio.create_task(_sample(process.pid, used))
    settled = asyncio.create_task(_settled(spec))
    ended = asyncio.create_task(process.wait())
    try:
        await asyncio.wait({sampling, settled, ended}, timeout=_LIMIT_S, return_when=asyncio.FIRST_COMPLETED)
        if not settled.done():
            raise FullJobError(f"the worker ended or took longer than {_LIMIT_S:.0f} s:\n{tail(log)}")
    finally:
        for task in (sampling, settled):
            task.cancel()
        await end(process, _GRACE_S)
    return used


async def _sample(pid: int, used: list[Cpu]) -> None:
    process = psutil.Process(pid)
    while True:
        times = process.cpu_times()
        used.append(Cpu(time.time(), times.user + times.system))
        await asyncio.sleep(_LOOK_S)


async def _settled(spec: Spec) -> None:
    """Until the state topic has grown and stands still."""
    places = [TopicPartition(spec.state, number) for number in range(PARTITIONS)]
    last, still = 0, 0.0
    async with make_consumer(bootstrap=spec.kafka) as consumer:
        while still < _STILL_S:
            await asyncio.sleep(_ENDS_S)
            now = sum((await consumer.end_offsets(places)).values())
            still = still + _ENDS_S if now == last and now else 0.0
            last = now


async def _commits(kafka: str, topic: str) -> list[Commit]:
    """Every checkpoint, in order of time."""
    read = committed(kafka, topic, PARTITIONS)
    found = [_commit(record) async for record in read if record.key == CHECKPOINT_KEY]
    return sorted(found, key=itemgetter(0))


def _commit(record: Any) -> Commit:
    body = msgspec.json.decode(record.value)
    return Commit(record.timestamp / 1000, record.partition, body["next"], body["ledger"])


def _check_ledger(commits: list[Commit], events: int) -> None:
    last = {commit.partition: commit for commit in commits}
    taken = sum(commit.next for commit in last.values())
    counted = sum(commit.ledger.get(name, 0) for commit in last.values() for name in _COUNTED)
    if not taken == counted == events:
        raise FullJobError(f"{events} records, taken in {taken}, in the ledger {counted}")


def _window(commits: list[Commit], events: int) -> tuple[float, float]:
    """When the warm-up was over, and when the last event was committed."""
    done: dict[int, int] = {}
    begin = 0.0
    for commit in commits:
        done[commit.partition] = commit.next
        if not begin and sum(done.values()) >= events * _WARM_UP:
            begin = commit.at
        if sum(done.values()) == events:
            return begin, commit.at
    raise AssertionError("the ledger was complete")


async def _written(consumer: AIOKafkaConsumer, topic: str, begin: float, finish: float) -> int:
    """Records between two moments, and a few marks of transactions."""
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    ends = await consumer.end_offsets(places)
    total = 0
    for moment, sign in ((begin, -1), (finish, 1)):
        found = await consumer.offsets_for_times(dict.fromkeys(places, int(moment * 1000)))
        total += sign * sum(found[place].offset if found[place] else ends[place] for place in places)
    return total


def _figures(events: float, said: int, begin: float, finish: float, used: list[Cpu]) -> list[Figure]:
    wall = finish - begin
    moments, seconds = np.array(used).T
    cpu = float(np.diff(np.interp([begin, finish], moments, seconds))[0])
    return [
        Figure("kafka", "events_per_s", events / wall, "1/s"),
        Figure("kafka", "events_per_cpu_s", events / cpu, "1/s"),
        Figure("kafka", "cpu_us_per_event", 1e6 * cpu / events, "us"),
        Figure("kafka", "cores", cpu / wall, "1"),
        Figure("kafka", "seconds", wall, "s"),
        Figure("kafka", "snapshots_per_event", said / events, "1"),
    ]
