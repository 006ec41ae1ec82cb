"""Workers that die at any moment, brokers that go away: the state stays exact."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from libs.runtime.topics import ensure_topics
from tests.fixtures.broker import Broker
from tests.fixtures.stack import FreshTopic
from tests.integration.stream.support import (
    STATE_CONFIG,
    Job,
    Process,
    all_taken,
    assert_exactly_once,
    eventually,
    feed,
)

ALL_FOUR = '"partitions": [0, 1, 2, 3]'


async def test_a_worker_killed_again_and_again_counts_every_event_once(job: Job):
    random = Random(7)
    feeding = asyncio.create_task(feed(job, 20_000, wait=0.1))
    for _ in range(3):
        worker = await job.process()
        await worker.restored()
        await asyncio.sleep(random.uniform(0.1, 0.6))  # the moment of death is the point
        await worker.kill()
    worker = await job.process()
    await worker.restored()
    await feeding
    await all_taken(job)
    assert await worker.terminate() == 0
    assert worker.said("stream.drained")
    await assert_exactly_once(job)


async def test_partitions_move_to_a_second_worker_and_away_when_it_freezes(job: Job):
    """Frozen past its session it loses them; awake again it does no harm, whether it ends or joins."""
    feeding = asyncio.create_task(feed(job, 40_000, wait=0.1))
    first = await job.process("first")
    await first.restored()
    second = await job.process("second")
    await second.restored()
    assert not second.said(ALL_FOUR)
    await asyncio.sleep(0.5)  # both work
    before = first.count(ALL_FOUR)
    second.child.send_signal(signal.SIGSTOP)
    await eventually(lambda: first.count(ALL_FOUR) > before)
    second.child.send_signal(signal.SIGCONT)
    await feeding
    await all_taken(job)
    for worker in (second, first):
        if worker.child.returncode is None:
            await worker.terminate()
    await assert_exactly_once(job)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    yield made
    made.stop()


@pytest.fixture
async def lone_job(broker: Broker) -> Job:
    await ensure_topics(broker.url, [FreshTopic(name) for name in ("source", "out", "dead")], partitions=4)
    await ensure_topics(broker.url, [FreshTopic("state", STATE_CONFIG)], partitions=4)
    return Job(broker.url, "lone", "source", "state", "out", "dead")


async def supervised(job: Job, worker: Process) -> Process:
    """Until all is taken in. A worker may survive its broker's end or end itself, soon or ten seconds later:
    then it is started again. The longest way: its patience, back in the group, a transaction's time-out.
    """
    taken = asyncio.create_task(all_taken(job, seconds=90.0))
    while not taken.done():
        ended = asyncio.create_task(worker.child.wait())
        await asyncio.wait({taken, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not taken.done():
            worker = await job.process()
        ended.cancel()
    await taken
    return worker


async def test_a_broker_away_at_the_start_then_frozen_then_killed_leaves_the_state_exact(
    broker: Broker, lone_job: Job
):
    broker.stop()
    worker = await lone_job.process()
    await eventually(lambda: worker.count("kafka.away") >= 2)  # waits, and says so
    await asyncio.to_thread(broker.start)
    await worker.restored()
    feeding = asyncio.create_task(feed(lone_job, 20_000, wait=0.1))
    await asyncio.sleep(1.0)
    broker.signal(signal.SIGSTOP)
    await asyncio.sleep(2.0)
    broker.signal(signal.SIGCONT)
    await asyncio.sleep(1.0)
    broker.signal(signal.SIGKILL)
    await asyncio.sleep(2.0)
    await asyncio.to_thread(broker.start)
    await feeding
    worker = await supervised(lone_job, worker)
    await worker.terminate()
    await assert_exactly_once(lone_job)
