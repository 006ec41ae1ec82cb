"""What is left to Faust: membership, assignment, timers. Its books and the group's offsets decide nothing."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.runtime.stream import LayoutError, driver
from libs.runtime.stream.batches import Columns
from libs.runtime.stream.transaction import Batch, PartitionProducer
from tests.fixtures.stack import MakeTopics
from tests.integration.stream.counter import EveryThird
from tests.integration.stream.support import (
    PARTITIONS,
    Job,
    Running,
    all_taken,
    assert_exactly_once,
    eventually,
    feed,
    state_of,
)


async def group_offsets(job: Job) -> dict[int, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=job.kafka, group_id=job.app, enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(job.source, number) for number in range(PARTITIONS)]
        return {place.partition: await consumer.committed(place) or 0 for place in places}
    finally:
        await consumer.stop()


async def test_all_that_was_fetched_for_a_partition_is_one_message(job: Job):
    await feed(job, 4000)
    async with job.worker() as running:
        await all_taken(job)
        assert running.sample("records_total") == 4000
        assert running.sample("chunks_total") <= 3 * PARTITIONS


async def test_faust_keeps_no_books_of_single_offsets(job: Job):
    async with job.worker() as running:
        await feed(job, 2000, wait=0.01)
        await all_taken(job)
        consumer = running.worker._engine._source._consumer
        await eventually(lambda: not consumer._unacked_messages)
        assert not any(consumer._acked.values())
        assert not any(consumer._gap.values())


@pytest.mark.parametrize("offset", [0, 1_000_000])
async def test_the_checkpoint_is_the_truth_whatever_the_groups_offsets_say(
    job: Job, offset: int, monkeypatch
):
    async def none(*_, **__) -> bool:
        return False

    monkeypatch.setattr(driver.ChunkConsumer, "commit", none)
    async with job.worker() as running:
        await feed(job, 1000)
        await all_taken(job)
        consumer = running.worker._engine._source._consumer
        told = dict.fromkeys(running.worker._engine.positions(), offset)
        await consumer._thread.call_thread(consumer.chunk_thread.commit_offsets, told)
        assert set((await group_offsets(job)).values()) == {offset}
    async with job.worker() as running:
        await feed(job, 1000, seed=2)
        await all_taken(job)
        assert running.sample("records_total") == 1000
    await assert_exactly_once(job)


async def test_the_groups_offsets_follow_the_checkpoint_for_lag_tools(job: Job, monkeypatch):
    monkeypatch.setattr(driver, "_GROUP_COMMIT_S", 0.1)
    async with job.worker():
        await feed(job, 500)
        await all_taken(job)
        wanted = {number: c["next"] for number, c in (await state_of(job)).checkpoints.items()}
        async with asyncio.timeout(10):
            while await group_offsets(job) != wanted:  # noqa: ASYNC110 (the group tells nobody)
                await asyncio.sleep(0.1)


async def test_the_clients_settings_are_explicit(job: Job):
    async with job.worker() as running:
        consumer = running.worker._engine._source._consumer.chunk_thread._consumer
        assert consumer._isolation_level == "read_committed"
        assert consumer._auto_offset_reset == "earliest"
        assert consumer._enable_auto_commit is False
        assert consumer._group_instance_id == f"{job.app}-0"
        assert consumer._session_timeout_ms == 6_000
        [partition, *_] = running.worker._engine._owned.values()
        producer = partition._producer._producer
        assert producer._sender._acks == -1
        assert producer._txn_manager.transactional_id == f"{job.app}-{partition.number}"
        assert producer._txn_manager.transaction_timeout_ms == 15_000


async def test_a_batch_for_a_partition_that_is_not_there_is_refused_with_both_numbers(
    job: Job, make_topics: MakeTopics
):
    (small,) = await make_topics("small", partitions=2)
    producer = PartitionProducer(job.kafka, job.app, 3, 15.0)
    await producer.open()
    try:
        with pytest.raises(LayoutError, match=f"topic {small} has 2 partitions, 3 is written to"):
            await producer.write([Batch(small, Columns.of_pairs([(b"k", b"v")]))])
    finally:
        await producer.close()


def numbers(running: Running, lane: int) -> set[int]:
    engine = running.worker._engine
    return {place.partition for place in engine.positions() if place.lane == lane} if engine else set()


async def test_workers_join_and_leave_and_both_lanes_of_a_partition_stay_together(
    job: Job, make_topics: MakeTopics
):
    (transfers,) = await make_topics("transfers")
    service = EveryThird(job.out)
    everyone = set(range(PARTITIONS))
    feeding = asyncio.create_task(feed(job, 30_000, wait=0.1))
    async with job.worker(instance="a", transfers=transfers, service=service) as first:
        await eventually(lambda: numbers(first, 0) == everyone)
        async with job.worker(instance="b", transfers=transfers, service=EveryThird(job.out)) as second:
            await eventually(lambda: bool(numbers(second, 0)) and bool(numbers(first, 0)))
            await eventually(lambda: numbers(first, 0) | numbers(second, 0) == everyone)
            for worker in (first, second):
                assert numbers(worker, 0) == numbers(worker, 1)
            before = second.sample("records_total")
            await eventually(lambda: second.sample("records_total") > before)
        await eventually(lambda: numbers(first, 0) == everyone)
        await feeding
        await all_taken(job)
    await assert_exactly_once(job)
