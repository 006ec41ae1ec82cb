"""A simulated shop's orders: customers with rates of their own who leave without a word."""

from datetime import UTC, datetime, timedelta

import numpy as np

from libs.events import AnyEvent, build
from libs.events.families.commerce import OrderPlaced
from services.scoring.offline.log import EventLog, build_log
from services.scoring.offline.replay import end_of

START = datetime(2025, 1, 1, tzinfo=UTC)
START_DAY = int(START.timestamp()) // 86_400


def orders(
    customers: int,
    *,
    days: int = 540,
    seed: int = 7,
    joining: float = 120.0,
    gap: float = 40.0,
    stays: float = 0.85,
    regular: float = 1.0,
) -> list[AnyEvent]:
    """First purchases in the first `joining` days; who stays with a chance of `stays` buys again after a
    gamma gap of shape `regular`, around a mean of their own.
    """
    draw = np.random.default_rng(seed)
    found: list[AnyEvent] = []
    for who in range(customers):
        at, mean = draw.uniform(0, joining), gap / draw.gamma(1.5, 1 / 1.5)
        while at < days:
            found.append(order(who, at, 10 + float(draw.integers(0, 90)), len(found)))
            if draw.random() > stays:
                break
            at += draw.gamma(regular, mean / regular)
    return found


def order(who: int, day: float, amount: float = 20.0, number: int = 0) -> AnyEvent:
    at = START + timedelta(days=day)
    placed = OrderPlaced(order_id=f"{who}-{day}-{number}", amount=f"{amount:.2f}", currency="USD")
    return build(
        placed, id=f"{who}:{day}:{number}", source="x", tenant="t", subject=f"c{who}", time=at, receivedat=at
    )


def log_of(events: list[AnyEvent]) -> EventLog:
    from libs.events import decode_many, encode

    return build_log([decode_many([encode(event) for event in events]).events])


def until(events: list[AnyEvent], day: int) -> list[AnyEvent]:
    """What had come by the end of a day, counted from START."""
    limit = end_of(START_DAY + day)
    return [event for event in events if event.receivedat.timestamp() < limit]
