"""The numbers of a scorecard as the compiled loops take them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from services.scoring.domain.engagement import Days
from services.scoring.domain.inlined import inlined
from services.scoring.domain.row import SIGNALS


class ShopNumbers(NamedTuple):
    """The purchase model's numbers of one shop (docs/health.md). Times in days."""

    r: float  # shape of how much customers' rates differ
    alpha: float  # with r: the shop's usual gap is alpha / r
    a: float  # with b: how readily customers leave after a purchase
    b: float
    tau: float  # how fast old purchases are forgotten
    horizon: float  # p_buy is the chance of a purchase within it


CARD = np.dtype(
    [
        # the purchase model: a card stands wherever ShopNumbers are asked for
        *((name, "f8") for name in ShopNumbers._fields),
        ("anchor_logit", "f8"),  # signal value, as a logit, of a customer who has just bought once
        ("anchor_p", "f8"),  # that customer's p_buy, as a logit
        ("slope", "f8"),
        ("spend_slope", "f8"),
        ("intercept", "f8"),  # NaN: p_buy is no probability yet
        ("weights", "f8", (SIGNALS,)),  # by signal; they add up to 1
        ("weighs_others", "u1"),  # whether a signal beside the first four has a weight
        ("base", "f8"),
        ("par", "f8"),  # value of a signal that goes as it usually goes
        ("trend_slope", "f8"),
        ("engagement_shrink", "f8"),  # interactions of evidence that a trend must outweigh
        ("frequency_shrink", "f8"),  # orders
        ("usage_shrink", "f8"),  # uses
        ("frequency_days", "i8"),
        ("level_half", "f8"),  # interactions in 30 days that stand at 50
        ("usage_half", "f8"),  # uses in 14 days, for each active seat, that stand at 50
        ("mood_tau", "f8"),  # days in which a sentiment fades to 37 %
        ("mood_shrink", "f8"),
        ("trouble_cost", "f8"),  # points of the support signal for each open trouble, two at most
        ("patience", "f8"),  # days in which what is open or late halves a signal
        ("voice_tau", "f8"),  # days in which an answer or a person's word fades to 37 %
        ("green", "f8"),
        ("red", "f8"),
        ("margin", "f8"),
        ("new_days", "f8"),
        ("loyal_days", "f8"),
        ("loyal_orders", "i8"),
        ("lapsed_below", "f8"),
        ("feed_days", "f8"),  # a source silent for longer, for the whole tenant, is not live
    ]
)
"""All that scoring a row needs from a scorecard."""


class World(NamedTuple):
    """What a row is scored against: its partition's tenants (row.TENANT) and the scorecard."""

    tenants: npt.NDArray[np.void]
    cards: npt.NDArray[np.void]  # CARD; the first for everybody whose segment has none of its own
    places: npt.NDArray[np.uint8]  # by ROW.segment: which of the cards
    edition: int = 0  # ROW.said_card of what was said with this scorecard


class Numbers(NamedTuple):
    """A whole scorecard: the default card, and those of segments."""

    cards: npt.NDArray[np.void]  # CARD
    places: Mapping[str, int]  # by the name of a segment

    def world(self, tenants: npt.NDArray[np.void], segments: Sequence[str], edition: int = 0) -> World:
        """`segments` by their index in rows."""
        places = [self.places.get(name, 0) for name in segments]
        return World(tenants, self.cards, np.array(places, np.uint8), edition)


@inlined
def card_of(row: Any, world: World) -> Any:
    """The CARD by which a row is scored. What facts forget by (tau, mood_tau) is one for all of them."""
    return world.cards[world.places[row.segment]]


class Board(NamedTuple):
    """Room for the signals of one row."""

    values: npt.NDArray[np.float64]
    evidence: npt.NDArray[np.float64]  # below 0: never seen
    points: npt.NDArray[np.float64]
    engaged: Days  # room for engagement.count_days
    shown: bool  # whether signals without a weight are wanted too
