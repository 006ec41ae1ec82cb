"""Ends a worker that stands still while there is work: a consumer can stall without a word.

Asks the broker over a connection of its own, because a stalled consumer's idea of the log's end stalls with
it. Standing still is no progress for the limit; a worker far behind that moves is left alone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from aiokafka.errors import KafkaError

from libs.runtime.logging import get_logger
from libs.runtime.stream.coverage import Place
from libs.runtime.stream.errors import StalledError
from libs.runtime.stream.restore import Bounds

_log = get_logger(__name__)
_LOOKS = 4  # within the limit

# How far each owned place has been read: everything before it is taken in or holds no records.
Progress = dict[Place, int]


class Stillness:
    """How long each place has stood still with something before it. Pure: wall seconds passed in."""

    def __init__(self) -> None:
        self._since: dict[Place, tuple[int, float]] = {}

    def longest(self, progress: Progress, bounds: dict[Place, Bounds], wall: float) -> tuple[float, str]:
        """The longest time, and where; 0 when nothing waits."""
        waiting = {place: at for place, at in progress.items() if at < bounds[place].end}
        self._since = {place: self._entry(place, at, wall) for place, at in waiting.items()}
        if not waiting:
            return 0.0, ""
        place = min(self._since, key=lambda place: self._since[place][1])
        at, since = self._since[place]
        where = f"{place.lane.name.lower()} of partition {place.partition}: {at} of {bounds[place].end}"
        return wall - since, where

    def _entry(self, place: Place, at: int, wall: float) -> tuple[int, float]:
        known = self._since.get(place)
        return known if known is not None and known[0] == at else (at, wall)


async def watch(
    progress: Callable[[], Progress],
    ends: Callable[[Iterable[Place]], Awaitable[dict[Place, Bounds]]],
    limit_s: float,
) -> None:
    """Raises StalledError when a place stands still for the limit. A broker that is away is no stall."""
    stillness = Stillness()
    while True:
        await asyncio.sleep(limit_s / _LOOKS)
        before = progress()
        try:
            bounds = await ends(before) if before else {}
        except (KafkaError, OSError) as error:
            _log.warning("stream.watchdog.blind", error=repr(error))
            stillness = Stillness()
            continue
        longest, where = stillness.longest(before, bounds, time.monotonic())
        if longest >= limit_s:
            raise StalledError(f"nothing was taken in for {longest:.0f} s although there is more: {where}")
