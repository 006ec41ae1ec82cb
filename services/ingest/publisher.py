"""Events to Kafka, or to the spool while Kafka is away: durable when `publish` returns, in order.

While anything waits in the spool, everything new goes there too: an event must not overtake an older one of
the same customer. The drainer publishes the spool in order and takes records out only once Kafka has them,
so a crash makes duplicates (scoring drops them by event id), never gaps.
"""

import asyncio
from collections.abc import Sequence
from typing import Literal

from libs.runtime.logging import get_logger
from services.ingest.batcher import Batcher
from services.ingest.domain.errors import OverloadedError, UnavailableError
from services.ingest.domain.record import Record
from services.ingest.metrics import IngestMetrics
from services.ingest.ports import EventLog, Spool, SpoolDepth

_log = get_logger(__name__)
Durable = Literal["kafka", "spool"]

LOOK_S = 1.0  # between looks at a spool that should be empty: a crashed process may have left something
RETRY_S = 0.5  # between attempts while Kafka is away
DRAIN_BATCH = 500  # records
DRAIN_WAIT_S = 10.0  # the drainer can be more patient than a webhook's sender


class Publisher:
    """Chooses between Kafka and the spool, and empties the spool."""

    def __init__(
        self, log: EventLog, spool: Spool, metrics: IngestMetrics, kafka_wait_s: float, spool_wait_s: float
    ) -> None:
        self._log = log
        self._spool = spool
        self._metrics = metrics
        self._kafka_wait_s = kafka_wait_s
        self._spool_wait_s = spool_wait_s
        self._spooling = False
        self._adding = 0
        self._adds = 0
        self._wake = asyncio.Event()
        self._adder: Batcher[Sequence[Record], None] = Batcher(self._add_all)
        self.depth = SpoolDepth()

    @property
    def spooling(self) -> bool:
        return self._spooling

    async def publish(self, records: Sequence[Record]) -> Durable:
        """Raises UnavailableError when neither Kafka nor PostgreSQL takes the records."""
        if not records:
            return "kafka"
        if not self._spooling:
            try:
                await self._log.append(records, self._kafka_wait_s)
            except UnavailableError as error:
                self._start_spooling(str(error))
            else:
                return "kafka"
        await self._add(records)
        return "spool"

    async def drain_forever(self) -> None:
        """Look for waiting records, publish them, and go back to Kafka once there are none."""
        while True:
            self._wake.clear()
            pause = await self._drain_once()
            if pause:
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def _drain_once(self) -> float:
        """One step; returns how long to rest before the next, in wall seconds."""
        adds = self._adds
        try:
            self._seen(await self._spool.depth())
            batch = await self._spool.oldest(DRAIN_BATCH) if self.depth.records else []
        except UnavailableError:
            return self._postgres_away()
        if not batch:
            self._maybe_stop_spooling(adds)
            return 0.01 if self._spooling else LOOK_S
        self._start_spooling("records of an earlier process wait")
        try:
            await self._log.append([spooled.record for spooled in batch], DRAIN_WAIT_S)
            await self._spool.remove([spooled.number for spooled in batch])
        except UnavailableError:
            return RETRY_S
        return 0.0

    def _postgres_away(self) -> float:
        # Nothing of ours waits as far as we know: Kafka, if it is there, may go on alone.
        if self._spooling and not self._adding and self.depth.records == 0:
            self._stop_spooling()
        return RETRY_S

    def _maybe_stop_spooling(self, adds_before: int) -> None:
        # An add that began after we looked may have put a record in: look again before trusting "empty".
        if self._spooling and not self._adding and self._adds == adds_before:
            self._stop_spooling()

    async def _add(self, records: Sequence[Record]) -> None:
        self._adding += 1
        self._adds += 1
        try:
            async with asyncio.timeout(self._spool_wait_s):
                await self._adder.submit(records)
        except (TimeoutError, OverloadedError, UnavailableError) as error:
            raise UnavailableError("neither Kafka nor the spool in PostgreSQL takes records") from error
        finally:
            self._adding -= 1
            self._wake.set()

    async def _add_all(self, batches: Sequence[Sequence[Record]]) -> list[None]:
        await self._spool.add(batches)
        self.depth = SpoolDepth(self.depth.records + sum(map(len, batches)), self.depth.oldest_s)
        return [None] * len(batches)

    def _seen(self, depth: SpoolDepth) -> None:
        self.depth = depth
        self._metrics.spool_depth.set(depth.records)
        self._metrics.spool_oldest.set(depth.oldest_s)

    def _start_spooling(self, why: str) -> None:
        if not self._spooling:
            self._spooling = True
            self._metrics.spooling.set(1)
            self._wake.set()
            _log.warning("ingest.spooling", why=why)

    def _stop_spooling(self) -> None:
        self._spooling = False
        self._metrics.spooling.set(0)
        _log.info("ingest.kafka_again")
