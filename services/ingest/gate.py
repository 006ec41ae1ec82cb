"""Bounds what is taken in: requests of a source, deliveries in work, and the bytes of their bodies."""

from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from services.ingest.domain.bucket import Bucket
from services.ingest.domain.errors import LimitedError, OverloadedError, TooLargeError
from services.ingest.domain.sources import Source

_NS = 1_000_000_000


@dataclass(slots=True)
class Gate:
    """One per process; whoever enters leaves with what was taken."""

    max_in_flight: int
    max_buffered: int
    max_body: int
    wall: Callable[[], float]
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
        """The body, cut off while reading as soon as it is too large. Raises ClientDisconnect."""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            piece = message.get("body", b"")
            self.take(len(piece), len(body))
            body += piece
            more = message.get("more_body", False)
