"""How many retries lie past the rings of recent ids: scoring against an exact set of all ids.

Run: python -m benchmarks.bench_rings [--customers 10000] [--days 60] [--sessions 30000] [--mails 100000]
Prints `case,metric,value,unit`, one line a figure. `step_*` went through LocalRunner and Scorer; `ring_*` is
counted for each size of ring from the same deliveries, the commercial one from those of many more days.

The shop is made up. Sessions, orders and tickets are spread over the customers by Zipf 1.1, mails half so and
half over everybody. 2 % of the events are delivered again: half of these within ten seconds (an answer that
came too late, a queue that delivers at least once), nearly all others along the provider's waits until an
attempt is answered in time (7 in 10 are), and one in 20 along all of them. Waits double: 8 in 4 hours for
orders (Shopify), 9 in 43 hours for all else. 3 % of first deliveries come late, half an hour on average.
"""

import argparse
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from libs.events import build, encode
from libs.events.families.commerce import OrderPaid, OrderPlaced, OrderShipped, OrderUpdated
from libs.events.families.engagement import (
    EmailClicked,
    EmailOpened,
    EmailSent,
    ProductAddedToCart,
    ProductViewed,
    SiteVisited,
)
from libs.events.families.relationship import TicketOpened, TicketSolved
from libs.events.types import Frozen
from libs.runtime.stream import InputRecord, LocalRunner
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.row import BEHAVIOURAL_RING, COMMERCIAL_RING, ROW
from services.scoring.service import Scorer
from services.scoring.warm import warm_up

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY, HOUR, MINUTE = 86_400, 3_600, 60
CHUNK = 10_000
SIZES = (4, 8, 12, 14, 16, 20, 24, 28, 32, 48, 64)
BUSIEST = 20  # customers looked at apart
LONGER = 30  # times as many days for the commercial ring, whose events are few

AGAIN = 0.02  # of the events; then what becomes of them
AT_ONCE, NEVER_ANSWERED, ANSWERED = 0.5, 0.05, 0.7
LATE, LATE_S, LAG_S = 0.03, 1800.0, 3.0

MAKE: dict[str, Callable[[str], Frozen]] = {
    "visit": lambda n: SiteVisited(session_id=n),
    "view": lambda n: ProductViewed(product_id="p", session_id=n),
    "cart": lambda n: ProductAddedToCart(product_id="p", session_id=n),
    "sent": lambda n: EmailSent(message_id=n),
    "opened": lambda n: EmailOpened(message_id=n),
    "clicked": lambda n: EmailClicked(message_id=n),
    "placed": lambda n: OrderPlaced(order_id=n, amount="40.00", currency="USD"),
    "paid": lambda n: OrderPaid(order_id=n, amount="40.00", currency="USD"),
    "updated": lambda n: OrderUpdated(order_id=n, amount="40.00", currency="USD"),
    "shipped": lambda n: OrderShipped(order_id=n),
    "ticket": lambda n: TicketOpened(ticket_id=n),
    "solved": lambda n: TicketSolved(ticket_id=n),
}
ORDERS = frozenset({"placed", "paid", "updated", "shipped"})
COMMERCIAL = ORDERS | {"ticket", "solved"}
# Told twice past the ring these count twice. Pages of a session are one visit and opens count nothing; an
# order is one order, and a parcel one parcel.
MOVES_A_COUNT = frozenset({"sent", "clicked", "ticket"})


class Happening(NamedTuple):
    at: float  # seconds after START
    customer: int
    kind: str
    thing: int  # which session, mail, order or ticket


class Delivery(NamedTuple):
    received: float
    number: int  # the event's id
    what: Happening


def say(case: str, metric: str, value: float, unit: str) -> None:
    print(f"{case},{metric},{value:.5g},{unit}", flush=True)


