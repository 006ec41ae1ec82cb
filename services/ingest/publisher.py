"""Events to Kafka, or to the spool while Kafka is away: durable when `publish` returns, in order, once.

Everything goes through one line, in the order it came. While anything waits in the spool, everything new goes
there too: an event must not overtake an older one of the same customer. What Kafka's client took and has not
accounted for may still land, so its place in the spool is only a precaution: the drainer waits until the
client knows, takes out what landed, and publishes the rest in order. A record leaves the spool only once
Kafka has it. So nothing is lost, and only the end of a process between the two makes duplicates (scoring
drops them by event id).
"""

import asyncio
import contextlib
from collections.abc import Sequence
from itertools import islice
from typing import Literal

from libs.runtime.logging import get_logger
from services.ingest.batcher import Batcher
from services.ingest.domain.errors import OverloadedError, UnavailableError
from services.ingest.domain.record import Record
from services.ingest.metrics import IngestMetrics
from services.ingest.oversized import Oversized
from services.ingest.ports import EventLog, Spool, SpoolDepth, Spooled, UnacknowledgedError
from services.ingest.unsettled import Parcel, Unsettled, sent_of

_log = get_logger(__name__)
Durable = Literal["kafka", "spool"]

LOOK_S = 1.0  # between looks at a spool that should be empty: a crashed process may have left something
RETRY_S = 0.5  # between attempts while Kafka is away
COUNT_S = 1.0  # between counts of what waits: a count reads all of it
DRAIN_BATCH = 5_000  # records; a round costs two trips to PostgreSQL and one to Kafka however many they are
DRAIN_BYTES = 8 * 1024 * 1024  # of their values, held at once; Kafka takes no record over 1 MiB
DRAIN_WAIT_S = 10.0  # the drainer can be more patient than a webhook's sender
BEGIN_S = 10.0  # for the look at the spool before the first delivery: a start can wait longer than a sender
FINISH_S = 3.0  # for what the client has not accounted for when the process ends
_LEFT = "records of an earlier process wait"


