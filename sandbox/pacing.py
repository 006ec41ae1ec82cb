"""The shop's clock waits while outreach is behind: a second in a queue would be six days of the shop.

On a machine whose cores are all busy a mail can wait for seconds in outreach's outbox. The shop would be two
months on by then, and nobody could answer within the thirty days that count.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp

from libs.runtime.clock import ClockPlan
from sandbox.adapters.settled import gauge
from sandbox.domain import pace
from sandbox.domain.log import LIVE_END

LOOK_S = 0.25
STOP_S, GO_S = 1.0, 0.5  # how long the oldest mail has waited when the clock stops, and when it goes on
MOST = 0.5  # of the live part's own length, for all stops together


async def mails_wait(outreach: str) -> float:
    """Seconds that the oldest has waited, as outreach says; 0 while it does not answer."""
    with suppress(aiohttp.ClientError, OSError, TimeoutError):
        return await gauge(f"{outreach}/metrics", "greenline_outreach_outbox_age_seconds")
    return 0.0


async def keep_pace(
    plan: ClockPlan,
    file: Path,
    waited: Callable[[], Awaitable[float]],
    *,
    wall: Callable[[], float] = time.time,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Stop and start the clock that `file` tells, until the log's end or until MOST is used up."""
    left = MOST * (LIVE_END - plan.start).total_seconds() / plan.scale
    while left > 0 and plan.at(wall() + pace.NOTICE_S) < LIVE_END:
        await sleep(LOOK_S)
        if await waited() < STOP_S or plan.at(wall() + pace.NOTICE_S) >= LIVE_END:
            continue
        plan, began = pace.stopped(plan, wall()), wall()
        plan.write(file)
        while await waited() >= GO_S and wall() - began < left:
            await sleep(LOOK_S)
        left -= wall() - began
        plan = pace.resumed(plan, max(wall(), began + pace.NOTICE_S))
        plan.write(file)
