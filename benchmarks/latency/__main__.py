"""From an event's moment to its health on customer.health, readable by anybody, at three rates; the same
from a signed webhook; and from a snapshot to its trigger. `python -m benchmarks.latency [--quick]`.

Real Kafka, PostgreSQL and services on one machine with this sender: they share its cores.
"""

import argparse
import asyncio
from bisect import bisect
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from rich.console import Console

from benchmarks.broker import FOLDER, running_stack
from benchmarks.latency.arrivals import Plan, play
from benchmarks.latency.observer import Observer
from benchmarks.latency.senders import (
    CUSTOMERS,
    Sender,
    events,
    introduce,
    snapshots,
    webhooks,
    write_rules,
    write_sources,
)
from benchmarks.results import Figure, append
from libs.events.topics import CUSTOMER_TRIGGERS
from libs.runtime.stack.services import running_services
from libs.runtime.stack.state import StackState

_say = Console(stderr=True).print


class Case(NamedTuple):
    """One measured rate."""

    name: str
    rate: float
    seconds: float  # that are counted
    warm_s: float = 10  # the same load before, not counted: first touches of each customer, caches
    says: int = 1  # one in so many changes of a snapshot fires a rule or clears it


# A broker in its first minute compiles its own code on half a core of what is measured.
_BROKER_S = 60
EVENTS = (
    Case("event_100", 100, 30),
    Case("event_2000", 2_000, 30, _BROKER_S),
    Case("event_10000", 10_000, 20),
)
# Of a shop's changes few say something: a twentieth here. That all of them do is the worst there could be.
TRIGGERS = (
    Case("trigger_2000", 2_000, 30, _BROKER_S, says=20),
    Case("trigger_2000_all", 2_000, 30),
)
WEBHOOKS = (Case("webhook_100", 100, 30), Case("webhook_2000", 2_000, 20))


async def run_case(case: Case, sender: Sender, observer: Observer) -> list[Figure]:
    _say(f"{case.name}: {case.rate:,.0f} a second for {case.warm_s:.0f} and {case.seconds:.0f} s")
    due = await play(Plan(case.rate, case.warm_s + case.seconds), sender.send)
    await observer.quiet()
    return list(_figures(case, due, sender.ids, observer.seen))


def _figures(
    case: Case, due: list[float], ids: dict[bytes, int], seen: dict[bytes, float]
) -> Iterator[Figure]:
    """An event that shared its customer's snapshot with a later one has none of its own: left out, as is
    what should say nothing.
    """
    first = bisect(due, due[0] + case.warm_s)
    waits = np.array([at - due[ids[name]] for name, at in seen.items() if ids.get(name, -1) >= first])
    for share in (50, 95, 99, 99.9):
        yield Figure(case.name, f"p{share:g}", float(np.percentile(waits, share)) * 1000, "ms")
    yield Figure(case.name, "measured", len(waits), "1")
    yield Figure(case.name, "arrivals", sum(i >= first for i in ids.values()), "1")


async def measure(state: StackState, cases: tuple[Case, ...], hooks: tuple[Case, ...]) -> list[Figure]:
    secret = write_sources(FOLDER / "sources.yaml")
    env = {**state.env(), "INGEST_SOURCES_FILE": str(FOLDER / "sources.yaml")}
    kafka, found = state.kafka.url, list[Figure]()
    async with (
        running_services(FOLDER, env, names=("ingest", "scoring")) as services,
        Observer(kafka) as observer,
    ):
        for case in cases:
            async with events(kafka, case.name) as sender:
                found += await run_case(case, sender, observer)
        ingest = services.url("ingest")
        async with webhooks(ingest, secret, "hello") as sender:
            _say(f"introducing {CUSTOMERS:,} customers to ingest")
            await introduce(sender.send, CUSTOMERS)
        for case in hooks:
            async with webhooks(ingest, secret, case.name) as sender:
                found += await run_case(case, sender, observer)
    return found


async def measure_triggers(state: StackState, cases: tuple[Case, ...]) -> list[Figure]:
    """Of customers who are known; one in `says` snapshots fires a rule of its customer or clears it."""
    rules = FOLDER / "rules.yaml"
    write_rules(rules)
    # All customers fire at once here, which is no storm.
    env = {**state.env(), "TRIGGERS_RULES_FILE": str(rules), "TRIGGERS_STORM_LEAST": f"{CUSTOMERS}"}
    kafka, found = state.kafka.url, list[Figure]()
    async with (
        running_services(FOLDER, env, names=("triggers",)),
        Observer(kafka, CUSTOMER_TRIGGERS.name) as observer,
    ):
        for case in cases:
            async with snapshots(kafka, case.name, case.says) as sender:
                _say(f"introducing {CUSTOMERS:,} customers to triggers")
                known = len(observer.seen)
                await introduce(sender.introduce, CUSTOMERS)
                await observer.heard(known + CUSTOMERS)  # everybody's score is low
                found += await run_case(case, sender, observer)
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="a few seconds each: a smoke test")
    options.add_argument("--only", nargs="*", help="these cases")
    chosen = options.parse_args()
    wanted = [c._replace(seconds=4, warm_s=1) if chosen.quick else c for c in EVENTS + TRIGGERS + WEBHOOKS]
    wanted = [c for c in wanted if not chosen.only or c.name in chosen.only]
    hooks = tuple(c for c in wanted if c.name.startswith("webhook"))
    changes = tuple(c for c in wanted if c.name.startswith("trigger"))
    cases = tuple(c for c in wanted if c.name.startswith("event"))
    figures: list[Figure] = []
    with running_stack() as state:
        if cases or hooks:
            figures += asyncio.run(measure(state, cases, hooks))
        if changes:
            figures += asyncio.run(measure_triggers(state, changes))
    append("latency_quick" if chosen.quick else "latency", figures)
    for figure in figures:
        print(f"latency,{figure.case},{figure.metric},{figure.value:.1f},{figure.unit}")


if __name__ == "__main__":
    main()