class Publisher:
    """Chooses between Kafka and the spool, and empties the spool."""

    def __init__(
        self,
        log: EventLog,
        spool: Spool,
        oversized: Oversized,
        metrics: IngestMetrics,
        *,
        kafka_wait_s: float,
        spool_wait_s: float,
    ) -> None:
        self._log = log
        self._spool = spool
        self._oversized = oversized
        self._metrics = metrics
        self._kafka_wait_s = kafka_wait_s
        self._spool_wait_s = spool_wait_s
        self._hold_s = spool_wait_s / 3  # that new ones wait while the last of the spool are sent
        self._line: Batcher[Sequence[Record], Durable | None] = Batcher(self._publish_all)
        self._turn = asyncio.Lock()  # of the line, or of the drainer to see that the spool is empty
        self._spooling = False
        self._holds = False  # whether records of ours wait in the spool, as far as we know
        self._wake = asyncio.Event()
        self._unsettled = Unsettled(self._wake.set)
        self._ending = False
        self._resting = asyncio.Event()  # unless the drainer runs
        self._resting.set()
        self._counted_at = -COUNT_S
        self._most = (
            DRAIN_BATCH  # records that Kafka is sent at once; fewer after it refused some for their size
        )
        self._counted = False  # whether the spool has ever been counted
        self.depth = SpoolDepth()

    @property
    def spooling(self) -> bool:
        return self._spooling

    @property
    def waiting(self) -> bool:
        """Whether an event may wait, of this process or another; what nobody has counted may."""
        return self._spooling or not self._counted or self.depth.records > 0

    async def publish(self, records: Sequence[Record]) -> Durable:
        """Raises UnavailableError when neither Kafka nor PostgreSQL takes the records."""
        if not records:
            return "kafka"
        wait_s = self._spool_wait_s if self._spooling else self._kafka_wait_s + self._spool_wait_s
        try:
            durable = await self._line.submit(records, wait_s)
        except (TimeoutError, OverloadedError) as error:
            raise UnavailableError("the spool in PostgreSQL does not take records in time") from error
        if durable is None:
            raise UnavailableError("neither Kafka nor the spool in PostgreSQL takes records")
        return durable

    async def _publish_all(self, deliveries: Sequence[Sequence[Record]]) -> list[Durable | None]:
        async with self._turn:
            if self._spooling:
                parcels = [Parcel(records) for records in deliveries]
            else:
                parcels = await self._left_by_kafka(deliveries)
            left = [parcel for parcel in parcels if parcel.records]
            spooled = await self._put(left) if left else None
        return [spooled if parcel.records else "kafka" for parcel in parcels]

    async def _left_by_kafka(self, deliveries: Sequence[Sequence[Record]]) -> list[Parcel]:
        try:
            await self._log.append([one for records in deliveries for one in records], self._kafka_wait_s)
        except UnavailableError as error:
            self._start_spooling(str(error))
            sent = iter(sent_of(error))
            parcels = [Parcel.left_of(records, sent) for records in deliveries]
            self._unsettled.follow(*parcels)  # before they are in the spool: who finds them there must know
            return parcels
        return [Parcel(())] * len(deliveries)

    async def _put(self, parcels: Sequence[Parcel]) -> Durable | None:
        """Into the spool; None if it is away."""
        numbers: Sequence[int] = ()
        try:
            numbers = await self._spool.add([parcel.records for parcel in parcels])
        except UnavailableError:
            return None
        finally:
            given = iter(numbers)
            for parcel in parcels:
                parcel.numbers = tuple(islice(given, len(parcel.records)))
            if self._unsettled:
                self._wake.set()
        self._holds = True
        self._seen(SpoolDepth(self.depth.records + len(numbers), self.depth.oldest_s))
        return "spool"

    async def begin(self) -> None:
        """Before the first delivery: what an earlier process left goes first, so new ones go behind it.

        Without PostgreSQL ingest serves all the same; then a new event may overtake those that were left.
        """
        with contextlib.suppress(UnavailableError, TimeoutError):
            async with asyncio.timeout(BEGIN_S):
                if await self._spool.oldest(1, DRAIN_BYTES):
                    self._holds = True
                    self._start_spooling(_LEFT)

    async def drain_forever(self) -> None:
        """Look for waiting records, publish them, and go back to Kafka once there are none."""
        self._resting.clear()
        try:
            await self._drain()
        finally:
            self._resting.set()

    async def finish(self) -> None:
        """Before the process ends: what Kafka has leaves the spool, or the next process sends it again."""
        self._ending = True
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_S):
                await self._resting.wait()
                await self._drain()
        await self._spool.close()

    async def _drain(self) -> None:
        while self._unsettled or not self._ending:
            self._wake.clear()
            try:
                pause = await self._drain_once()
            except UnavailableError:
                pause = await self._postgres_away()
            if pause:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._wake.wait()

    async def _drain_once(self) -> float:
        """One step; returns how long to rest before the next, in wall seconds."""
        await self._count()
        if not self._unsettled.known:
            return RETRY_S
        await self._take_out()
        if self._ending:
            return 0.0
        batch, whole = await self._next()
        if self._unsettled:
            return 0.0  # what was read may hold records that the client has
        if batch:
            self._start_spooling(_LEFT)
            if not await self._sent(batch, DRAIN_WAIT_S):
                return RETRY_S
        if not whole and self._spooling:
            await self._go_back()
        return 0.0 if batch or self._spooling else LOOK_S

    async def _go_back(self) -> None:
        """The rest, while new ones wait: as long as they come there is always something in the spool."""
        async with self._turn:
            clock = asyncio.get_running_loop().time
            until = clock() + self._hold_s
            while clock() < until and self._unsettled.known and not self._ending:
                await self._take_out()
                batch, _ = await self._next()
                if not batch:
                    self._stop_spooling()
                if not batch or not await self._sent(batch, self._hold_s):
                    return

    async def _next(self) -> tuple[list[Spooled], bool]:
        """What is first in line, and whether there may be more than that."""
        most = min(self._most, DRAIN_BATCH)
        batch = await self._spool.oldest(most, DRAIN_BYTES)
        return batch, len(batch) == most

    async def _sent(self, batch: Sequence[Spooled], wait_s: float) -> bool:
        """Whether Kafka has all of it; what it has is taken out with the next step."""
        self._holds = True
        numbers = [spooled.number for spooled in batch]
        try:
            await self._log.append([spooled.record for spooled in batch], wait_s)
        except UnavailableError as error:
            if not await self._is_aside(batch, error):
                self._unsettled.follow(Parcel((), sent_of(error), numbers))
                return False
        self._most = min(2 * self._most, DRAIN_BATCH)
        self._unsettled.landed(numbers)
        return True

    async def _is_aside(self, batch: Sequence[Spooled], error: UnavailableError) -> bool:
        """Whether this is one record that Kafka refused for its size: it is kept as a dead letter, and done.

        Several may be too large only together, and the others of a refused batch are refused with it: half as
        many are tried next, down to one.
        """
        if not isinstance(error, UnacknowledgedError) or not error.oversized:
            return False
        if len(batch) > 1:
            self._most = len(batch) // 2
            return False
        await self._oversized.keep(batch[0].record)
        return True

    async def _take_out(self) -> None:
        """What Kafka has leaves the spool before anything else is read there."""
        if landed := self._unsettled.settle():
            await self._spool.remove(landed)
            self._unsettled.removed()
            self._seen(SpoolDepth(max(self.depth.records - len(landed), 0), self.depth.oldest_s))

    async def _count(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._counted_at >= COUNT_S:
            self._seen(await self._spool.depth())
            self._counted_at, self._counted = now, True

    async def _postgres_away(self) -> float:
        # Nothing of ours waits as far as we know: Kafka, if it is there, may go on alone.
        async with self._turn:
            if self._spooling and not self._holds:
                self._stop_spooling()
        return RETRY_S

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
        self._spooling = self._holds = False
        self._metrics.spooling.set(0)
        _log.info("ingest.kafka_again")
