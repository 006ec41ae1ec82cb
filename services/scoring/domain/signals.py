"""The signals, 0 to 100, each with its evidence (0 to 1), from one row at one moment.

Never seen: left out. Seen and then silent: it keeps its weight and holds its silent floor. None rises
because a window emptied or a feed stopped; negative support evidence alone fades, toward `par`.
"""

from math import exp, isnan, log
from typing import Any

from numba import njit

from services.scoring.domain.buckets import whole
from services.scoring.domain.engagement import engaged_between, engaged_on
from services.scoring.domain.numbers import Board, CardNumbers, World
from services.scoring.domain.orders import order_days_in, order_span
from services.scoring.domain.purchase import Rhythm
from services.scoring.domain.row import DAY
from services.scoring.domain.support import trouble

NAMES = ("purchase_recency", "engagement_trend", "order_frequency_trend", "support_sentiment")
RECENCY, ENGAGEMENT, FREQUENCY, SUPPORT = 0, 1, 2, 3
SCORED = len(NAMES)  # signals in use; a row has places for more (row.SIGNALS)

WINDOW = 30  # days of an engagement window


@njit(cache=True)
def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + exp(-x))


@njit(cache=True)
def logit(p: float) -> float:
    return log(p / (1.0 - p))


@njit(cache=True)
def trend_value(ratio: float, card: CardNumbers) -> float:
    """A ratio to what is usual as 0 to 100: `par` at 1, falling below, rising above."""
    return 100.0 * sigmoid(logit(card.par / 100.0) + card.trend_slope * log(ratio))


@njit(cache=True)
def clamped(p: float) -> float:
    """Where a logit exists."""
    return min(max(p, 1e-12), 1.0 - 1e-12)


@njit(cache=True)
def health_of(p: float, spend: float, intercept: float, slope: float, spend_slope: float) -> float:
    """The fitted chance of a purchase: 1 / (1 + exp(-(c0 + c1 logit(p) + c2 log1p(spend))))."""
    return sigmoid(intercept + slope * logit(clamped(p)) + spend_slope * log(1.0 + spend))


@njit(cache=True)
def will_buy(row: Any, rhythm: Rhythm, card: CardNumbers) -> float:
    """p_buy as it is told: once it has been fitted, the share of such customers who do buy."""
    if not rhythm.known or isnan(card.intercept):
        return rhythm.p_buy
    return health_of(rhythm.p_buy, max(row.spend, 0), card.intercept, card.slope, card.spend_slope)


@njit(cache=True)
def purchase_recency(row: Any, rhythm: Rhythm, card: CardNumbers) -> Any:
    """p_buy on a scale where a customer who has just bought for the first time stands at the anchor."""
    if not rhythm.known:
        return 0.0, -1.0
    p = clamped(rhythm.p_buy)
    spend = card.spend_slope * log(1.0 + max(row.spend, 0))
    value = 100.0 * sigmoid(card.anchor_logit + card.slope * (logit(p) - card.anchor_p) + spend)
    return value, (rhythm.repeats + 1.0) / (rhythm.repeats + 2.0)


@njit(cache=True)
def feed_asof(row: Any, now: int, feeds: Any, card: CardNumbers) -> int:
    """The moment up to which this customer's engagement was listened to.

    A feed that has been silent for the whole tenant is missing, not silence (FIELD.md 2): what it
    measures stands as it stood when the feed was last alive.
    """
    grace = whole(card.feed_days * DAY)
    asof = now
    if row.last_visit:
        asof = min(asof, whole(feeds.site_last) + grace)
    if row.last_click:
        asof = min(asof, whole(feeds.mail_last) + grace)
    return asof


@njit(cache=True)
def usual_engagement(row: Any, today: int) -> int:
    """What the last 30 days are held against: the 30 days before, and in silence never less than it was.

    While the customer is silent the window before slides over what was once recent; the largest
    sum it has had since the last interaction holds, so an emptying window does not look like recovery.
    """
    last = whole(row.engaged_day)
    start = min(last, today)
    total = engaged_between(row, start - 2 * WINDOW + 1, start - WINDOW)
    best = total
    for day in range(start + 1, min(today, last + 2 * WINDOW) + 1):
        total += engaged_on(row, day - WINDOW) - engaged_on(row, day - 2 * WINDOW)
        best = max(best, total)
    return best


@njit(cache=True)
def engagement_trend(row: Any, now: int, feeds: Any, card: CardNumbers) -> Any:
    """30 days against the 30 before, shrunk by the evidence. Orders alone do not make it seen."""
    if row.last_visit == 0 and row.last_click == 0:
        return 0.0, -1.0
    asof = feed_asof(row, now, feeds, card)
    today = asof // DAY
    recent = engaged_between(row, today - WINDOW + 1, today)
    usual = usual_engagement(row, today)
    shrink = card.engagement_shrink
    evidence = (recent + usual) / (recent + usual + shrink)
    if asof < now:
        evidence *= 0.5  # heard from up to then only
    return trend_value((recent + shrink) / (usual + shrink), card), evidence


@njit(cache=True)
def order_frequency_trend(row: Any, now: int, rhythm: Rhythm, card: CardNumbers) -> Any:
    """Repeat order days of the window against those the own gap lets expect, shrunk by the evidence.

    In silence what is expected stays and what is counted falls. Needs two order days: one is no rhythm.
    """
    first, last = order_span(row, True)
    if last // DAY == first // DAY:
        return 0.0, -1.0
    today, first_day = now // DAY, first // DAY
    since = max(today - card.frequency_days + 1, first_day + 1)
    recent = order_days_in(row, since, today)
    days = min(max((now - first) / DAY, 0.0), float(card.frequency_days))
    expected = days / rhythm.gap
    shrink = card.frequency_shrink
    value = trend_value((recent + shrink) / (expected + shrink), card)
    return value, (recent + expected) / (recent + expected + shrink)


@njit(cache=True)
def support_sentiment(row: Any, now: int, card: CardNumbers) -> Any:
    """Decayed sentiments around `par`; open trouble presses down, and while it is open nothing fades."""
    open_now, _ = trouble(row)
    if row.mood_at == 0 and open_now == 0:
        return 0.0, -1.0
    age = 0.0 if open_now else max(now - whole(row.mood_at), 0) / DAY
    fade = exp(-age / card.mood_tau)
    weight = row.mood_weight * fade
    mood = row.mood_sum * fade / (weight + card.mood_shrink)
    value = card.par + mood * (100.0 - card.par if mood > 0 else card.par)
    value = max(value - card.trouble_cost * min(open_now, 2), 0.0)
    return value, 1.0 if open_now else weight / (weight + card.mood_shrink)


@njit(cache=True)
def signals_of(row: Any, now: int, rhythm: Rhythm, world: World, board: Board) -> None:
    """All signals of a row, onto the board."""
    card, feeds = world.card, world.tenants[row.tenant]
    values, evidence = board.values, board.evidence
    values[RECENCY], evidence[RECENCY] = purchase_recency(row, rhythm, card)
    values[ENGAGEMENT], evidence[ENGAGEMENT] = engagement_trend(row, now, feeds, card)
    values[FREQUENCY], evidence[FREQUENCY] = order_frequency_trend(row, now, rhythm, card)
    values[SUPPORT], evidence[SUPPORT] = support_sentiment(row, now, card)