class Shop:
    """What happens in the made-up shop."""

    def __init__(self, customers: int, days: int) -> None:
        self._luck, self._numbers = random.Random(7), np.random.default_rng(7)
        self._customers, self._seconds = customers, days * DAY
        weights = np.arange(1, customers + 1) ** -1.1
        self._weights = weights / weights.sum()
        self._things = 0

    def happenings(self, sessions: int, mails: int, orders: int) -> Iterator[Happening]:
        plan = (
            (sessions, True, self._session),
            (mails // 2, True, self._mail),
            (mails // 2, False, self._mail),
        )
        for count, by_zipf, happen in (*plan, (orders, True, self._order), (orders // 5, True, self._ticket)):
            weights = self._weights if by_zipf else None
            who = self._numbers.choice(self._customers, count, p=weights).tolist()
            when = self._numbers.uniform(0, self._seconds, count).tolist()
            for customer, at in zip(who, when, strict=True):
                self._things += 1
                yield from happen(customer, at, self._things)

    def _session(self, customer: int, at: float, number: int) -> Iterator[Happening]:
        """Seven pages, 40 seconds each, on average."""
        luck = self._luck
        for _ in range(1 + int(luck.expovariate(1 / 6))):
            yield Happening(at, customer, "visit", number)
            if luck.random() < 0.6:
                yield Happening(at + 1, customer, "view", number)
            if luck.random() < 0.08:
                yield Happening(at + 20, customer, "cart", number)
            at += luck.expovariate(1 / 40)

    def _order(self, customer: int, at: float, number: int) -> Iterator[Happening]:
        sent = at + DAY * self._luck.uniform(0.5, 2)
        for kind, when in (("placed", at), ("paid", at + 3), ("updated", at + 5), ("updated", at + 600)):
            yield Happening(when, customer, kind, number)
        yield Happening(sent, customer, "shipped", number)
        yield Happening(sent + 2, customer, "updated", number)

    def _ticket(self, customer: int, at: float, number: int) -> Iterator[Happening]:
        yield Happening(at, customer, "ticket", number)
        yield Happening(at + DAY * self._luck.uniform(0.1, 2), customer, "solved", number)

    def _mail(self, customer: int, at: float, number: int) -> Iterator[Happening]:
        luck = self._luck
        yield Happening(at, customer, "sent", number)
        if luck.random() < 0.4:
            opened = at + luck.expovariate(1 / (5 * HOUR))
            yield Happening(opened, customer, "opened", number)
            if luck.random() < 0.15:
                yield Happening(opened + 20, customer, "clicked", number)


def waits(kind: str) -> list[float]:
    """Seconds from the first attempt to each retry: each wait twice the one before."""
    first, times = (56, 8) if kind in ORDERS else (5 * MINUTE, 9)
    return [first * (2**n - 1) for n in range(1, times + 1)]


def retries(kind: str, luck: random.Random) -> Iterator[float]:
    """Seconds after the first delivery at which it is delivered again."""
    if luck.random() < AT_ONCE:
        yield luck.uniform(0, 10)
        return
    answered = 0.0 if luck.random() < NEVER_ANSWERED / (1 - AT_ONCE) else ANSWERED
    for wait in waits(kind):
        yield wait * luck.uniform(0.9, 1.1)
        if luck.random() < answered:
            return


def deliveries(happenings: Iterable[Happening]) -> list[Delivery]:
    """In the order of receipt."""
    luck, found = random.Random(8), []
    for number, what in enumerate(happenings):
        lag = luck.expovariate(1 / (LATE_S if luck.random() < LATE else LAG_S))
        found.append(Delivery(what.at + lag, number, what))
        if luck.random() < AGAIN:
            again = (what.at + lag + wait for wait in retries(what.kind, luck))
            found += [Delivery(received, number, what) for received in again]
    return sorted(found)


def past(log: Sequence[Delivery], places: int) -> list[Delivery]:
    """The retries that a ring of so many places does not know any more: as many others came since."""
    pushed: Counter[int] = Counter()
    kept: dict[int, int] = {}  # event to how many ids its customer's ring had been told of before it
    found = []
    for delivery in log:
        _, number, what = delivery
        held = number in kept and pushed[what.customer] - kept[number] <= places
        if number in kept and not held:
            found.append(delivery)
        if not held:
            kept[number] = pushed[what.customer]
            pushed[what.customer] += 1
    return found


def say_sizes(case: str, log: Sequence[Delivery]) -> None:
    activity = Counter(delivery.what.customer for delivery in log)
    busiest = {customer for customer, _ in activity.most_common(BUSIEST)}
    again = past(log, 0)
    others = sum(retry.what.customer not in busiest for retry in again)
    say(case, "retries", len(again), "1")
    for limit, name in ((MINUTE, "1_minute"), (HOUR, "1_hour"), (DAY, "1_day")):
        after = sum(retry.received - retry.what.at > limit for retry in again)
        say(case, f"retries_after_{name}", after / len(again), "1")
    for size in SIZES:
        gone = past(log, size)
        of_others = sum(retry.what.customer not in busiest for retry in gone)
        say(f"{case}_{size}", "retries_past", len(gone) / len(again), "1")
        say(f"{case}_{size}", "of_all_but_the_busiest", of_others / max(others, 1), "1")
        moved = sum(retry.what.kind in MOVES_A_COUNT for retry in gone)
        say(f"{case}_{size}", "retries_past_that_move_a_count", moved / len(again), "1")


def records(log: Sequence[Delivery]) -> Iterator[InputRecord]:
    for offset, (received, number, what) in enumerate(log):
        event = build(
            MAKE[what.kind](str(what.thing)),
            id=f"{what.kind}:{number}",
            source="shop",
            tenant="demo",
            subject=f"c{what.customer}",
            time=START + timedelta(seconds=what.at),
            receivedat=START + timedelta(seconds=received),
        )
        yield InputRecord(offset, event.key, encode(event))


def say_step(case: str, log: Sequence[Delivery]) -> None:
    """The rings as they are, through the service. One ring's events alone: the rings do not meet."""
    runner = LocalRunner(Scorer(load_scorecard(STARTER)), ROW)
    told = list(records(log))
    for start in range(0, len(told), CHUNK):
        runner.feed(told[start : start + CHUNK], START)
    again = len(log) - len({number for _, number, _ in log})
    ledger = runner.rows.ledger
    missed = again - ledger["duplicate"]
    say(case, "deliveries", len(log), "1")
    say(case, "retries", again, "1")
    say(case, "retries_counted_twice", missed / again, "1")
    say(case, "deliveries_counted_twice", missed / len(log), "1")
    say(case, "deliveries_past_ring", ledger["past_ring"] / len(log), "1")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--customers", type=int, default=10_000)
    options.add_argument("--days", type=int, default=60)
    options.add_argument("--sessions", type=int, default=30_000)
    options.add_argument("--mails", type=int, default=100_000)
    chosen = options.parse_args()
    warm_up()
    orders = chosen.sessions // 20
    log = deliveries(Shop(chosen.customers, chosen.days).happenings(chosen.sessions, chosen.mails, orders))
    activity = Counter(delivery.what.customer for delivery in log)
    say("shop", "deliveries", len(log), "1")
    say("shop", "busiest_customer_a_day", activity.most_common(1)[0][1] / chosen.days, "1/d")
    say("shop", "median_customer_a_day", float(np.median(list(activity.values()))) / chosen.days, "1/d")
    behaved = [delivery for delivery in log if delivery.what.kind not in COMMERCIAL]
    say_step(f"step_behavioural_{BEHAVIOURAL_RING}", behaved)
    say_step(f"step_commercial_{COMMERCIAL_RING}", [d for d in log if d.what.kind in COMMERCIAL])
    say_sizes("ring_behavioural", behaved)
    longer = Shop(chosen.customers, LONGER * chosen.days)
    say_sizes("ring_commercial", deliveries(longer.happenings(0, 0, LONGER * orders)))


if __name__ == "__main__":
    main()
