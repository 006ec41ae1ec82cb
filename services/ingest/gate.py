"""Bounds what is in memory: deliveries in work, and the bytes of their bodies."""

from dataclasses import dataclass

from starlette.requests import Request

from services.ingest.domain.errors import OverloadedError, TooLargeError


@dataclass(slots=True)
class Gate:
    """One per process; whoever enters leaves with what was taken."""

    max_in_flight: int
    max_buffered: int
    max_body: int
    in_flight: int = 0
    buffered: int = 0

    def enter(self) -> None:
        if self.in_flight >= self.max_in_flight:
            raise OverloadedError("too many deliveries are in work")
        self.in_flight += 1

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

    async def read(self, request: Request, body: bytearray) -> None:
        """The body, cut off while reading as soon as it is too large."""
        async for piece in request.stream():
            self.take(len(piece), len(body))
            body += piece
