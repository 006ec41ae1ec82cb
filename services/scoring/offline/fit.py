"""From a log to scorecards: the starter with the shop's likeliest numbers, and a fitted one."""

from datetime import date
from typing import NamedTuple

import numpy as np

from services.scoring.domain.fitting.health import Fitted, Window, fit
from services.scoring.domain.fitting.likelihood import most_likely
from services.scoring.domain.fitting.orders import OrderLog
from services.scoring.domain.numbers import ShopNumbers
from services.scoring.domain.scorecard import Evidence, Recency, Scorecard, Shop, Signal
from services.scoring.domain.scorecard import Learned as LearnedWindow
from services.scoring.offline.days import date_of

PURCHASES, FREQUENCY = "purchase_recency", "order_frequency_trend"


class Learned(NamedTuple):
    """A fitted scorecard and what it rests on."""

    card: Scorecard
    fitted: Fitted


def shop_of(numbers: ShopNumbers) -> Shop:
    """Rounded to what a file keeps."""
    return Shop(
        r=_kept(numbers.r),
        alpha_days=_kept(numbers.alpha),
        a=_kept(numbers.a),
        b=_kept(numbers.b),
        tau_days=_kept(numbers.tau),
        horizon_days=numbers.horizon,
    )


def _kept(value: float) -> float:
    return float(f"{value:.6g}")


def with_likeliest(card: Scorecard, orders: OrderLog, day: int, horizon: float) -> Scorecard:
    """The card with the shop numbers that make the orders up to the end of `day` most likely: no labels."""
    numbers = most_likely(orders, day, horizon, card.shop.tau_days)
    return card.model_copy(update={"shop": shop_of(numbers), "version": f"{card.version}+ml"})


def learn(card: Scorecard, orders: OrderLog, day: int, horizon: float) -> Learned:
    """The card with fitted numbers. Raises TooLittleError.

    The trend of orders looks at what the fitted purchase signal has weighed already: its weight goes there.
    Signals that an order log cannot teach anything about keep their weights.
    """
    found = fit(orders, day, horizon)
    weights: dict[str, float] = {signal.name: signal.weight for signal in card.signals}
    weights[PURCHASES] = weights.get(PURCHASES, 0.0) + weights.pop(FREQUENCY, 0.0)
    signals = tuple(Signal(name=name, weight=round(weight, 6)) for name, weight in weights.items())
    shop = shop_of(found.shop)
    update = {
        "version": f"{card.version.partition('+')[0]}+fitted-{date_of(day)}",
        "evidence": Evidence(
            until=date.fromisoformat(date_of(day)), windows=tuple(map(_learned, found.windows))
        ),
        "shop": shop,
        "signals": signals,
        "recency": Recency(
            anchor=card.recency.anchor,
            anchor_spend_minor=_first_spend(orders),
            slope=_kept(found.curve.slope),
            spend_slope=_kept(found.curve.spend_slope),
            intercept=_kept(found.curve.intercept),
        ),
    }
    return Learned(card.model_copy(update=update), found)


def _learned(window: Window) -> LearnedWindow:
    came_back = int((window.known & window.bought).sum())
    return LearnedWindow(days=window.horizon, customers=int(window.known.sum()), came_back=came_back)


def _first_spend(orders: OrderLog) -> int:
    """What a first purchase usually costs, in minor units."""
    firsts = orders.starts[:-1][np.diff(orders.starts) > 0]
    return int(np.median(orders.minor[firsts])) if len(firsts) else 0
