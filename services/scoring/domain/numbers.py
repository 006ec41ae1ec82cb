"""The numbers of a scorecard as the compiled loops take them: plain floats in named tuples."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class ShopNumbers(NamedTuple):
    """The purchase model's numbers of one shop (docs/health.md). Times in days."""

    r: float  # shape of how much customers' rates differ
    alpha: float  # with r: the shop's usual gap is alpha / r
    a: float  # with b: how readily customers leave after a purchase
    b: float
    tau: float  # how fast old purchases are forgotten
    horizon: float  # p_buy is the chance of a purchase within it


class CardNumbers(NamedTuple):
    """All that scoring a row needs from a scorecard."""

    shop: ShopNumbers
    anchor_logit: float  # signal value, as a logit, of a customer who has just bought once
    anchor_p: float  # that customer's p_buy, as a logit
    slope: float
    spend_slope: float
    intercept: float  # NaN: p_buy is no probability yet
    weights: npt.NDArray[np.float64]  # by signal; they add up to 1
    base: float
    par: float  # value of a signal that goes as it usually goes
    trend_slope: float
    engagement_shrink: float  # interactions of evidence that a trend must outweigh
    frequency_shrink: float  # orders
    frequency_days: int
    mood_tau: float  # days in which a sentiment fades to 37 %
    mood_shrink: float
    trouble_cost: float  # points of the support signal for each open trouble, two at most
    green: float
    red: float
    margin: float
    new_days: float
    loyal_days: float
    loyal_orders: int
    lapsed_below: float
    feed_days: float  # a source silent for longer, for the whole tenant, is not live


class World(NamedTuple):
    """What a row is scored against: its partition's tenants (row.TENANT) and the scorecard."""

    tenants: npt.NDArray[np.void]
    card: CardNumbers


class Board(NamedTuple):
    """Room for the signals of one row."""

    values: npt.NDArray[np.float64]
    evidence: npt.NDArray[np.float64]  # below 0: never seen
    points: npt.NDArray[np.float64]
