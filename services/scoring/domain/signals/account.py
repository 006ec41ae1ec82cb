"""Signals from surveys, the subscription and the way into the product."""

from typing import Any

from numba import njit

from services.scoring.domain.account import PAST_DUE, skips_in_a_row
from services.scoring.domain.buckets import whole
from services.scoring.domain.onboarding import milestones
from services.scoring.domain.row import DAY, MILESTONES_KEPT
from services.scoring.domain.signals.scale import days_between, fade, waited

# Share of `par` by ROW.sub_state (none, active, paused, cancel requested, cancelled, past due), by how many
# stay: a card that failed is mostly made good, a pause is half an end. Not validated.
_STANDING = (1.0, 1.0, 0.4, 0.15, 0.0, 0.6)
_SKIP_POINTS = 10.0  # for each delivery skipped in a row


@njit(cache=True)
def _answer(at: int, share: float, now: int, card: Any) -> Any:
    """How far an answer (0 to 1 on its scale) still pulls from `par`, and how much it still weighs."""
    left = fade(whole(at), now, card.voice_tau) if at else 0.0
    return left * (100.0 * min(max(share, 0.0), 1.0) - card.par), left


@njit(cache=True)
def survey(row: Any, now: int, card: Any) -> Any:
    """The last NPS (0-10), CSAT (1-5), CES (1-7, 7 is easy), each on its own scale, fading toward `par`."""
    nps = _answer(row.nps_at, row.nps / 10.0, now, card)
    csat = _answer(row.csat_at, (row.csat - 1.0) / 4.0, now, card)
    ces = _answer(row.ces_at, (row.ces - 1.0) / 6.0, now, card)
    weight = nps[1] + csat[1] + ces[1]
    if weight == 0.0:
        return 0.0, -1.0
    return card.par + (nps[0] + csat[0] + ces[0]) / max(weight, 1.0), min(weight, 1.0)


@njit(cache=True)
def subscription(row: Any, card: Any) -> Any:
    """Where the last subscription stands; skips and a payment not made good press down."""
    if row.sub_seen == 0:
        return 0.0, -1.0
    standing = _STANDING[row.sub_state]
    if row.sub_failed > row.sub_paid:
        standing = min(standing, _STANDING[PAST_DUE])
    return max(card.par * standing - _SKIP_POINTS * skips_in_a_row(row), 0.0), 1.0


@njit(cache=True)
def onboarding(row: Any, now: int, card: Any) -> Any:
    """Share of the milestones that was reached, from `par` up; under it while one is late."""
    planned = 0
    for i in range(MILESTONES_KEPT):
        planned += row.milestone_key[i] != 0
    if planned == 0:
        return 0.0, -1.0
    reached, due = milestones(row)
    evidence = planned / (planned + 1.0)
    if due and now > due * DAY:
        return waited(days_between(due * DAY, now), card), evidence
    return card.par + (100.0 - card.par) * reached / planned, evidence
