"""`python -m tests.chaos.process '<job as JSON>' <instance>`: one worker, until SIGTERM or worse.

SIGUSR1 and SIGUSR2 move its consumer behind the core's back: to where it was before, as Faust does with a
partition that it keeps through a rebalance, or ahead, as if a chunk had been lost.
"""

import asyncio
import signal
import sys
from typing import Any

import msgspec
from faust.types import TP

from libs.runtime.logging import configure_logging
from libs.runtime.stream.coverage import Place
from libs.runtime.stream.reader import context_of
from libs.runtime.stream.worker import StreamWorker
from tests.chaos.job import Job
from tests.chaos.mutants import WORKERS

# Offsets: a second of a partition's load back, and less than a chunk ahead.
MOVES = {signal.SIGUSR1: -1_000, signal.SIGUSR2: 20}


async def move(worker: StreamWorker, by: int) -> None:
    """Every place that is owned now; nothing before the first assignment."""
    engine = worker._engine
    source: Any = None if engine is None else engine._source
    if engine is None or source is None:
        return
    consumer = source._consumer
    for place, at in engine.positions().items():
        await consumer._thread.call_thread(_seek, consumer, place, max(at + by, 0))


async def _seek(consumer: Any, place: Place, offset: int) -> None:
    """Runs in the consumer's thread. Faust, too, keeps its own read offset in step."""
    where, client = context_of(consumer.app).tp(place), consumer.chunk_thread._ensure_consumer()
    if where in client.assignment():
        client.seek(where, offset)
        consumer._read_offset[TP(*where)] = offset or None


async def main(job: Job, instance: str) -> None:
    worker = job.worker(WORKERS[job.mutant], instance)
    moves = set[asyncio.Task[None]]()

    def start(by: int) -> None:
        moves.add(asyncio.create_task(move(worker, by)))

    for number, by in MOVES.items():
        asyncio.get_running_loop().add_signal_handler(number, start, by)
    await worker.run()


if __name__ == "__main__":
    configure_logging("chaos", as_json=True)
    asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Job), sys.argv[2]))
