"""What one partition sends another arrives once, also when workers die in between."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from random import Random

import pytest

from libs.runtime.kafka import partition_of
from libs.runtime.stream import Chunk, Lane, LayoutError, Output, Rows, Transfer
from tests.fixtures.stack import MakeTopics
from tests.integration.stream.support import (
    PARTITIONS,
    Job,
    Running,
    all_taken,
    eventually,
    producing,
    read,
    state_of,
)

KEYS = [b"t/%d" % number for number in range(40)]
WHERE = {key: partition_of(key, list(range(PARTITIONS)), []) for key in KEYS}


class Wandering:
    """Each event puts a coin into its key; `to t/n` sends all coins of its key to another one."""

    def step(self, chunk: Chunk, rows: Rows, now: datetime) -> Iterable[Output]:
        for record in chunk.records:
            slot = rows.ensure(record.key)
            row = rows.array[slot]
            rows.touch(slot)
            if chunk.lane is Lane.TRANSFERS:
                row["n"] += int(record.value)
                rows.ledger.add("received", int(record.value))
            elif record.value.startswith(b"to "):
                coins, row["n"] = int(row["n"]), 0
                rows.ledger.add("sent", coins)
                yield Transfer(record.value[3:], b"%d" % coins)
            else:
                row["n"] += 1
        rows.watermark = now

    def sweep(self, rows: Rows, now: datetime) -> Iterable[Output]:
        return ()


@pytest.fixture
async def wandering(job: Job, make_topics: MakeTopics) -> tuple[Job, str]:
    (transfers,) = await make_topics("transfers")
    return job, transfers


async def scatter(job: Job, count: int, seed: int) -> int:
    """Events in random places; returns how many coins were put in."""
    random, coins = Random(seed), 0
    async with producing(job.kafka) as producer:
        for i in range(count):
            key = random.choice(KEYS)
            value = b"to " + random.choice(KEYS) if i % 20 == 19 else b"coin"
            coins += value == b"coin"
            await producer.send(job.source, value, key=key, partition=WHERE[key])
            if i % 200 == 199:
                await asyncio.sleep(0.01)
    return coins


async def assert_conserved(job: Job, transfers: str, coins: int) -> None:
    """Every coin lies in exactly one row, and each row where its key belongs."""
    found = await state_of(job)
    assert sum(n for n, _ in found.rows.values()) == coins
    assert found.ledger("sent") == found.ledger("received")
    assert all(r.partition == WHERE[r.key] for r in await read(job.kafka, transfers))


async def transfers_taken(job: Job, transfers: str) -> None:
    async with asyncio.timeout(30):
        while True:
            found = await state_of(job)
            if found.checkpoints and found.ledger("sent") == found.ledger("received"):
                sent = dict.fromkeys(range(PARTITIONS), 0)
                for record in await read(job.kafka, transfers):
                    sent[record.partition] = record.offset + 1
                if all(found.checkpoints[p]["transfers"] >= end for p, end in sent.items()):
                    return
            await asyncio.sleep(0.1)


async def test_coins_move_between_partitions_and_none_is_lost_or_doubled(wandering):
    job, transfers = wandering
    async with job.worker(service=Wandering(), transfers=transfers):
        coins = await scatter(job, 3000, seed=1)
        await all_taken(job)
        await transfers_taken(job, transfers)
    await assert_conserved(job, transfers, coins)


async def cut_off(running: Running) -> None:
    """As soon as it has taken something in."""
    await running.ready()
    before = running.sample("records_total")
    await eventually(lambda: running.sample("records_total") > before)
    running.task.cancel()
    await asyncio.gather(running.task, return_exceptions=True)


async def test_nor_when_the_worker_is_cut_off_between_the_two_partitions(wandering):
    """No commit is awaited at the end: what was not committed is done again, on both lanes."""
    job, transfers = wandering
    feeding = asyncio.create_task(scatter(job, 6000, seed=2))
    for _ in range(4):
        await cut_off(job.worker(service=Wandering(), transfers=transfers, commit_s=0.02))
    async with job.worker(service=Wandering(), transfers=transfers):
        coins = await feeding
        await all_taken(job)
        await transfers_taken(job, transfers)
    await assert_conserved(job, transfers, coins)


async def test_a_transfers_topic_with_another_partition_count_is_refused(job: Job, make_topics: MakeTopics):
    (transfers,) = await make_topics("transfers", partitions=2)
    with pytest.raises(LayoutError, match=rf"{transfers} has 2 partitions, .* has 4: they must be equal"):
        await job.worker(service=Wandering(), transfers=transfers).task
