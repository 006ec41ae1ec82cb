"""A shop of numbers: events with a key and a number, a naive reference, and workers as processes."""

import asyncio
import signal
import struct
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Self

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord
from prometheus_client import CollectorRegistry

from libs.runtime.clock import Clock, SystemClock
from libs.runtime.settings import RuntimeSettings
from libs.runtime.stream.settings import StreamSettings
from libs.runtime.stream.state import CHECKPOINT_KEY, TROUBLE_KEY
from libs.runtime.stream.worker import StreamWorker
from tests.integration.stream.counter import ROW, EveryThird

PARTITIONS = 4
ROOT = Path(__file__).resolve().parents[3]
STATE_CONFIG = {"cleanup.policy": "compact"}


@dataclass(frozen=True)
class Job:
    """One service with its own topics; `app` is its group and the stem of its transactional ids."""

    kafka: str
    app: str
    source: str
    state: str
    out: str
    dead: str

    def worker(self, clock: Clock | None = None, **options) -> "Running":
        """Options of the worker itself (row, service, ...) replace this job's; the others are settings."""
        own = {"row": ROW, "layout": 1, "service": EveryThird(self.out)}
        own |= {name: options.pop(name) for name in (*own, "migrate", "transfers") if name in options}
        tuning = {"sweep_s": 3600, "session_s": 6.0, **options}
        registry = CollectorRegistry()
        worker = StreamWorker(
            app_id=self.app,
            source=self.source,
            state=self.state,
            dead_letters=self.dead,
            outputs=[self.out],
            settings=RuntimeSettings(kafka=self.kafka, drain_s=5),
            stream=StreamSettings(**tuning),
            clock=clock or SystemClock(),
            metrics=registry,
            **own,
        )
        return Running(worker, registry)

    async def process(self, instance: str = "0") -> "Process":
        """The same worker as a process of its own, to be killed."""
        command = [
            sys.executable,
            "-m",
            "tests.integration.stream.counter",
            msgspec.json.encode(self).decode(),
        ]
        child = await asyncio.create_subprocess_exec(
            *command, instance, cwd=ROOT, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        return Process(child)


class Running:
    """A worker in this process."""

    def __init__(self, worker: StreamWorker, registry: CollectorRegistry) -> None:
        self.worker, self._registry, self._stop = worker, registry, asyncio.Event()
        self.task = asyncio.create_task(worker.run(self._stop))

    async def ready(self) -> None:
        await eventually(lambda: self.worker.readiness().ready or self.task.done())
        if self.task.done():
            self.task.result()

    async def stop(self) -> None:
        self._stop.set()
        await self.task

    def sample(self, name: str) -> float:
        """A counter of the core, over all partitions."""
        samples = [s for metric in self._registry.collect() for s in metric.samples]
        return sum(s.value for s in samples if s.name == f"greenline_stream_{name}")

    async def __aenter__(self) -> Self:
        await self.ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(self.task, return_exceptions=True)


class Process:
    """A worker in another process; its log lines are kept."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self.child, self.lines = child, list[str]()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.child.stderr is not None
        async for line in self.child.stderr:
            self.lines.append(line.decode())

    def count(self, words: str) -> int:
        """Log lines with these words so far."""
        return sum(words in line for line in self.lines)

    def said(self, words: str) -> bool:
        return self.count(words) > 0

    async def restored(self) -> None:
        await eventually(lambda: self.said("stream.restored") or self.child.returncode is not None)
        assert self.child.returncode is None, "".join(self.lines)

    async def kill(self) -> None:
        self.child.kill()
        await self.ended()

    async def terminate(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        status = await asyncio.wait_for(self.child.wait(), 20)
        await self._reader
        return status


async def eventually(true: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 (polls other processes)
            await asyncio.sleep(0.02)


@dataclass
class Reference:
    """What the naive counting of the source gives."""

    rows: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    outputs: Counter = field(default_factory=Counter)
    dead: int = 0

    def add(self, key: bytes, value: bytes) -> None:
        if not value.isdigit():
            self.dead += 1
            return
        n, total = self.rows.get(key, (0, 0))
        n, total = n + 1, total + int(value)
        self.rows[key] = n, total
        if n % 3 == 0:
            self.outputs[key, b"%d %d" % (n, total)] += 1


async def feed(job: Job, count: int, *, seed: int = 1, wait: float = 0.0) -> None:
    """Random keys and numbers, one in 200 of them junk; `wait` seconds after every 500."""
    random = Random(seed)
    async with producing(job.kafka) as producer:
        for i in range(count):
            number = random.randrange(500)
            value = b"junk" if i % 200 == 199 else b"%d" % random.randrange(100)
            await producer.send(job.source, value, key=b"t/%d" % number, partition=number % PARTITIONS)
            if i % 500 == 499 and wait:
                await asyncio.sleep(wait)


@asynccontextmanager
async def producing(kafka: str, **options) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka,
        acks="all",
        enable_idempotence=True,
        linger_ms=2,
        max_batch_size=65536,
        **options,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def read(kafka: str, topic: str) -> list[ConsumerRecord]:
    """Every committed record of a topic."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka,
        isolation_level="read_committed",
        enable_auto_commit=False,
        fetch_max_wait_ms=20,
    )
    await consumer.start()
    try:
        return await _drain(consumer, topic)
    finally:
        await consumer.stop()


