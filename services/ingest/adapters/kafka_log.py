"""Kafka by aiokafka: idempotent, acks=all, and a bounded wait."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from libs.runtime.kafka import make_producer, with_patience
from libs.runtime.lifecycle import cancel_all
from libs.runtime.logging import get_logger
from services.ingest.acks import Acks, Fate
from services.ingest.domain.errors import OversizedError, UnavailableError
from services.ingest.domain.record import Record

_log = get_logger(__name__)
_STOP_S = 3.0  # a producer that cannot reach its broker must not hold up the process's end


class KafkaLog:
    """An EventLog. Records whose acknowledgement was not waited for block later ones until it is known."""

    def __init__(self, bootstrap: str, **overrides: Any) -> None:
        self._bootstrap = bootstrap
        self._overrides = overrides
        self._producer: Any = None  # an AIOKafkaProducer once there is one
        self._reached = asyncio.Event()
        self._refused = asyncio.Event()
        self._acks = Acks(self._renew, MessageSizeTooLargeError, RecordListTooLargeError)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["KafkaLog"]:
        """Connect in the background, for as long as it takes; until then appends wait and are refused."""
        connecting = asyncio.create_task(self._keep_connected())
        try:
            yield self
        finally:
            await cancel_all(connecting)
            await self._close(self._producer)

    async def append(self, records: Sequence[Record], wait_s: float) -> None:
        """See the port. While earlier records hang, nothing is added: the client's memory stays bounded."""
        await self._acks.of(partial(self._send, records), wait_s)

    async def _send(self, records: Sequence[Record], sent: list[Fate]) -> None:
        await self._reached.wait()
        await self._acks.nothing_hangs()
        try:
            for record in records:
                # One by one into the caller's list: what was sent before the wait ended must be known.
                future = await self._taken(record)
                sent.append(future)
        except KafkaError as error:
            raise UnavailableError(f"Kafka: {error!r}") from error

    async def _taken(self, record: Record) -> Fate:
        """What is too large for the client itself has failed at once; what is behind it goes on."""
        try:
            return await self._producer.send(record.topic, record.value, key=record.key)  # type: ignore[no-any-return]
        except MessageSizeTooLargeError as error:
            refused: Fate = asyncio.get_running_loop().create_future()
            refused.set_exception(OversizedError(str(error)))
            return refused

    def _renew(self) -> None:
        """A batch has failed: nothing more with this producer."""
        self._reached.clear()
        self._refused.set()

    async def _keep_connected(self) -> None:
        """One producer, and another when the broker has refused a batch of it.

        The refused batch's numbers are missing in the producer's sequence: whatever it sends there
        afterwards is refused as well, for as long as it lives.
        """
        while True:
            await with_patience(self._connect, "ingest producer")
            await self._refused.wait()
            _log.warning("ingest.producer_renewed")
            with contextlib.suppress(KafkaError):
                await self._producer.stop()  # ends once everything in it has landed or failed
            self._refused.clear()

    async def _connect(self) -> None:
        producer = make_producer(self._bootstrap, **self._overrides)
        # aiokafka 0.14 gives a batch up after request_timeout_ms if its partition has no leader then, even
        # one that the broker may have taken before it went. Only what is sent until it is answered is known
        # to be there once. Appends have a wait of their own, and send nothing while a batch hangs.
        producer._message_accumulator._batch_ttl = math.inf  # noqa: SLF001 (no setting is for this alone)
        try:
            await producer.start()
        except BaseException:
            await self._close(producer)
            raise
        self._producer = producer
        self._reached.set()

    @staticmethod
    async def _close(producer: AIOKafkaProducer | None) -> None:
        if producer is None:
            return
        try:
            async with asyncio.timeout(_STOP_S):
                await producer.stop()
        except (TimeoutError, KafkaError) as error:
            _log.warning("ingest.producer_not_flushed", error=repr(error))
