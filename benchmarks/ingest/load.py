"""A sender that costs little: whole requests as bytes over kept connections, answers read by their length.

An HTTP client took more of the two cores than the server that it asked.
"""

import asyncio
import re
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import cast

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_TICK_S = 0.001  # a wait of the loop is not more exact than this
_HEAD_END = b"\r\n\r\n"

Answered = Callable[["Link", int, bytes], None]


class Link(asyncio.Protocol):
    """One connection with at most one request on its way."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._transport: asyncio.WriteTransport | None = None
        self._got = b""
        self.due = 0.0  # when the request that is on its way should have been sent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is none by its classes

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self.due, self._got = due, b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got = self._got + data if self._got else data
        end = self._got.find(_HEAD_END)
        if end < 0:
            return
        found = _LENGTH.search(self._got, 0, end)
        if found and len(self._got) >= end + len(_HEAD_END) + int(found[1]):
            self._answered(self, int(self._got[9:12]), self._got[end + len(_HEAD_END) :])

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@dataclass(slots=True)
class Answers:
    """What came back. `waits` are seconds from when a request was due to its answer, in order of answer."""

    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    accepted: list[bytes] = field(default_factory=list)  # bodies of what was answered 200
    seconds: float = 0.0

    def take(self, link: Link, status: int, body: bytes) -> float:
        """Count an answer that has just come; returns the time."""
        now = time.perf_counter()
        self.statuses[status] += 1
        self.waits.append(now - link.due)
        if status == 200:
            self.accepted.append(body)
        return now


class Load:
    """Requests over a number of connections to one address."""

    def __init__(self, links: int) -> None:
        self._count = links
        self._links: list[Link] = []
        self._next: Answered = lambda _link, _status, _body: None

    @asynccontextmanager
    async def connected(self, host: str, port: int) -> AsyncIterator["Load"]:
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(lambda: Link(self._answered), host, port) for _ in range(self._count)
        ]
        self._links = [protocol for _, protocol in made]
        try:
            yield self
        finally:
            for link in self._links:
                link.close()

    def _answered(self, link: Link, status: int, body: bytes) -> None:
        self._next(link, status, body)

    async def as_fast_as_answered(self, requests: Sequence[bytes], seconds: float) -> Answers:
        """Each connection sends its next request when the last was answered. `requests` come round."""
        answers, going_round = Answers(), cycle(requests)
        done, busy = asyncio.Event(), len(self._links)
        began = time.perf_counter()
        until = began + seconds

        def go_on(link: Link, status: int, body: bytes) -> None:
            nonlocal busy
            now = answers.take(link, status, body)
            if now < until:
                link.send(next(going_round), now)
                return
            busy -= 1
            if not busy:
                done.set()

        self._next = go_on
        for link in self._links:
            link.send(next(going_round), began)
        await done.wait()
        answers.seconds = time.perf_counter() - began
        return answers

    async def at_moments(self, requests: Sequence[bytes], moments: Sequence[float]) -> Answers:
        """Request i at its moment, in seconds from now, whether or not others were answered: open loop.

        One that finds no free connection waits for the next, and its wait counts.
        """
        answers, idle, waiting = Answers(), deque(self._links), deque[tuple[bytes, float]]()
        done = asyncio.Event()

        def go_on(link: Link, status: int, body: bytes) -> None:
            answers.take(link, status, body)
            if waiting:
                link.send(*waiting.popleft())
            else:
                idle.append(link)
            if len(answers.waits) == len(moments):
                done.set()

        self._next = go_on
        began = time.perf_counter()
        for number, (request, moment) in enumerate(zip(requests, moments, strict=True)):
            early = began + moment - time.perf_counter()
            if early > _TICK_S:
                await asyncio.sleep(early)
            elif number % 20 == 0:
                await asyncio.sleep(0)
            due = min(began + moment, time.perf_counter())
            if idle:
                idle.popleft().send(request, due)
            else:
                waiting.append((request, due))
        await done.wait()
        answers.seconds = time.perf_counter() - began
        return answers
