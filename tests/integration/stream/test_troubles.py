"""What may stand in a worker's way, each once, on a real Kafka."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from libs.runtime.stream import StalledError, StateError, StepError
from libs.runtime.stream.batches import Columns
from libs.runtime.stream.transaction import Batch, PartitionProducer
from tests.integration.stream.counter import ROW
from tests.integration.stream.support import (
    Job,
    all_taken,
    assert_exactly_once,
    eventually,
    feed,
    producing,
    read,
    state_of,
)


async def say(job: Job, value: bytes, partition: int = 1) -> int:
    async with producing(job.kafka) as producer:
        where = await producer.send_and_wait(job.source, value, key=b"t/%d" % partition, partition=partition)
    return where.offset


async def delete_before(job: Job, partition: int, offset: int) -> None:
    """What retention does, at once."""
    admin = AIOKafkaAdminClient(bootstrap_servers=job.kafka)
    await admin.start()
    try:
        where = TopicPartition(job.source, partition)
        await admin.delete_records({where: RecordsToDelete(before_offset=offset)})
    finally:
        await admin.close()


async def test_a_transaction_that_a_dead_worker_left_open_is_ended_by_the_next_owner(job: Job):
    await feed(job, 100)
    dead = PartitionProducer(job.kafka, job.app, 1, 60.0)
    await dead.open()
    await dead._producer.begin_transaction()
    never = Columns.of_pairs([(b"t/1", b"never")])
    await dead._send_all([Batch(job.out, never), Batch(job.state, never)])
    async with asyncio.timeout(20), job.worker() as running:
        await all_taken(job)
        assert running.sample("records_total") == 100
    assert b"never" not in [r.value for r in await read(job.kafka, job.out)]
    await assert_exactly_once(job)
    await dead.close()


async def test_a_record_that_makes_step_raise_is_set_aside_after_three_restarts(job: Job):
    await feed(job, 300)
    where = await say(job, b"raise")
    await feed(job, 300, seed=2)
    for times in (1, 2, 3):
        with pytest.raises(StepError, match="partition 1"):
            await job.worker().task
        assert (await state_of(job)).troubles[1]["times"] == times
    async with job.worker() as running:
        await all_taken(job)
        assert running.sample("quarantined_total") == 1
    found = await state_of(job)
    assert found.troubles[1] is None
    letters = [r.value for r in await read(job.kafka, job.dead) if b"quarantined" in r.value]
    assert len(letters) == 1
    assert b'"origin":"%s/1/%d"' % (job.source.encode(), where) in letters[0]
    assert b"RuntimeError" in letters[0]
    assert found.ledger("applied") + found.ledger("dead_lettered") == 601


async def test_a_worker_whose_consumer_stalls_without_a_word_ends_itself(job: Job):
    async with job.worker(stall_s=1.0) as running:
        await feed(job, 100)
        await all_taken(job)

        async def never(*_, **__) -> None:
            await asyncio.Event().wait()

        running.worker._engine._source._consumer.chunk_thread._fetch_records = never
        await say(job, b"1")
        await say(job, b"1")  # the fetch under way may still bring the first one
        with pytest.raises(StalledError, match=r"although there is more: events of partition 1"):
            async with asyncio.timeout(20):
                await running.task
    async with job.worker():
        await all_taken(job)
    await assert_exactly_once(job)


async def test_a_worker_with_nothing_to_do_is_not_stalled(job: Job):
    async with job.worker(stall_s=0.4) as running:
        await feed(job, 100)
        await all_taken(job)
        await asyncio.sleep(1.0)  # more than two limits of silence
        assert not running.task.done()


async def test_what_retention_deleted_unread_is_passed_and_counted(job: Job):
    async with job.worker():
        await feed(job, 400)
        await all_taken(job)
    taken = (await state_of(job)).checkpoints[2]["next"]
    await feed(job, 400, seed=2)
    await delete_before(job, 2, taken + 30)
    async with job.worker():
        await all_taken(job)
    found = await state_of(job)
    assert found.ledger("lost_to_retention") == 30
    assert found.ledger("applied") + found.ledger("dead_lettered") == 770


async def test_retention_that_passes_a_running_worker_is_passed_and_counted(job: Job):
    async with job.worker() as running:
        await feed(job, 400)
        await all_taken(job)
        thread = running.worker._engine._source._consumer.chunk_thread
        fetch, gate = thread._fetch_records, asyncio.Event()

        async def late(*args, **kwargs):
            while not gate.is_set():  # noqa: ASYNC110 (another thread's loop)
                await asyncio.sleep(0.01)
            return await fetch(*args, **kwargs)

        thread._fetch_records = late
        end = await say(job, b"1", 3)
        for _ in range(5):
            end = await say(job, b"1", 3)
        await delete_before(job, 3, end)
        gate.set()
        await eventually(lambda: running.sample("records_total") >= 401)
        await all_taken(job)
    found = await state_of(job)
    total = found.ledger("applied") + found.ledger("dead_lettered") + found.ledger("lost_to_retention")
    assert total == 406


async def test_state_of_an_older_layout_is_migrated_as_it_is_read(job: Job):
    async with job.worker():
        await feed(job, 300)
        await all_taken(job)
    before = (await state_of(job)).rows
    wide = np.dtype([*ROW.descr, ("more", "i8")])
    newer = replace(job).worker(row=wide, layout=2, migrate={1: lambda row: row + bytes(8)})
    async with newer:
        await feed(job, 600, seed=2)
        await all_taken(job)
        [partition, *_] = newer.worker._engine._owned.values()
        assert partition.rows.dtype == wide
    sizes = {key: len(value) for key, value in (await raw_state(job)).items()}
    assert set(sizes) == set(before) | set(sizes)
    assert set(sizes.values()) <= {2 + 16, 2 + 24}
    assert 2 + 24 in sizes.values()


async def test_state_of_a_layout_that_nobody_can_migrate_is_refused(job: Job):
    async with job.worker():
        await feed(job, 100)
        await all_taken(job)
    with pytest.raises(StateError, match="its layout 1 cannot be turned into 3"):
        await job.worker(layout=3).task


async def raw_state(job: Job) -> dict[bytes, bytes]:
    return {r.key: r.value for r in await read(job.kafka, job.state) if r.key[:1] != b"\x00" and r.value}
