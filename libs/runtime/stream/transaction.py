"""One partition's transactional producer: all of a commit, or nothing of it."""

import asyncio
import contextlib
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced

from libs.runtime.stream.batches import Columns, encode
from libs.runtime.stream.errors import FencedError, LayoutError

_BATCH_BYTES = 512 * 1024  # half of a broker's default limit for one batch
_CLOSE_S = 2.0  # a client that hangs in stop() must not hang the worker
_ABORT_S = 1.0


class Batch(NamedTuple):
    """Records of one topic in order. Without a partition they go to the producer's own number."""

    topic: str
    records: Columns
    partition: int | None = None


Writes = Iterable[Batch]


class Written(NamedTuple):
    """What a transaction wrote: how many records, and the offset after the last one of the last batch."""

    records: int
    next: int


class PartitionProducer:
    """``transactional.id = <app>-<partition>``: opening it fences whoever held the partition before."""

    def __init__(self, bootstrap: str, app: str, partition: int, transaction_s: float) -> None:
        self._partition = partition
        self._id = f"{app}-{partition}"
        self._producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            transactional_id=self._id,
            transaction_timeout_ms=int(transaction_s * 1000),
            acks="all",
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=10_000,
        )

    async def open(self) -> None:
        """InitProducerId: waits until the last owner's open transaction is ended, then shuts it out."""
        await self._producer.start()

    async def write(self, writes: Writes) -> Written:
        """Write everything in one transaction. Raises FencedError."""
        try:
            await self._producer.begin_transaction()
            async with _AbortOnError(self._producer):
                written = await self._send_all(writes)
                await self._producer.commit_transaction()
        except (ProducerFenced, InvalidProducerEpoch) as error:
            raise FencedError(f"{self._id} was taken over by another process") from error
        return written

    async def close(self) -> None:
        with contextlib.suppress(TimeoutError, KafkaError, asyncio.CancelledError):
            await asyncio.wait_for(self._producer.stop(), _CLOSE_S)

    async def _send_all(self, writes: Writes) -> Written:
        sent: list[_Sent] = []
        for batch in writes:
            number = self._partition if batch.partition is None else batch.partition
            await self._check(batch.topic, number)
            await self._send(batch, number, sent)
        # A failed batch does not fail the commit by itself: each must be seen before it.
        metadata = await asyncio.gather(*(one.delivery for one in sent))
        last = metadata[-1].offset + sent[-1].records if sent else 0
        return Written(sum(one.records for one in sent), last)

    async def _check(self, topic: str, partition: int) -> None:
        """``send_batch`` asserts where the metadata is missing; ask first, and say what is wrong."""
        known = await self._producer.partitions_for(topic)
        if partition not in known:
            raise LayoutError(f"topic {topic} has {len(known)} partitions, {partition} is written to")

    async def _send(self, batch: Batch, partition: int, sent: list["_Sent"]) -> None:
        now = int(time.time() * 1000)
        for made in encode(batch.records, now, _BATCH_BYTES):
            delivery = await self._producer.send_batch(made, batch.topic, partition=partition)
            sent.append(_Sent(delivery, made.record_count()))
            await asyncio.sleep(0)


class _Sent(NamedTuple):
    """A batch on its way."""

    delivery: "asyncio.Future[Any]"
    records: int


class _AbortOnError:
    """Ends the transaction when the block fails, if the broker still answers; the error goes on."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        # The next owner's InitProducerId ends what this cannot.
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._producer.abort_transaction(), _ABORT_S)
