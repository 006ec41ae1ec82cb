"""Whether everything sent has been processed, asked of the topics, the checkpoints and the services."""

import asyncio
import re
import time
from dataclasses import dataclass

import aiohttp
from aiokafka.errors import KafkaError

from libs.events.topics import CUSTOMER_EVENTS, CUSTOMER_TRIGGERS, OUTREACH_OUTCOMES
from libs.runtime.errors import GreenlineError
from sandbox.adapters.topics import end_offsets, lag
from sandbox.adapters.watch import Watch
from sandbox.place import Place
from sandbox.screen import Screen

LONGEST_S = 90.0  # then the ledger is counted as it stands, and will say what is missing
LOOK_EVERY_S = 0.4
TIMES = 2  # the same quiet picture must be seen this often
GROWING = (CUSTOMER_EVENTS, CUSTOMER_TRIGGERS, OUTREACH_OUTCOMES)
_GAUGE = re.compile(r"^(ingest_spool_depth|greenline_outreach_outbox_pending) ([0-9.e+]+)$", re.MULTILINE)


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
            if not await _lag(place):
                return
            await asyncio.sleep(0.2)


async def _look(place: Place, watch: Watch) -> tuple[str, str]:
    """What is open, in words, and a picture of the topics to compare with the next one."""
    for question in (_lag(place), _waiting_rows(place), _undecided(watch)):
        if waiting := await question:
            return waiting, ""
    try:
        ends = [await end_offsets(place.kafka, topic.name) for topic in GROWING]
    except (KafkaError, OSError) as error:
        return f"Kafka is away ({error!r})", ""
    return "", repr(ends)


async def _lag(place: Place) -> str:
    try:
        behind = await lag(place.kafka)
    except (KafkaError, OSError, GreenlineError) as error:
        return f"Kafka is away ({error!r})"
    return "" if behind.none else f"scoring has {behind.scoring} records to read, triggers {behind.triggers}"


async def _waiting_rows(place: Place) -> str:
    """Ingest's spool and outreach's outbox, by their own gauges."""
    for url in (place.ingest, place.outreach):
        try:
            async with aiohttp.request("GET", f"{url}/metrics") as response:
                text = await response.text()
        except (aiohttp.ClientError, OSError) as error:
            return f"{url} is away ({error!r})"
        for name, value in _GAUGE.findall(text):
            if float(value) > 0:
                return f"{name} is {float(value):.0f}"
    return ""


async def _undecided(watch: Watch) -> str:
    missing = len(watch.fired - watch.decided)
    return f"{missing} triggers wait for a decision" if missing else ""
