"""One run of one engine: topics of its own, a process of its own, a time limit, its rate checked."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import msgspec
from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.broker import FOLDER, Topic
from benchmarks.equal_job import measure
from benchmarks.equal_job.catalogue import Engine
from benchmarks.equal_job.data import Data
from benchmarks.equal_job.job import PARTITIONS, Spec
from benchmarks.equal_job.neighbours import Neighbours
from benchmarks.equal_job.setup import ROOT
from libs.runtime.stack import ChildSpec, ensure_topics
from libs.runtime.stack.child import end, launch
from libs.runtime.stack.processes import tail

_GRACE_S = 8.0  # between asking an engine to end and killing it
_LOG_END = {"message.timestamp.type": "LogAppendTime"}  # the clock of all engines
_COMPACT = {"cleanup.policy": "compact"}

_numbers = count(1)


class RunError(Exception):
    """The engine ended early or took too long."""


class Run(NamedTuple):
    """What one run gave."""

    rate: float  # events a second
    others: float  # cores that programs beside engine, broker and harness took


class Bench:
    """The source topics of one session, and runs over them."""

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._data: dict[tuple[int, int], Data] = {}

    async def data(self, events: int, customers: int) -> Data:
        """The data of a size; the topic is filled the first time."""
        size = events, customers
        if size not in self._data:
            data = Data(events, customers)
            await ensure_topics(self._kafka, [Topic(_source(data))], partitions=PARTITIONS)
            await data.fill(self._kafka, _source(data))
            self._data[size] = data
        return self._data[size]

    async def run(self, engine: Engine, data: Data, limit_s: float, report: Callable[[int], None]) -> Run:
        """Raises RunError, or WrongResultError when the outputs are not right."""
        spec = self._new_spec(engine, data)
        topics = [Topic(spec.out, _LOG_END), Topic(spec.state, _COMPACT), Topic(spec.dead_letters)]
        await ensure_topics(self._kafka, topics, partitions=PARTITIONS)
        try:
            return await _Attempt(engine, spec, data, limit_s, report).run(Neighbours())
        finally:
            await self._clean(spec)

    def _new_spec(self, engine: Engine, data: Data) -> Spec:
        app = f"{engine.name}-{next(_numbers)}-{uuid4().hex[:6]}"
        folder = FOLDER / "runs" / app
        folder.mkdir(parents=True)
        return Spec(
            kafka=self._kafka,
            app=app,
            source=_source(data),
            out=f"{app}-out",
            state=f"{app}-state",
            dead_letters=f"{app}-dead-letters",
            folder=str(folder),
            events=data.events,
        )

    async def _clean(self, spec: Spec) -> None:
        """Its topics, its changelogs too, and its folder: compaction would disturb the next run."""
        shutil.rmtree(spec.folder, ignore_errors=True)
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka)
        await admin.start()
        try:
            await admin.delete_topics([name for name in await admin.list_topics() if spec.app in name])
        finally:
            await admin.close()


def _source(data: Data) -> str:
    return f"events-{data.events}-{data.customers}"


@dataclass(frozen=True)
class _Attempt:
    """An engine at work on its spec."""

    engine: Engine
    spec: Spec
    data: Data
    limit_s: float
    report: Callable[[int], None]

    @property
    def _log(self) -> Path:
        return FOLDER / "logs" / f"{self.engine.name}.log"

    async def run(self, neighbours: Neighbours) -> Run:
        """Start it, wait for its rate, end it by its process id."""
        argv = (*self.engine.argv, msgspec.json.encode(self.spec).decode())
        self._log.unlink(missing_ok=True)
        process = await launch(ChildSpec(self.engine.name, argv, {"PYTHONPATH": str(ROOT)}), self._log)
        try:
            rate = await self._rate(process)
            return Run(rate, neighbours.cores())
        finally:
            await end(process, _GRACE_S)

    async def _rate(self, process: asyncio.subprocess.Process) -> float:
        ended = asyncio.create_task(process.wait())
        answer = ended if self.engine.times_itself else asyncio.create_task(self._by_outputs())
        try:
            await asyncio.wait({answer, ended}, timeout=self.limit_s, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise self._failed(f"ended with {process.returncode}" if ended.done() else "took too long")
            return self._own_rate() if self.engine.times_itself else answer.result()
        finally:
            answer.cancel()
            ended.cancel()

    async def _by_outputs(self) -> float:
        spec, expected = self.spec, self.data.expected
        found = await measure.outputs_when_all(spec.kafka, spec.out, len(expected), self.report)
        measure.check(found, expected)
        return measure.rate(found, self.data)

    def _own_rate(self) -> float:
        said = Path(self.spec.folder, "rate")
        if not said.exists():
            raise self._failed("ended without a rate")
        return float(said.read_text())

    def _failed(self, how: str) -> RunError:
        return RunError(f"{how}. The end of its log:\n{tail(self._log)}")
