"""The whole core on a real Kafka, one worker in this process."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka.errors import KafkaError

from libs.runtime.clock import FakeClock
from libs.runtime.stream import FencedError, LayoutError, PositionError, StateError, StepError
from libs.runtime.stream.batches import Columns
from libs.runtime.stream.transaction import Batch, PartitionProducer
from tests.fixtures.stack import MakeTopics
from tests.integration.stream.support import (
    Job,
    all_taken,
    assert_exactly_once,
    eventually,
    feed,
    log_ends,
    producing,
    read,
    state_of,
)


async def test_a_backlog_and_live_events_count_once(job: Job):
    await feed(job, 3000)
    async with job.worker():
        await feed(job, 500, seed=2)
        await all_taken(job)
    await assert_exactly_once(job)


async def test_a_stop_commits_what_was_taken_in_and_a_restart_goes_on_there(job: Job):
    async with job.worker():
        await feed(job, 1000)
        await all_taken(job)
    async with job.worker() as again:
        await feed(job, 1000, seed=2)
        await all_taken(job)
        taken = again.sample("records_total")
    assert taken == 1000
    await assert_exactly_once(job)


async def test_nothing_stays_open_after_a_stop(job: Job):
    async with job.worker(commit_s=5.0) as running:
        await feed(job, 200)
        await eventually(lambda: running.sample("records_total") == 200)
    assert (await state_of(job)).ledger("applied") == 199
    ends = await log_ends(job.kafka, job.source)
    assert {p: c["next"] for p, c in (await state_of(job)).checkpoints.items()} == ends


async def test_time_alone_makes_a_sweep(job: Job):
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    async with job.worker(clock, sweep_s=60, sweep_wall_s=0.01) as running:
        await feed(job, 100)
        await all_taken(job)
        await eventually(lambda: running.worker.readiness().oldest_age_s == 0)
        clock.advance(timedelta(days=1))
        wanted = b"swept %d" % clock.now().timestamp()
        async with asyncio.timeout(10):
            while True:
                swept = [r.key for r in await read(job.kafka, job.out) if r.value == wanted]
                if swept:
                    break
        await asyncio.sleep(0)
    rows = (await state_of(job)).rows
    swept = [r.key for r in await read(job.kafka, job.out) if r.value == wanted]
    assert sorted(swept) == sorted(rows)


async def test_a_source_written_in_transactions_is_read_without_gaps_or_aborted_records(job: Job):
    """customer.health is such a source: markers and aborted records leave holes in its offsets."""
    async with job.worker() as running:
        async with producing(job.kafka, transactional_id=job.app + "-writer") as producer:
            for turn in range(6):
                await producer.begin_transaction()
                for i in range(40):
                    await producer.send(job.source, b"1", key=b"t/%d" % (i % 8), partition=i % 4)
                await (producer.abort_transaction() if turn % 2 else producer.commit_transaction())
        await eventually(lambda: running.sample("records_total") == 120)
        await eventually(lambda: running.worker.readiness().oldest_age_s == 0)
        assert running.sample("chunks_dropped_total") == 0
    await assert_exactly_once(job)


async def test_a_state_topic_with_another_partition_count_is_refused(job: Job, make_topics: MakeTopics):
    (state,) = await make_topics("state", partitions=3)
    with pytest.raises(LayoutError, match=r"has 3 partitions, .* has 4: they must be equal"):
        await replace(job, state=state).worker().task


async def test_a_missing_topic_is_named(job: Job):
    with pytest.raises(LayoutError, match="topics are missing: nowhere"):
        await replace(job, dead="nowhere").worker().task


async def test_a_corrupt_state_record_is_refused_with_partition_and_offset(job: Job):
    async with producing(job.kafka) as producer:
        await producer.send_and_wait(job.state, b"\x00\x01short", key=b"t/1", partition=2)
    with pytest.raises(StateError, match="state partition 2, offset 0: its row has 5 bytes instead of 16"):
        await job.worker().task


async def test_a_checkpoint_past_the_end_of_the_source_stops_the_worker(job: Job, make_topics: MakeTopics):
    await feed(job, 200)
    async with job.worker():
        await all_taken(job)
    (made_anew,) = await make_topics("source")
    with pytest.raises(PositionError, match="the log of events ends at 0"):
        await replace(job, source=made_anew, app=job.app + "-anew").worker().task


async def test_a_worker_whose_group_membership_broke_ends_instead_of_standing_still(
    job: Job, make_topics: MakeTopics
):
    """The group still remembers this instance with another topic: aiokafka's coordination dies of it."""
    async with job.worker():
        await feed(job, 10)
    other = await make_topics("source", "state")
    with pytest.raises(KafkaError, match="coordination"):
        await replace(job, source=other[0], state=other[1]).worker().task


async def test_a_step_that_raises_names_its_offsets_and_commits_nothing_of_its_chunk(job: Job):
    async with job.worker() as running:
        await feed(job, 100)
        await all_taken(job)
        before = await state_of(job)
        async with producing(job.kafka) as producer:
            where = await producer.send_and_wait(job.source, b"raise", key=b"t/1", partition=1)
        with pytest.raises(StepError, match=f"partition 1, events {where.offset} to {where.offset}"):
            await running.task
        assert not running.worker.readiness().ready
    after = await state_of(job)
    assert (after.rows, after.checkpoints) == (before.rows, before.checkpoints)
    assert after.troubles[1]["times"] == 1


async def test_a_partition_taken_over_by_somebody_outside_the_group_is_taken_again(job: Job):
    async with job.worker() as running:
        await feed(job, 100)
        await all_taken(job)
        usurper = PartitionProducer(job.kafka, job.app, 1, 15.0)
        await usurper.open()
        try:
            await feed(job, 500, seed=2)
            await all_taken(job)
            with pytest.raises(FencedError, match=f"{job.app}-1 was taken over"):
                await usurper.write([Batch(job.out, Columns.of_pairs([(b"t/1", b"1 1")]))])
        finally:
            await usurper.close()
        assert running.sample("fenced_total") >= 1
        assert not running.task.done()
    await assert_exactly_once(job)


async def test_readiness_tells_of_an_event_that_waits(job: Job):
    running = job.worker()
    assert running.worker.readiness().reason == "connecting"
    await running.ready()
    assert running.worker.readiness().ready
    await running.stop()
