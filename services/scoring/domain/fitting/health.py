"""The eight shop numbers by log loss on windows that have matured, and what they say about tomorrow.

`health = 1 / (1 + exp(c0 + c1 logit(p_buy) + c2 log1p(spend)))`, c1, c2 < 0: the chance that a customer buys
within the horizon. No window reaches past the day the fit is made on, so nothing can leak.
"""

from math import exp
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.optimize import minimize

from services.scoring.domain.fitting.likelihood import most_likely
from services.scoring.domain.fitting.orders import OrderLog
from services.scoring.domain.numbers import ShopNumbers
from services.scoring.domain.purchase import chance, own_gap
from services.scoring.domain.signals.orders import health_of

# Days before the fit at which a window begins; each ends on the day of the fit. Longer ones would know fewer
# customers, shorter ones say less about a quarter.
WINDOW_DAYS = (182, 136, 91)
LEAST_CUSTOMERS = 200  # in a window, bought before it; 1,000 lose nothing, 200 cost up to 0.010 of AUC
LEAST_OF_EACH = 50  # who came back, and who did not
_SPREAD = 1.0  # the prior: shop numbers within a factor of e of the likeliest, two times in three

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class TooLittleError(Exception):
    """Why nothing can be fitted; a rank can be shown, a probability cannot."""


class Window(NamedTuple):
    """Customers as they stood at the end of `day`, and who of them bought within `horizon` days."""

    day: int
    horizon: int
    known: Flags  # (customers,): had bought by then
    bought: Flags


class Curve(NamedTuple):
    """From logit(p_buy) and spend to health, itself on the scale of logits."""

    intercept: float
    slope: float
    spend_slope: float


class Fitted(NamedTuple):
    """A shop's numbers, and health from p_buy: a probability."""

    shop: ShopNumbers
    curve: Curve
    windows: tuple[Window, ...]

    def health(self, orders: OrderLog, day: int, horizon: float) -> Floats:
        """(customers,): chance of a purchase in the `horizon` days after `day`; NaN: not a customer yet."""
        return np.asarray(healths(orders, day, self.shop._replace(horizon=horizon), self.curve))


@njit(cache=True)
def _health(repeats: float, times: Any, spend: float, shop: ShopNumbers, curve: Curve) -> float:
    first, last, day = times
    gap = own_gap(repeats, float(last - first), shop)
    _, p = chance(repeats, gap, float(day - last), shop)
    return health_of(p, spend, curve.intercept, curve.slope, curve.spend_slope)


@njit(cache=True)
def healths(orders: OrderLog, day: int, shop: ShopNumbers, curve: Curve) -> Any:
    """(customers,): the chance that each buys within the shop's horizon after the end of `day`.

    From what they had bought by then; NaN for those who had not.
    """
    days, minor, starts = orders
    out = np.full(len(starts) - 1, np.nan)
    for i in range(len(out)):
        x, spend, first, last = 0.0, 0.0, 0, 0
        for j in range(starts[i], starts[i + 1]):
            if days[j] > day:
                break
            x = x * exp((last - days[j]) / shop.tau) + 1.0 if first else 0.0
            first = first or days[j]
            last = days[j]
            spend += minor[j]
        if first:
            out[i] = _health(x, (first, last, day), spend, shop, curve)
    return out


def matured(orders: OrderLog, day: int, spans: tuple[int, ...] = WINDOW_DAYS) -> tuple[Window, ...]:
    """The windows that end on `day`. Raises TooLittleError when none holds enough customers."""
    windows = []
    for span in spans:
        begin = day - span
        window = Window(begin, span, np.diff(orders.until(begin).starts) > 0, orders.buys_in(begin, day))
        came_back = int((window.known & window.bought).sum())
        enough = min(came_back, int(window.known.sum()) - came_back) >= LEAST_OF_EACH
        if enough and window.known.sum() >= LEAST_CUSTOMERS:
            windows.append(window)
    if not windows:
        raise TooLittleError(
            f"no window of {', '.join(map(str, spans))} days up to the cut-off holds {LEAST_CUSTOMERS} "
            f"customers, {LEAST_OF_EACH} who came back and {LEAST_OF_EACH} who did not: health stays a rank"
        )
    return tuple(windows)


def fit(orders: OrderLog, day: int, horizon: float) -> Fitted:
    """From what was known at the end of `day`. Raises TooLittleError."""
    windows = matured(orders, day)
    begun = most_likely(orders, day, horizon)
    start = np.array([*np.log(begun[:5]), 0.0, 1.0, 0.0])
    weight = sum(int(window.known.sum()) for window in windows)

    def cost(theta: Floats) -> float:
        prior = float(((theta[:5] - start[:5]) ** 2).sum()) / (2 * _SPREAD**2)
        return (sum(_loss(orders, window, theta) for window in windows) + prior) / weight

    bounds = [(at - 4, at + 4) for at in start[:5]] + [(-20.0, 20.0), (0.01, 10.0), (0.0, 5.0)]
    found = minimize(cost, start, method="L-BFGS-B", bounds=bounds).x
    return Fitted(_shop(found, horizon), _curve(found), windows)


def _shop(theta: Floats, horizon: float) -> ShopNumbers:
    r, alpha, a, b, tau = np.exp(theta[:5]).tolist()
    return ShopNumbers(r, alpha, a, b, tau, float(horizon))


def _curve(theta: Floats) -> Curve:
    return Curve(*theta[5:].tolist())


def _loss(orders: OrderLog, window: Window, theta: Floats) -> float:
    """Log loss summed over the customers of a window."""
    health = healths(orders, window.day, _shop(theta, window.horizon), _curve(theta))[window.known]
    right = np.where(window.bought[window.known], health, 1.0 - health)
    return float(-np.log(np.clip(right, 1e-12, 1.0)).sum())