async def _drain(consumer: AIOKafkaConsumer, topic: str) -> list[ConsumerRecord]:
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    ends = await consumer.end_offsets(partitions)
    found: list[ConsumerRecord] = []
    while any([await consumer.position(p) < ends[p] for p in partitions]):
        for records in (await consumer.getmany(timeout_ms=50)).values():
            found += records
    return found


@dataclass
class Found:
    """What a job left on its topics."""

    rows: dict[bytes, tuple[int, int]]
    checkpoints: dict[int, dict]
    troubles: dict[int, dict] = field(default_factory=dict)

    def ledger(self, name: str) -> int:
        return sum(c["ledger"].get(name, 0) for c in self.checkpoints.values())


async def state_of(job: Job) -> Found:
    found = Found({}, {})
    for record in await read(job.kafka, job.state):
        if record.key == CHECKPOINT_KEY:
            found.checkpoints[record.partition] = msgspec.json.decode(record.value)
        elif record.key == TROUBLE_KEY:
            found.troubles[record.partition] = msgspec.json.decode(record.value or b"null")
        elif record.value is None:
            found.rows.pop(record.key, None)
        else:
            found.rows[record.key] = struct.unpack_from("<qq", record.value, 2)
    return found


async def all_taken(job: Job, seconds: float = 30.0) -> None:
    """Until the checkpoints stand at the end of the source."""
    ends = await log_ends(job.kafka, job.source)
    async with asyncio.timeout(seconds):
        while True:
            found = (await state_of(job)).checkpoints
            if all(found.get(p, {"next": 0})["next"] >= end for p, end in ends.items()):
                return
            await asyncio.sleep(0.1)


async def log_ends(kafka: str, topic: str) -> dict[int, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        ends = await consumer.end_offsets([TopicPartition(topic, n) for n in range(PARTITIONS)])
    finally:
        await consumer.stop()
    return {tp.partition: end for tp, end in ends.items()}


async def assert_exactly_once(job: Job) -> None:
    """State equals the naive reference, each output appears once, the ledger balances."""
    source = sorted(await read(job.kafka, job.source), key=lambda r: (r.partition, r.offset))
    reference = reference_of((r.key, r.value) for r in source)
    found = await state_of(job)
    assert found.rows == reference.rows
    outputs = [r for r in await read(job.kafka, job.out) if not r.value.startswith(b"swept")]
    assert Counter((r.key, r.value) for r in outputs) == reference.outputs
    assert len(await read(job.kafka, job.dead)) == reference.dead == found.ledger("dead_lettered")
    assert found.ledger("applied") + found.ledger("dead_lettered") == len(source)


def reference_of(pairs: Iterable[tuple[bytes, bytes]]) -> Reference:
    reference = Reference()
    for key, value in pairs:
        reference.add(key, value)
    return reference
