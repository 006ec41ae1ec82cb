"""Open-loop arrivals: each event has its moment whether or not the one before it was answered."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

_TICK_S = 0.002  # a wait of the loop is not more exact than this

Send = Callable[[int], Awaitable[None]]


class Plan(NamedTuple):
    """Poisson arrivals of one case."""

    rate: float  # events a second
    seconds: float
    seed: int = 7

    def moments(self) -> list[float]:
        """Seconds from the start, ascending."""
        gaps, at, found = random.Random(self.seed), 0.0, list[float]()
        while (at := at + gaps.expovariate(self.rate)) < self.seconds:
            found.append(at)
        return found


async def play(plan: Plan, send: Send) -> list[float]:
    """Send event i at its moment; returns the wall times at which they were due.

    What is late is sent at once and counted from when it was due: waiting counts.
    """
    moments, begin = plan.moments(), time.time()
    sending: set[asyncio.Task[None]] = set()
    for i, moment in enumerate(moments):
        early = begin + moment - time.time()
        if early > _TICK_S:
            await asyncio.sleep(early)
        task = asyncio.ensure_future(send(i))
        sending.add(task)
        task.add_done_callback(sending.discard)
        if i % 50 == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*sending)
    return [begin + moment for moment in moments]
