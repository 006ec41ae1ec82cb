"""Signed webhooks a second through one ingest process, beside the same server's empty route; waits at half
the load; and a broker that is away for half a minute. Run: python -m benchmarks.ingest [--quick] [--dry].

Real Kafka (acks=all) and PostgreSQL; they and this sender share the machine's cores with ingest.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
import psutil
import uvloop
from rich.console import Console

from benchmarks.broker import FOLDER, running_stack
from benchmarks.ingest.load import Load
from benchmarks.ingest.outage import away
from benchmarks.ingest.requests import empty, webhooks
from benchmarks.latency.arrivals import Plan
from benchmarks.latency.senders import CUSTOMERS, write_sources
from benchmarks.results import Figure, append
from libs.runtime.stack.services import running_services
from libs.runtime.stack.state import StackState

# At once: a webhook's answer waits for the broker, so 64 in a closed loop leave ingest idle a quarter of the
# time and measure the wait; the empty route gives the same with either.
_LINKS = 256
_GOAL = 5_000  # webhooks a second
_say = Console(stderr=True).print


class Size(NamedTuple):
    """How much is measured."""

    rounds: int
    seconds: float  # of each case
    away_s: float  # that the broker is stopped


FULL, QUICK = Size(5, 8.0, 30.0), Size(2, 2.0, 5.0)
CASES = ("rate", "half", "away")


class Target(NamedTuple):
    """A running ingest."""

    host: str
    port: int
    secret: str
    pid: int

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"

    def cpu_s(self) -> float:
        """CPU seconds so far: unlike a rate, they hardly depend on what else the machine does."""
        times = psutil.Process(self.pid).cpu_times()
        return times.user + times.system


class Speed(NamedTuple):
    """Of one case of one round."""

    per_s: float
    cpu_us: float  # of the server's process, a request


@asynccontextmanager
async def ingest(state: StackState) -> AsyncIterator[Target]:
    secret = write_sources(FOLDER / "sources.yaml")
    env = {**state.env(), "INGEST_SOURCES_FILE": str(FOLDER / "sources.yaml")}
    async with running_services(FOLDER, env, names=("ingest",)) as services:
        url = urlsplit(services.url("ingest"))
        assert url.hostname is not None
        assert url.port is not None
        target = Target(url.hostname, url.port, secret, services.pid("ingest"))
        await _introduce(target)
        yield target


async def _introduce(target: Target) -> None:
    """Every customer once, so that the cache knows them: as it does after an hour of a real day."""
    _say(f"introducing {CUSTOMERS:,} customers to ingest")
    hello = webhooks(target.name, target.secret, "hello", CUSTOMERS)
    async with Load(_LINKS).connected(target.host, target.port) as load:
        answers = await load.at_moments(hello, [0.0] * CUSTOMERS)
    assert set(answers.statuses) == {200}, answers.statuses


async def rate(target: Target, size: Size) -> list[Figure]:
    """As fast as it answers, in turn with the empty route: their ratios are of one run."""
    told, bare = list[Speed](), list[Speed]()
    async with Load(_LINKS).connected(target.host, target.port) as load:
        for number in range(size.rounds):
            signed = webhooks(target.name, target.secret, f"rate{number}", 100_000)
            for requests, found in (([empty(target.name)], bare), (signed, told)):
                found.append(await _speed(target, load, requests, size.seconds))
            _say(f"round {number + 1}: webhooks {_shown(told[-1])}, the empty route {_shown(bare[-1])}")
    pairs = [*zip(told, bare, strict=True)]
    return [
        Figure("rate", "webhooks_per_s", median(one.per_s for one in told), "1/s"),
        Figure("rate", "empty_per_s", median(one.per_s for one in bare), "1/s"),
        Figure("rate", "of_the_empty_route", median(ours.per_s / its.per_s for ours, its in pairs), "x"),
        Figure("rate", "webhook_cpu", median(one.cpu_us for one in told), "us"),
        Figure("rate", "empty_cpu", median(one.cpu_us for one in bare), "us"),
    ]


async def _speed(target: Target, load: Load, requests: list[bytes], seconds: float) -> Speed:
    before = target.cpu_s()
    answers = await load.as_fast_as_answered(requests, seconds)
    used, count = target.cpu_s() - before, len(answers.waits)
    assert set(answers.statuses) == {200}, answers.statuses
    return Speed(count / answers.seconds, used / count * 1e6)


def _shown(speed: Speed) -> str:
    return f"{speed.per_s:,.0f}/s at {speed.cpu_us:.0f} us of CPU"


async def half(target: Target, size: Size) -> list[Figure]:
    """Poisson arrivals at half the goal; a wait begins when a request was due."""
    moments = Plan(_GOAL / 2, 2 * size.seconds).moments()
    requests = webhooks(target.name, target.secret, "half", len(moments))
    async with Load(_LINKS).connected(target.host, target.port) as load:
        answers = await load.at_moments(requests, moments)
    assert set(answers.statuses) == {200}, answers.statuses
    waits = 1000 * np.array(answers.waits)
    return [
        Figure("half", f"p{share:g}", float(np.percentile(waits, share)), "ms") for share in (50, 99, 99.9)
    ]


async def measure(state: StackState, size: Size, wanted: list[str]) -> list[Figure]:
    found: list[Figure] = []
    async with ingest(state) as target:
        if "rate" in wanted:
            found += await rate(target, size)
        if "half" in wanted:
            found += await half(target, size)
        if "away" in wanted:
            _say(f"{_GOAL:,} webhooks a second while the broker is away for {size.away_s:.0f} s")
            moments = Plan(_GOAL, 2 * size.away_s).moments()
            requests = webhooks(target.name, target.secret, "away", len(moments))
            async with Load(1000).connected(target.host, target.port) as load:
                sending = load.at_moments(requests, moments)
                found += await away(state, size.away_s, sending)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a few seconds each: a smoke test")
    options.add_argument("--dry", action="store_true", help="print the figures and keep none")
    options.add_argument("--only", nargs="*", choices=CASES, default=list(CASES))
    chosen = options.parse_args()
    began = time.monotonic()
    with running_stack() as state, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        figures = runner.run(measure(state, QUICK if chosen.quick else FULL, chosen.only))
    for figure in figures:
        print(f"ingest,{figure.case},{figure.metric},{figure.value:.4g},{figure.unit}")
    if not chosen.dry:
        append("ingest_quick" if chosen.quick else "ingest", figures)
    _say(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
