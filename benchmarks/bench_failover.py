"""How long events wait when one of two workers is killed under load and nobody starts it again.

Run: python -m benchmarks.bench_failover [--trials 3] [--rate 20000]
The job is the equal one (benchmarks/equal_job). Commits are told from the checkpoints in the state topic, at
the time the broker appended them. Each output must be there once, or the figures count for nothing.
"""

import argparse
import asyncio
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from aiokafka import AIOKafkaProducer

from benchmarks.broker import FOLDER, Topic, broker
from benchmarks.equal_job.job import EVERY, PARTITIONS, Spec
from benchmarks.reading import committed
from benchmarks.results import Figure, append
from libs.runtime.kafka import make_producer
from libs.runtime.stack import ChildSpec
from libs.runtime.stack.child import end, launch
from libs.runtime.stream.state import CHECKPOINT_KEY
from libs.runtime.topics import ensure_topics

GOAL_S = 10.0  # of the pause
_CUSTOMERS = 20_000
_STEADY_S, _AFTER_S = 8.0, 20.0  # of load before the kill and after it
_TICK_S = 0.05
_CURRENT_S = 0.5  # a partition that has taken in what was sent so long ago has no backlog: a commit is 0.1 s
_START_S, _REST_S, _GRACE_S = 90.0, 60.0, 8.0  # limits: compiling and joining; the rest of the events; a stop
_WORKERS = ("survivor", "victim")
_ROOT = Path(__file__).resolve().parents[1]
_APPENDED = {"message.timestamp.type": "LogAppendTime"}
_COMPACT = {"cleanup.policy": "compact"}
# About 300 bytes, in the shape of customer.events.
_EVENT = (
    b'{"specversion":"1.0","id":"shopify:%d:done","source":"shopify/demo","type":"order.placed",'
    b'"tenant":"demo","subject":"c%d","time":"2026-01-01T00:00:00.000+00:00","amount":%d,"currency":"USD",'
    b'"attributes":{"session_id":"s1","channel":"web","campaign":"spring-sale","device":"mobile","items":3}}'
)


class Moment(NamedTuple):
    """When a partition had come so far, in seconds since 1970."""

    at: float
    next: int


Progress = dict[int, list[Moment]]


