"""The signals, 0 to 100, each with its evidence (0 to 1), from one row at one moment.

Never seen: left out. Seen and then silent: it keeps its weight and holds its silent floor. None rises
because a window emptied or a feed stopped; what somebody said alone fades, toward `par`. A signal without a
weight is shown, not scored.
"""

from typing import Any

from numba import njit

from services.scoring.domain.engagement import count_days
from services.scoring.domain.inlined import inlined
from services.scoring.domain.numbers import Board, World, card_of
from services.scoring.domain.purchase import Rhythm
from services.scoring.domain.signals.account import onboarding, subscription, survey
from services.scoring.domain.signals.engagement import engagement_level, engagement_trend
from services.scoring.domain.signals.orders import order_frequency_trend, purchase_recency
from services.scoring.domain.signals.support import csm_sentiment, support_sentiment, support_unresolved
from services.scoring.domain.signals.usage import usage_breadth, usage_depth, usage_trend

# Their order is that of ROW.said_points: a new one goes to the end, and what is gone keeps its place.
NAMES = (
    *("purchase_recency", "engagement_trend", "order_frequency_trend", "support_sentiment"),
    "override",  # no signal: what a person's word adds to the score while it holds
    *("engagement_level", "support_unresolved", "csm_sentiment"),
    *("usage_depth", "usage_breadth", "usage_trend"),
    *("survey", "subscription", "onboarding"),
)
RECENCY, ENGAGEMENT, FREQUENCY, SUPPORT, OVERRIDE, LEVEL, UNRESOLVED, CSM = range(8)
DEPTH, BREADTH, USAGE, SURVEY, SUBSCRIPTION, ONBOARDING = range(8, 14)
COUNT = len(NAMES)
SCORED_ALWAYS = 4  # the first four are worked out for every score, the others where one has a weight
WEIGHABLE = tuple(name for name in NAMES if name != "override")


@njit(cache=True)
def _others(row: Any, now: int, feeds: Any, card: Any, board: Board) -> None:
    values, evidence = board.values, board.evidence
    values[LEVEL], evidence[LEVEL] = engagement_level(row, board.engaged, now, feeds, card)
    values[UNRESOLVED], evidence[UNRESOLVED] = support_unresolved(row, now, card)
    values[CSM], evidence[CSM] = csm_sentiment(row, now, card)
    values[DEPTH], evidence[DEPTH] = usage_depth(row, now, card)
    values[BREADTH], evidence[BREADTH] = usage_breadth(row, now, card)
    values[USAGE], evidence[USAGE] = usage_trend(row, now, card)
    values[SURVEY], evidence[SURVEY] = survey(row, now, card)
    values[SUBSCRIPTION], evidence[SUBSCRIPTION] = subscription(row, card)
    values[ONBOARDING], evidence[ONBOARDING] = onboarding(row, now, card)


@inlined
def signals_of(row: Any, now: int, rhythm: Rhythm, world: World, board: Board) -> None:
    """The signals of a row, onto the board: those that weigh, and if `shown` all of them."""
    card, feeds = card_of(row, world), world.tenants[row.tenant]
    values, evidence = board.values, board.evidence
    evidence[:] = -1.0
    if row.last_visit or row.last_click:
        count_days(row, board.engaged)
    values[RECENCY], evidence[RECENCY] = purchase_recency(row, rhythm, card)
    values[ENGAGEMENT], evidence[ENGAGEMENT] = engagement_trend(row, board.engaged, now, feeds, card)
    values[FREQUENCY], evidence[FREQUENCY] = order_frequency_trend(row, now, rhythm, card)
    values[SUPPORT], evidence[SUPPORT] = support_sentiment(row, now, card)
    if board.shown or card.weighs_others:
        _others(row, now, feeds, card, board)
