"""Shop numbers by maximum likelihood, from the order log alone: no label is needed.

The likelihood of one customer's purchases is a product over gaps: after each purchase a customer leaves with
chance `a / (a + b + x)`, and who stays is silent for longer than `e` with chance `S(e) = (1 + e/(g k))^-k`
(services/scoring/domain/purchase.py). Sources: Fader, Hardie and Lee 2005 (BG/NBD), Batislam et al. 2007
(MBG/NBD: one may leave after the first purchase too); the forgetting was measured on CDNOW.
"""

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.optimize import minimize

from services.scoring.domain.fitting.orders import OrderLog
from services.scoring.domain.numbers import ShopNumbers
from services.scoring.domain.purchase import own_gap, survival, tail_shape

LEAST_REPEAT_CUSTOMERS = 200  # fewer: the shop's gap alone is used
_SPREAD = 2.0  # the prior: each number within a factor of e^2 of where it starts, two times in three


@njit(cache=True)
def negative_log_likelihood(log: OrderLog, until: int, shop: ShopNumbers) -> float:
    """Minus the log likelihood of all purchases up to the end of day `until`."""
    r, _, a, b, tau, _ = shop
    days, _, starts = log
    total = 0.0
    for i in range(len(starts) - 1):
        x, first, last = 0.0, 0, 0
        for j in range(starts[i], starts[i + 1]):
            day = days[j]
            if day > until:
                break
            if first == 0:
                first = last = day
                continue
            gap = float(day - last)
            shape = tail_shape(r + x)
            own = own_gap(x, float(last - first), shop)
            stays = (b + x) / (a + b + x)
            total -= np.log(stays) - np.log(own) - (shape + 1.0) * np.log(1.0 + gap / (own * shape))
            x = x * np.exp(-gap / tau) + 1.0
            last = day
        if first:
            own = own_gap(x, float(last - first), shop)
            leaves = a / (a + b + x)
            silent = survival(float(until - last), own, tail_shape(r + x))
            total -= np.log(leaves + (1.0 - leaves) * silent)
    return total


def gap_scaled(log: OrderLog, until: int, horizon: float, tau: float = 365.0) -> ShopNumbers:
    """Untuned numbers for a shop whose usual gap is known; 60 days where nobody has come back yet."""
    gap = log.until(until).mean_gap
    return ShopNumbers(1.0, gap if gap == gap else 60.0, 1.0, 2.0, tau, horizon)  # noqa: PLR0124 (NaN)


def most_likely(log: OrderLog, until: int, horizon: float, tau: float = 365.0) -> ShopNumbers:
    """r, alpha, a and b that make the log up to the end of day `until` most likely; `tau` is given.

    With fewer than 200 customers who came back the gap-scaled numbers stand.
    """
    start = gap_scaled(log, until, horizon, tau)
    if log.until(until).repeat_customers < LEAST_REPEAT_CUSTOMERS:
        return start
    begin = np.log([start.r, start.alpha, start.a, start.b])

    def cost(theta: npt.NDArray[np.float64]) -> float:
        prior = float(((theta - begin) ** 2).sum()) / (2 * _SPREAD**2)
        r, alpha, a, b = np.exp(theta).tolist()
        return negative_log_likelihood(log, until, ShopNumbers(r, alpha, a, b, tau, horizon)) + prior

    found = minimize(cost, begin, method="L-BFGS-B", bounds=[(at - 8, at + 8) for at in begin])
    r, alpha, a, b = np.exp(found.x).tolist()
    return ShopNumbers(r, alpha, a, b, tau, horizon)