class Feed:
    """A steady rate, customers in turn; ``sent`` tells when the broker had how much."""

    def __init__(self, kafka: str, topic: str, rate: int) -> None:
        self._kafka, self._topic, self._rate = kafka, topic, rate
        self._over = asyncio.Event()
        self.events = 0
        self.sent: Progress = {number: [] for number in range(PARTITIONS)}

    def stop(self) -> None:
        self._over.set()

    async def run(self) -> None:
        async with make_producer(self._kafka) as producer:
            await producer.partitions_for(self._topic)
            began = time.monotonic()
            while not self._over.is_set():
                await self._tick(producer, int((time.monotonic() - began) * self._rate))
                await asyncio.sleep(_TICK_S)

    async def _tick(self, producer: AIOKafkaProducer, due: int) -> None:
        first, self.events = self.events, due
        await asyncio.gather(*(self._write(producer, number, first, due) for number in range(PARTITIONS)))

    async def _write(self, producer: AIOKafkaProducer, number: int, first: int, due: int) -> None:
        batch = producer.create_batch()
        for i in range(first + (number - first) % PARTITIONS, due, PARTITIONS):
            who = i % _CUSTOMERS
            key, value = b"demo/c%d" % who, _EVENT % (i, who, i % 1_000)
            if batch.append(key=key, value=value, timestamp=None) is None:
                await self._deliver(producer, number, batch)
                batch = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        await self._deliver(producer, number, batch)

    async def _deliver(self, producer: AIOKafkaProducer, number: int, batch: Any) -> None:
        if count := batch.record_count():
            batch.close()
            where = await (await producer.send_batch(batch, self._topic, partition=number))
            self.sent[number].append(Moment(time.time(), where.offset + count))

    def outputs(self) -> int:
        """How many the job must give."""
        each, more = divmod(self.events, _CUSTOMERS)
        return (_CUSTOMERS - more) * (each // EVERY) + more * ((each + 1) // EVERY)


class Trial(NamedTuple):
    """One kill, in seconds after it. The first four add up to the pause."""

    noticed: float  # the survivor stops for the rebalance: session time-out, and its next heartbeat
    joined: float  # the group has agreed, the dead worker's transactions are ended
    read_back: float  # the state
    first_commit: float
    pause: float  # of the dead worker's partitions
    own_stall: float  # of the survivor's own
    backlog_gone: float

    def __str__(self) -> str:
        return (
            f"pause {self.pause:.1f} s = noticed {self.noticed:.1f} + joined {self.joined:.1f} + read back "
            f"{self.read_back:.1f} + first commit {self.first_commit:.1f}; the survivor's own partitions "
            f"stood still {self.own_stall:.1f} s; backlog gone after {self.backlog_gone:.1f} s"
        )


class Log:
    """A worker's log."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.log"

    def restored(self) -> list[dict[str, Any]]:
        """Each time it took partitions over."""
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        said = [msgspec.json.decode(line) for line in lines if b'"stream.restored"' in line]
        return [line for line in said if line["partitions"]]

    def owned(self) -> list[int]:
        restored = self.restored()
        return restored[-1]["partitions"] if restored else []


async def try_once(kafka: str, rate: int) -> Trial:
    spec = _new_spec(kafka)
    topics = [Topic(spec.source), Topic(spec.dead_letters), Topic(spec.out)]
    await ensure_topics(kafka, [*topics, Topic(spec.state, _COMPACT | _APPENDED)], partitions=PARTITIONS)
    folder = Path(spec.folder)
    logs = {name: Log(folder, name) for name in _WORKERS}
    workers = {name: await launch(_child(spec, name), logs[name].path) for name in _WORKERS}
    feed = Feed(kafka, spec.source, rate)
    feeding = asyncio.create_task(feed.run())
    try:
        await _shared(logs)
        await asyncio.sleep(_STEADY_S)
        died = time.time()
        workers["victim"].kill()
        await asyncio.sleep(_AFTER_S)
        feed.stop()
        await feeding
        async with asyncio.timeout(_REST_S):
            commits = await _all_commits(spec, feed)
    finally:
        feed.stop()
        await asyncio.gather(*(end(worker, _GRACE_S) for worker in workers.values()))
    await _check(spec, feed)
    return _analyse(commits, feed.sent, died, logs)


def _new_spec(kafka: str) -> Spec:
    app = f"failover-{uuid4().hex[:6]}"
    return Spec(
        kafka=kafka,
        app=app,
        source=f"{app}-source",
        out=f"{app}-out",
        state=f"{app}-state",
        dead_letters=f"{app}-dead",
        folder=str(FOLDER / "failover" / app),
        events=0,  # until it is stopped
    )


def _child(spec: Spec, name: str) -> ChildSpec:
    argv = (
        sys.executable,
        "-m",
        "benchmarks.equal_job.engines.greenline",
        msgspec.json.encode(spec).decode(),
    )
    return ChildSpec(name, argv, {"PYTHONPATH": str(_ROOT), "GREENLINE_STREAM_INSTANCE": name})


async def _shared(logs: dict[str, Log]) -> None:
    """Until each of the two has its half."""
    async with asyncio.timeout(_START_S):
        while sorted(n for log in logs.values() for n in log.owned()) != list(range(PARTITIONS)):  # noqa: ASYNC110 (other processes' logs)
            await asyncio.sleep(0.2)


async def _all_commits(spec: Spec, feed: Feed) -> Progress:
    """Each partition's commits, once all that was sent is in them."""
    while True:
        commits: Progress = {number: [] for number in range(PARTITIONS)}
        async for record in committed(spec.kafka, spec.state, PARTITIONS):
            if record.key == CHECKPOINT_KEY:
                after = msgspec.json.decode(record.value)["next"]
                commits[record.partition].append(Moment(record.timestamp / 1000, after))
        if all(commits[n] and commits[n][-1].next >= feed.sent[n][-1].next for n in range(PARTITIONS)):
            return commits
        await asyncio.sleep(1.0)


async def _check(spec: Spec, feed: Feed) -> None:
    found = Counter(
        [(record.key, record.value) async for record in committed(spec.kafka, spec.out, PARTITIONS)]
    )
    if len(found) != found.total() or found.total() != feed.outputs():
        raise SystemExit(f"{found.total()} outputs, {len(found)} different, {feed.outputs()} expected")


def _analyse(commits: Progress, sent: Progress, died: float, logs: dict[str, Log]) -> Trial:
    lost = logs["victim"].owned()
    first = {n: next(moment.at for moment in commits[n] if moment.at > died) for n in lost}
    own = [_longest_gap(commits[n], died) for n in commits if n not in lost]
    restored = logs["survivor"].restored()[-1]
    ready = datetime.fromisoformat(restored["timestamp"]).timestamp() - died
    noticed, pause = min(own)[0] - died, max(first.values()) - died
    return Trial(
        noticed=noticed,
        joined=ready - restored["seconds"] - noticed,
        read_back=restored["seconds"],
        first_commit=pause - ready,
        pause=pause,
        own_stall=max(end - start for start, end in own),
        backlog_gone=max(_current(commits[n], sent[n], first[n]) for n in lost) - died,
    )


def _longest_gap(moments: Sequence[Moment], after: float) -> tuple[float, float]:
    times = [moment.at for moment in moments if moment.at > after]
    return max(pairwise(times), key=lambda pair: pair[1] - pair[0])


def _current(commits: Sequence[Moment], sent: Sequence[Moment], since: float) -> float:
    """When a commit first held all that had been sent shortly before it."""
    times = [moment.at for moment in sent]
    for commit in commits:
        index = bisect_right(times, commit.at - _CURRENT_S) - 1
        if commit.at >= since and commit.next >= sent[max(index, 0)].next:
            return commit.at
    raise SystemExit("the backlog never went away")


def _figures(trials: Sequence[Trial], rate: int) -> list[Figure]:
    case = f"2_workers_{rate}_per_s"
    each = [
        Figure(case, f"{name}_s", value, "s") for trial in trials for name, value in trial._asdict().items()
    ]
    return [*each, Figure(case, "longest_pause_s", max(trial.pause for trial in trials), "s")]


async def _measure(kafka: str, trials: int, rate: int) -> list[Trial]:
    found = []
    for number in range(trials):
        found.append(await try_once(kafka, rate))
        print(f"trial {number + 1}: {found[-1]}", flush=True)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--trials", type=int, default=3)
    options.add_argument("--rate", type=int, default=20_000, help="events a second")
    chosen = options.parse_args()
    with broker() as kafka:
        trials = asyncio.run(_measure(kafka, chosen.trials, chosen.rate))
    append("failover", _figures(trials, chosen.rate))
    longest = max(trial.pause for trial in trials)
    print(f"failover trials={len(trials)} rate={chosen.rate} longest_pause={longest:.1f}s goal={GOAL_S:.0f}s")


if __name__ == "__main__":
    main()
