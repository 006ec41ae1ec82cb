"""Kafka by aiokafka: idempotent, acks=all, and a bounded wait."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from libs.runtime.kafka import make_producer, with_patience
from libs.runtime.logging import get_logger
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record

_log = get_logger(__name__)
_STOP_S = 3.0  # a producer that cannot reach its broker must not hold up the process's end


class KafkaLog:
    """An EventLog. Records whose acknowledgement was not waited for block later ones until it is known."""

    def __init__(self, bootstrap: str, **overrides: Any) -> None:
        self._bootstrap = bootstrap
        self._overrides = overrides
        self._producer: AIOKafkaProducer | None = None
        self._reached = asyncio.Event()
        self._hanging: set[asyncio.Future[Any]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["KafkaLog"]:
        """Connect in the background, for as long as it takes; until then appends wait and are refused."""
        connecting = asyncio.create_task(with_patience(self._connect, "ingest producer"))
        try:
            yield self
        finally:
            connecting.cancel()
            await asyncio.wait({connecting})
            await self._close(self._producer)

    async def append(self, records: Sequence[Record], wait_s: float) -> None:
        """See the port. While earlier records hang, nothing is added: the client's memory stays bounded."""
        sent: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(wait_s):
                producer = await self._connected()
                if self._hanging:
                    await asyncio.wait(self._hanging)
                for record in records:
                    future = await producer.send(record.topic, record.value, key=record.key)
                    sent.append(future)
                await asyncio.wait(sent)
        except TimeoutError:
            self._leave(sent)
            raise UnavailableError(f"Kafka did not acknowledge within {wait_s} s") from None
        except KafkaError as error:
            self._leave(sent)
            raise UnavailableError(f"Kafka: {error!r}") from error
        for future in sent:
            if (failure := future.exception()) is not None:
                raise UnavailableError(f"Kafka: {failure!r}") from failure

    def _leave(self, sent: Sequence[asyncio.Future[Any]]) -> None:
        """Nobody waits for these any more, but they may still land."""
        for future in sent:
            if not future.done():
                self._hanging.add(future)
            future.add_done_callback(self._landed)

    def _landed(self, future: asyncio.Future[Any]) -> None:
        self._hanging.discard(future)
        if not future.cancelled():
            future.exception()  # looked at here, so that nobody's absence makes a warning of it

    async def _connect(self) -> None:
        producer = make_producer(self._bootstrap, **self._overrides)
        try:
            await producer.start()
        except BaseException:
            await self._close(producer)
            raise
        self._producer = producer
        self._reached.set()

    async def _connected(self) -> AIOKafkaProducer:
        await self._reached.wait()
        assert self._producer is not None
        return self._producer

    @staticmethod
    async def _close(producer: AIOKafkaProducer | None) -> None:
        if producer is None:
            return
        try:
            async with asyncio.timeout(_STOP_S):
                await producer.stop()
        except (TimeoutError, KafkaError) as error:
            _log.warning("ingest.producer_not_flushed", error=repr(error))
