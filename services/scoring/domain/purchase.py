"""The purchase rhythm: the O(1) model of BG/NBD kin with forgetting, one closed form a customer.

Sources: Fader, Hardie and Lee 2005 (BG/NBD), Batislam et al. 2007 (MBG/NBD); the forgetting was measured
on CDNOW. Where the papers count weeks, everything here is in days.

Rates drift, so a hundred gaps tell no more about the next than a few: the evidence in the tail is held under
STEADY, as it is where each new observation discounts the old ones (Harvey and Fernandes 1989, "Time series
models for count or qualitative observations"). Why 4: decision 0023.
"""

from math import exp, log
from typing import Any, NamedTuple

from numba import njit

from services.scoring.domain.buckets import whole
from services.scoring.domain.numbers import ShopNumbers
from services.scoring.domain.orders import order_span
from services.scoring.domain.row import DAY

STEADY = 4.0  # orders; the same for every shop: the likelihood of gaps in a log does not find it


class Rhythm(NamedTuple):
    """How one customer buys, at one moment."""

    known: bool
    repeats: float  # x_d: repeat order days, forgotten with tau
    gap: float  # the customer's own mean gap in days, shrunk toward the shop's
    silence: float  # days since the last order of the rhythm
    tail: float  # chance that a live customer is silent this long
    p_buy: float  # chance of a purchase within the horizon


@njit(cache=True)
def tail_shape(n: float) -> float:
    """The shape k = n / (1 + n/STEADY), n = r + x_d: how thin the tail of a customer's silences may be."""
    return n / (1.0 + n / STEADY)


@njit(cache=True)
def survival(silence: float, gap: float, shape: float) -> float:
    """S(e) = (1 + e/(g k))^-k: the chance that a live customer is silent for `silence` days."""
    return exp(-shape * log(1.0 + silence / (gap * shape)))


@njit(cache=True)
def own_gap(repeats: float, span: float, shop: ShopNumbers) -> float:
    """G = (alpha + t_d)/n, t_d = tau (1 - exp(-span/tau)): days, shrunk toward the shop's.

    `span`: days from the first purchase to the last.
    """
    return (shop.alpha + shop.tau * (1.0 - exp(-span / shop.tau))) / (shop.r + repeats)


@njit(cache=True)
def chance(repeats: float, gap: float, silence: float, shop: ShopNumbers) -> Any:
    """S(e) and p_buy = (1 - S(e+h)/S(e)) / (1 + odds_lost), odds_lost = a/(b + x_d) / S(e).

    Both fall with silence alone: S falls, so the odds of being lost rise, and the hazard
    of a customer still alive is decreasing.
    """
    shape = tail_shape(shop.r + repeats)
    tail = survival(silence, gap, shape)
    again = 1.0 - survival(silence + shop.horizon, gap, shape) / max(tail, 1e-300)
    odds_lost = shop.a / (shop.b + repeats) / max(tail, 1e-300)
    return tail, again / (1.0 + odds_lost)


@njit(cache=True)
def rhythm_of(row: Any, now: int, shop: ShopNumbers) -> Rhythm:
    """The customer's rhythm from the facts; unknown until an order that is no gift."""
    first, last = order_span(row, True)
    if last == 0:
        return Rhythm(False, 0.0, 0.0, 0.0, 1.0, 0.0)
    first_day, last_day = first // DAY, last // DAY
    seen_from_last = row.occasions * exp((whole(row.occasions_day) - last_day) / shop.tau)
    repeats = max(seen_from_last - exp((first_day - last_day) / shop.tau), 0.0)
    gap = own_gap(repeats, float(last_day - first_day), shop)
    silence = max(now - last, 0) / DAY
    tail, p_buy = chance(repeats, gap, silence, shop)
    return Rhythm(True, repeats, gap, silence, tail, p_buy)
