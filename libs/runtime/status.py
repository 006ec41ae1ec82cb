"""Statuses on Kafka: saying one's own, hearing those of the stage before. Neither ever holds anybody up."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from string import ascii_lowercase
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry, Gauge

from libs.events.status import Status
from libs.runtime.clock import Clock
from libs.runtime.hold import EVERY_S, STALE_S, Hold, Reason
from libs.runtime.kafka import make_consumer, make_producer
from libs.runtime.lifecycle import cancel_all
from libs.runtime.logging import get_logger

_log = get_logger(__name__)
_KEY = b"status"  # one for all: compaction leaves the last word of anybody
_LOOK_S = 0.2  # between looks whether a word would be another than the last
_SEND_S = 2_000  # ms until a word is given up: the next one says more
_STOP_S = 3.0  # a producer that cannot reach its broker must not hold up the process's end
_RETRY_S = 1.0  # between attempts while Kafka, or the topic, is away
_MISSING_S = 5.0  # between looks for a topic that is not there: on such a cluster it may never be
_TAIL = 100  # records read at the start: ten seconds of twenty processes
_POLL_MS = 500
# Nothing heard for so long: made anew, for a consumer can stall without a word.
_ANEW_S = 6 * STALE_S


@dataclass(frozen=True, slots=True)
class Word:
    """What a process has to say, without who and when."""

    waiting: bool
    oldest: datetime | None = None


@contextlib.asynccontextmanager
async def announcing(
    bootstrap: str, topic: str, clock: Clock, say: Callable[[], Word | None]
) -> AsyncIterator[None]:
    """For the time of the block: a word every EVERY_S, and at once when `waiting` changes. None: no word.

    While Kafka is away none leaves, and none is kept: hearers take that for what it is.
    """
    process = "".join(secrets.choice(ascii_lowercase) for _ in range(12))

    async def session() -> None:
        async with _producer(bootstrap) as producer:
            while True:
                if word := say():
                    status = Status(
                        process=process, at=_wall(clock), waiting=word.waiting, oldest=word.oldest
                    )
                    body = status.model_dump_json().encode()
                    await producer.send_and_wait(topic, body, key=_KEY, partition=0)
                await _changed(say, word)

    async with _beside(session, f"{topic}: saying"):
        yield


class Listener:
    """Hears what the stage before says. `held` is for the loop of the sweeps: it asks nobody."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        clock: Clock,
        registry: CollectorRegistry,
        *,
        app: str,
        longest_s: float,
    ) -> None:
        self._bootstrap, self._topic, self._clock, self._app = bootstrap, topic, clock, app
        self._longest_s = longest_s
        self._hold = Hold(longest_s)
        self._reason: Reason | None = None
        self._heard_at = 0.0
        about = "1 while silence means nothing: sweeps look no further than the last event"
        self._gauge = Gauge("greenline_silence_held", about, ("app", "reason"), registry=registry)
        for reason in Reason:
            self._gauge.labels(app, reason.value).set(0)

    @property
    def known(self) -> bool:
        """Whether the stage before has ever said anything on this cluster."""
        return self._hold.known

    def held(self) -> bool:
        """Whether time alone may change nothing at present."""
        reason = self._hold.reason(self._clock.wall()) if self._longest_s else None
        if reason is not self._reason:
            self._tell(self._reason, reason)
            self._reason = reason
        return reason is not None

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """For the time of the block. What has been said so far is read first; until then silence is held."""
        if not self._longest_s:
            yield
            return
        async with _beside(self._session, f"{self._topic}: hearing"):
            yield

    async def _session(self) -> None:
        consumer = make_consumer(bootstrap=self._bootstrap, fetch_max_wait_ms=_POLL_MS)
        try:
            await consumer.start()
            if not await self._is_there(consumer):
                self._hold.read()
                await asyncio.sleep(_MISSING_S)
                return
            place = TopicPartition(self._topic, 0)
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            consumer.seek(place, max(0, end - _TAIL))
            self._heard_at = time.monotonic()
            while time.monotonic() - self._heard_at < _ANEW_S:
                if await consumer.position(place) >= end:
                    self._hold.read()
                found = await consumer.getmany(place, timeout_ms=_POLL_MS)
                self._take(record.value for record in found.get(place, ()))
                self.held()  # the gauge is true also while there are no partitions to sweep
        finally:
            await consumer.stop()

    async def _is_there(self, consumer: AIOKafkaConsumer) -> bool:
        return self._topic in await consumer.topics()

    def _take(self, values: Iterable[bytes | None]) -> None:
        for value in values:
            self._heard_at = time.monotonic()
            try:
                self._hold.heard(Status.model_validate_json(value or b""), self._clock.wall())
            except ValueError as error:  # somebody else's: what it says is nothing
                _log.warning("status.unusable", topic=self._topic, error=type(error).__name__)

    def _tell(self, before: Reason | None, after: Reason | None) -> None:
        for reason in Reason:
            self._gauge.labels(self._app, reason.value).set(reason is after)
        if after is None:
            _log.info("silence.counts", app=self._app, after=before)
        elif after in (Reason.WAITING, Reason.STALE):
            _log.warning("silence.held", app=self._app, reason=after.value, topic=self._topic)


async def _changed(say: Callable[[], Word | None], said: Word | None) -> None:
    """Until it is time for the next word."""
    until = time.monotonic() + EVERY_S
    while (left := until - time.monotonic()) > 0:
        await asyncio.sleep(min(left, _LOOK_S))
        word = say()
        if (word and word.waiting) is not (said and said.waiting):
            return


def _wall(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.wall(), UTC)


@contextlib.asynccontextmanager
async def _producer(bootstrap: str) -> AsyncIterator[Any]:
    # Not idempotent: after a word that was given up, such a producer would be refused whatever it sends.
    producer = make_producer(bootstrap, enable_idempotence=False, linger_ms=0, request_timeout_ms=_SEND_S)
    try:
        await producer.start()
        yield producer
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await producer.stop()


@contextlib.asynccontextmanager
async def _beside(session: Callable[[], Awaitable[None]], what: str) -> AsyncIterator[None]:
    """One session after the other, for the time of the block: it may fail as often as it likes."""

    async def work() -> None:
        failed = ""
        while True:
            began = time.monotonic()
            try:
                await session()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must hold nobody up
                if repr(error) != failed or time.monotonic() - began > STALE_S:  # one line an outage
                    failed = repr(error)
                    _log.warning("status.away", what=what, error=failed)
            await asyncio.sleep(_RETRY_S)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        await cancel_all(task)
