"""Signals to score, contributions, confidence, band and stage."""

from typing import Any, NamedTuple

from numba import njit

from services.scoring.domain.buckets import whole
from services.scoring.domain.inlined import inlined
from services.scoring.domain.numbers import Board
from services.scoring.domain.orders import order_span
from services.scoring.domain.purchase import Rhythm
from services.scoring.domain.row import DAY, GREEN, RED, YELLOW
from services.scoring.domain.signals import OVERRIDE, SCORED_ALWAYS
from services.scoring.domain.signals.orders import will_buy

TICKS = 10_000  # points are whole ten-thousandths, so that contributions sum exactly

NEW, MID, LOYAL, LAPSED = 0, 1, 2, 3
STAGES = ("new", "mid", "loyal", "lapsed")
BANDS = ("yellow", "red", "yellow", "green")  # by ROW.band; 0 = not yet scored


class Scored(NamedTuple):
    score: float
    confidence: float


@inlined
def _weigh(board: Board, card: Any) -> Any:
    """Ticks that all signals add to the base, and the confidence."""
    values, evidence, points = board.values, board.evidence, board.points
    count = len(points) if board.shown or card.weighs_others else SCORED_ALWAYS  # the others weigh nothing
    seen = 0.0
    sure = 0.0
    for i in range(count):
        if evidence[i] >= 0.0:
            seen += card.weights[i]
            sure += card.weights[i] * min(evidence[i], 1.0)
    ticks = 0
    for i in range(count):
        points[i] = 0.0
        if evidence[i] >= 0.0 and seen > 0.0:
            value = min(max(values[i], 0.01), 99.99)  # keeps the rounded sum inside 0..100
            part = round(card.weights[i] / seen * (value - card.base) * TICKS)
            points[i] = part / TICKS
            ticks += part
    return ticks, sure


@inlined
def combine(row: Any, now: int, board: Board, card: Any) -> Scored:
    """Weights are shared over the signals that were ever seen; points sum to score minus base, exactly.

    While a person's word holds, it is the score, and its points are what they added to it.
    """
    ticks, sure = _weigh(board, card)
    if row.override_until > now:
        base = round(card.base * TICKS)
        part = row.override_score * TICKS - base - ticks
        board.values[OVERRIDE], board.evidence[OVERRIDE] = row.override_score, 1.0
        board.points[OVERRIDE] = part / TICKS
        ticks += part
    return Scored((card.base * TICKS + ticks) / TICKS, sure)


@njit(cache=True)
def plain_band(score: float, card: Any) -> int:
    if score >= card.green:
        return GREEN
    return YELLOW if score >= card.red else RED


@njit(cache=True)
def next_band(held: int, score: float, card: Any) -> int:
    """A band is left only when its border is passed by the margin, so that nothing flaps."""
    fresh = plain_band(score, card)
    if held in (0, fresh):
        return fresh
    if held == GREEN:
        return fresh if score < card.green - card.margin else held
    if held == RED:
        return fresh if score >= card.red + card.margin else held
    if fresh == GREEN:
        return fresh if score >= card.green + card.margin else held
    return fresh if score < card.red - card.margin else held


@njit(cache=True)
def tenure_of(row: Any, now: int) -> float:
    """Days since the first order, else since first seen."""
    first, _ = order_span(row, False)
    since = first or whole(row.first_seen)
    return max(now - since, 0) / DAY


@njit(cache=True)
def stage_of(row: Any, now: int, rhythm: Rhythm, card: Any) -> int:
    """Lapsed is gone by the customer's own rhythm; it stands beside the band."""
    if rhythm.known and will_buy(row, rhythm, card) < card.lapsed_below:
        return LAPSED
    tenure = tenure_of(row, now)
    if tenure < card.new_days:
        return NEW
    if tenure >= card.loyal_days and row.orders_total >= card.loyal_orders:
        return LOYAL
    return MID
