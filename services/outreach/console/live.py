"""Live updates: a stream of small server-sent events that tell a page to fetch itself again.

Pages are the only fragments: the browser fetches the page it shows and swaps the parts marked data-live.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from libs.runtime.logging import get_logger
from services.outreach.console import queries
from services.outreach.console.deps import ConsoleDeps

KEEP_ALIVE_S = 15.0  # wall seconds; proxies drop a stream that is silent for longer
RETRY_MS = 2_000  # how soon a browser comes back after a broken stream
RULES_S = 60.0  # wall seconds for which a list of rules is shown

_log = get_logger(__name__)


class Shared:
    """One reading serves all open pages for `seconds` of wall time."""

    def __init__(self, read: Callable[[], Awaitable[Any]], wall: Callable[[], float], seconds: float) -> None:
        self._read, self._wall, self._seconds = read, wall, seconds
        self._lock = asyncio.Lock()
        self._value: Any = None
        self._until = float("-inf")

    async def __call__(self) -> Any:
        async with self._lock:
            if self._wall() >= self._until:
                self._value = await self._read()
                self._until = self._wall() + self._seconds
            return self._value


def figures_of(deps: ConsoleDeps) -> Shared:
    """The counts on top of the pages."""

    async def read() -> dict[str, Any]:
        counted = asdict(await queries.counts(deps.engine, deps.clock.now()))
        return {**counted, "simulated": await queries.simulated(deps.engine)}

    return Shared(read, deps.clock.wall, deps.refresh_s)


def rules_of(deps: ConsoleDeps) -> Shared:
    """The rules that have fired. A new one is seldom, and to list them is to read every decision."""
    return Shared(lambda: queries.rules(deps.engine), deps.clock.wall, RULES_S)


async def stream(deps: ConsoleDeps, figures: Shared, customer: tuple[str, str] | None) -> AsyncIterator[str]:
    """`queue` with the counts when they change; `customer` when that customer's page would."""
    yield f"retry: {RETRY_MS}\n\n"
    seen: dict[str, str] = {}
    silent_since = deps.clock.wall()
    while not deps.stop.is_set():
        try:
            beats = {"queue": {**await figures(), "p50": _rounded(deps.event_to_change_p50())}}
            if customer:
                beats["customer"] = dict(await queries.pulse(deps.engine, *customer))
        except (SQLAlchemyError, OSError) as error:
            # The database is away: the page keeps what it shows until it is back.
            _log.warning("console.live_unavailable", error=repr(error))
            beats = {}
        for name, beat in beats.items():
            body = json.dumps(beat, default=str)
            if seen.get(name) != body:
                seen[name] = body
                silent_since = deps.clock.wall()
                yield f"event: {name}\ndata: {body}\n\n"
        if deps.clock.wall() - silent_since >= KEEP_ALIVE_S:
            silent_since = deps.clock.wall()
            yield ": still here\n\n"
        await _pause(deps)


async def _pause(deps: ConsoleDeps) -> None:
    try:
        await asyncio.wait_for(deps.stop.wait(), deps.refresh_s)
    except TimeoutError:
        return


def _rounded(seconds: float | None) -> float | None:
    """To the millisecond: what is not shown must not make a page fetch itself."""
    return None if seconds is None else round(seconds, 3)
