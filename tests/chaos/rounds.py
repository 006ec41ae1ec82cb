"""One round: workers under load, faults, calm, and then the count."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from libs.runtime.stack import Supervisor
from tests.chaos.faults import Fault, Faults, Kind
from tests.chaos.found import all_taken
from tests.chaos.job import Job
from tests.chaos.load import Load, events
from tests.chaos.verdict import Verdict, judge
from tests.fixtures.broker import Broker

_CALM_S = 2.0  # of load after the last fault
# Twice what a worker needs that is killed in its worst moment: back-off 5, session 6, transaction 15 s.
SETTLE_S = 60.0
_STARTED_S = 60.0


@dataclass(repr=False)
class Report:
    """A round's counts. `taken` is false when the workers never came to the end of their topics.

    A takeover is a worker's part in a rebalance, or a partition taken again after it was fenced.
    """

    seed: int
    workers: int
    faults: Counter[Kind]
    restarts: int
    said: Counter[str]  # events in the workers' logs
    taken: bool
    verdict: Verdict

    @property
    def exact(self) -> bool:
        return self.taken and self.verdict.exact

    def __repr__(self) -> str:
        reference, outputs = self.verdict.reference, self.verdict.outputs
        faults = " ".join(f"{kind}={count}" for kind, count in sorted(self.faults.items()))
        return (
            f"seed={self.seed} workers={self.workers} faults={self.faults.total()} ({faults}) "
            f"restarts={self.restarts} takeovers={self.said['stream.restored']} "
            f"fenced={self.said['stream.fenced']} records={reference.records} "
            f"outputs={outputs.counts.total()} transfers={reference.transfers.total()} "
            f"dead_letters={reference.dead.total()} longest_pause={outputs.longest_pause():.1f}s "
            f"{'' if self.taken else 'NOT TAKEN IN '}{self.verdict}"
        )


class Round:
    """`broker` is given where it may be hurt; else the round runs on `kafka` beside others."""

    def __init__(self, job: Job, folder: Path, seed: int, workers: int, broker: Broker | None = None) -> None:
        self._job, self._folder, self._seed, self._broker = job, folder, seed, broker
        self._names = [f"worker-{number}" for number in range(workers)]

    async def play(self, faults: Sequence[Fault], settle_s: float = SETTLE_S, back: int = 0) -> Report:
        """The faults one after the other or at once, as their times say; then all is to be taken in.

        `back`: how many killed workers have to be there again before `settle_s` begins.
        """
        await self._job.make_topics()
        children = [self._job.child(name) for name in self._names]
        load = Load(self._job.kafka, self._job.source, events(self._seed))
        async with Supervisor(children, self._folder) as supervisor:
            acted = Faults(self._job, supervisor, self._names, self._broker)
            await self._under_load(load, acted, faults)
            await self._restored(len(self._names) + back)
            taken = await self._taken(settle_s)
            restarts = sum(map(supervisor.restarts, self._names))
        verdict = await judge(self._job, load.confirmed)
        said = Counter(self._said())
        return Report(self._seed, len(self._names), acted.done, restarts, said, taken, verdict)

    async def _under_load(self, load: Load, acted: Faults, faults: Sequence[Fault]) -> None:
        pouring = asyncio.create_task(load.run())
        try:
            await self._restored(len(self._names))
            await acted.play(faults)
            await asyncio.sleep(_CALM_S)
        finally:
            load.stop()
            await pouring

    async def _restored(self, times: int) -> None:
        async with asyncio.timeout(_STARTED_S):
            while Counter(self._said())["stream.restored"] < times:  # noqa: ASYNC110 (other processes' logs)
                await asyncio.sleep(0.1)

    async def _taken(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(all_taken(self._job), seconds)
        except TimeoutError:
            return False
        return True

    def _said(self) -> Iterator[str]:
        for name in self._names:
            log = self._folder / "logs" / f"{name}.log"
            for line in log.read_bytes().splitlines() if log.exists() else ():
                if line.startswith(b"{") and line.endswith(b"}"):  # a kill may cut a line short
                    yield msgspec.json.decode(line)["event"]


async def lone_round(
    folder: Path, seed: int, workers: int, faults: Sequence[Fault], mutant: str = ""
) -> Report:
    """A round with a broker of its own. Its logs stay; its data only when something differs."""
    shutil.rmtree(folder, ignore_errors=True)
    broker = await asyncio.to_thread(Broker, folder / "kafka")
    try:
        job = Job(broker.url, f"chaos-{seed}", mutant)
        report = await Round(job, folder, seed, workers, broker).play(faults)
    finally:
        await asyncio.to_thread(broker.stop)
    if report.exact:
        shutil.rmtree(folder / "kafka" / "data", ignore_errors=True)
    return report
