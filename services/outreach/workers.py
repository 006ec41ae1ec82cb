"""The loops around the use cases: poll, work while there is work, wait while something is away."""

import asyncio
from collections.abc import Awaitable, Callable

from libs.runtime.errors import TransientError
from libs.runtime.logging import get_logger
from services.outreach.adapters.patience import passes

_log = get_logger(__name__)
_LONGEST_WAIT_S = 5.0


class Bell:
    """Wakes a worker before its next look, when this process knows that there is something to do."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            pass
        self._rung.clear()


async def keep_working(
    name: str,
    work: Callable[[], Awaitable[int]],
    bell: Bell,
    stop: asyncio.Event,
    *,
    poll_s: float,
    done: Callable[[], None] | None = None,
) -> None:
    """Until asked to stop. `work` says how much it did: at once again after something, else after a poll.

    Only what is away for a while is waited for; any other error ends the process, to be seen and restarted.
    """
    at_stop = asyncio.create_task(_ring_at_stop(stop, bell))
    try:
        await _work_on(name, work, bell=bell, stop=stop, poll_s=poll_s, done=done)
    finally:
        at_stop.cancel()


async def _ring_at_stop(stop: asyncio.Event, bell: Bell) -> None:
    await stop.wait()
    bell.ring()


async def _work_on(
    name: str,
    work: Callable[[], Awaitable[int]],
    *,
    bell: Bell,
    stop: asyncio.Event,
    poll_s: float,
    done: Callable[[], None] | None,
) -> None:
    wait = poll_s
    while not stop.is_set():
        try:
            if await work():
                if done is not None:
                    done()
                wait = poll_s
                await asyncio.sleep(0)  # others have work too
                continue
            wait = poll_s
        except Exception as error:
            if not (isinstance(error, TransientError) or passes(error)):
                raise
            wait = min(max(wait, 0.2) * 2, _LONGEST_WAIT_S)
            _log.warning("worker.waits", worker=name, error=str(error)[:200], retry_in_s=wait)
        await bell.wait(wait)
