"""Whether everything sent has been processed, asked of the topics, the checkpoints and the services."""

import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from aiokafka.errors import KafkaError

from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_TRIGGERS, OUTREACH_OUTCOMES
from libs.runtime.errors import GreenlineError
from sandbox.adapters.reading import end_offsets
from sandbox.adapters.topics import lag
from sandbox.adapters.watch import Watch
from sandbox.place import Place
from sandbox.screen import Screen

LONGEST_S = 90.0  # then the ledger is counted as it stands, and will say what is missing
LOOK_EVERY_S = 0.4
TIMES = 2  # the same quiet picture must be seen this often
GROWING = (CUSTOMER_EVENTS.name, CUSTOMER_TRIGGERS.name, OUTREACH_OUTCOMES.name)


@dataclass(frozen=True, slots=True)
class Settled:
    """`waiting` says what was still open when patience ended; empty: all processed."""

    waiting: str
    after_s: float

    @classmethod
    async def wait(cls, place: Place, watch: Watch, screen: Screen) -> "Settled":
        """Until nothing is open and nothing grows any more."""
        began = time.monotonic()
        seen, times, waiting = "", 0, "first look"
        while time.monotonic() - began < LONGEST_S:
            waiting, picture = await _look(place, watch)
            times = times + 1 if picture == seen and not waiting else 0
            seen = picture
            if times >= TIMES:
                return cls("", time.monotonic() - began)
            screen.waiting(waiting or "for the topics to stand still")
            await asyncio.sleep(LOOK_EVERY_S)
        return cls(waiting or "the topics kept growing", time.monotonic() - began)

    @staticmethod
    async def scoring_caught_up(place: Place, longest: float) -> None:
        """Until scoring and triggers have read everything, or `longest` seconds."""
        until = time.monotonic() + longest
        while time.monotonic() < until:
            with suppress(KafkaError, OSError, GreenlineError):
                if (await lag(place.kafka)).none:
                    return
            await asyncio.sleep(0.2)


async def _look(place: Place, watch: Watch) -> tuple[str, str]:
    """What is open, in words, and a picture of what may still move, to compare with the next one."""
    try:
        behind = await lag(place.kafka)
        if not behind.none:
            return f"scoring has {behind.scoring} records to read, triggers {behind.triggers}", ""
        spooled = await gauge(f"{place.ingest}/metrics", "greenline_ingest_spool_depth")
        if spooled:
            return f"{spooled:.0f} records in the spool", ""
        if missing := len(watch.undecided):
            return f"{missing} triggers without a decision", ""
        # Some effects wait for a time of day; what matters is that the number stands still.
        pending = await gauge(f"{place.outreach}/metrics", "greenline_outreach_outbox_pending")
        ends = await end_offsets(place.kafka, GROWING)
    except (KafkaError, aiohttp.ClientError, OSError, GreenlineError) as error:
        return f"something is away ({error!r})", ""
    return "", repr((pending, ends))


async def gauge(url: str, name: str) -> float:
    """A gauge of a service's /metrics; 0 when it has none of that name."""
    async with aiohttp.request("GET", url, timeout=aiohttp.ClientTimeout(total=5)) as response:
        text = await response.text()
    found = re.search(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0
