"""Bounds what is taken in: requests of a source, deliveries in work, their bytes and the wait for them."""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from services.ingest.domain.bucket import Bucket
from services.ingest.domain.errors import LimitedError, OverloadedError, SlowBodyError, TooLargeError
from services.ingest.domain.sources import Source

_NS = 1_000_000_000
_DONE = object()


@dataclass(slots=True)
class Gate:
    """One per process; whoever enters leaves with what was taken."""

    max_in_flight: int
    max_buffered: int
    max_body: int
    wall: Callable[[], float]
    body_wait_s: float = 10.0
    in_flight: int = 0
    buffered: int = 0
    buckets: dict[str, Bucket] = field(default_factory=dict)
    """By source: no more than are configured, whatever is asked for."""

    def enter(self, source: Source) -> None:
        """Before the body is read. Raises OverloadedError or LimitedError."""
        if self.in_flight >= self.max_in_flight:
            raise OverloadedError("too many deliveries are in work")
        self._limit(source)
        self.in_flight += 1

    def _limit(self, source: Source) -> None:
        if source.limits is None:
            return
        now = round(self.wall() * _NS)
        bucket = self.buckets.get(source.name)
        if bucket is None or bucket.limits != source.limits:
            bucket = self.buckets[source.name] = Bucket.full(source.limits, now)
        if wait := bucket.take(now):
            raise LimitedError(
                f"source {source.name} may send {source.limits.per_second} requests a second", -(-wait // _NS)
            )

    def leave(self, size: int) -> None:
        self.in_flight -= 1
        self.buffered -= size

    def take(self, size: int, so_far: int) -> None:
        """Room for another piece of a body. Raises TooLargeError or OverloadedError."""
        if so_far + size > self.max_body:
            raise TooLargeError(f"a body may have {self.max_body} bytes")
        if self.buffered + size > self.max_buffered:
            raise OverloadedError("too many bytes are held")
        self.buffered += size

    async def read(self, receive: Receive, body: bytearray) -> None:
        """The body, cut off while reading as soon as it is too large.

        Raises ClientDisconnect, SlowBodyError, TooLargeError or OverloadedError.
        """
        reading = self._read(receive, body)
        # Nearly every body is there already: only one that is waited for costs a timer.
        waits_for = _begin(reading)
        if waits_for is _DONE:
            return
        try:
            async with asyncio.timeout(self.body_wait_s):
                await _go_on(reading, waits_for)
        except TimeoutError:
            raise SlowBodyError(f"the body was not complete after {self.body_wait_s:g} s") from None

    async def _read(self, receive: Receive, body: bytearray) -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            piece = message.get("body", b"")
            self.take(len(piece), len(body))
            body += piece
            more = message.get("more_body", False)


def _begin(work: Coroutine[Any, Any, None]) -> Any:
    """Run it as far as it gets: what it waits for then, or _DONE."""
    try:
        return work.send(None)
    except StopIteration:
        return _DONE


@types.coroutine
def _go_on(work: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """The rest of it, as `await` would have it."""
    try:
        while True:
            try:
                came = yield waits_for
            except BaseException as error:  # noqa: BLE001 (handed on: to be cancelled is its affair)
                waits_for = work.throw(error)
            else:
                waits_for = work.send(came)
    except StopIteration:
        return
