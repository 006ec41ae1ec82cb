"""Subscriptions, seats, surveys, contacts and reviews: the latest word on each wins."""

from typing import Any

from numba import njit

from services.scoring.domain import kinds as k
from services.scoring.domain.row import PRICED, SKIPS_KEPT

# ROW.sub_state, in the order of the wire's names
NONE, ACTIVE, PAUSED, CANCEL_REQUESTED, CANCELLED, PAST_DUE = 0, 1, 2, 3, 4, 5
MONTH_DAYS = 30.4375


@njit(cache=True)
def _state_after(kind: int) -> int:
    """The state a subscription event leads to; -1 if it leaves the state alone."""
    if kind == k.SUB_ACTIVE:
        return ACTIVE
    if kind == k.SUB_PAUSED:
        return PAUSED
    if kind == k.SUB_CANCEL_REQUESTED:
        return CANCEL_REQUESTED
    if kind == k.SUB_CANCELLED:
        return CANCELLED
    return PAST_DUE if kind == k.SUB_FAILED else -1


@njit(cache=True)
def _skip(row: Any, at: int) -> None:
    """Keep the latest skips: the earliest of them makes room."""
    least = 0
    for i in range(SKIPS_KEPT):
        if row.sub_skips[i] == at:
            return
        if row.sub_skips[i] < row.sub_skips[least]:
            least = i
    row.sub_skips[least] = max(row.sub_skips[least], at)


@njit(cache=True)
def _terms(row: Any, ev: Any) -> None:
    """Renewal date and monthly revenue (EVENT.code: days of the interval), each the latest told."""
    if ev.moment and ev.at >= row.renewal_known:
        row.renewal_at = max(row.renewal_at, ev.moment) if ev.at == row.renewal_known else ev.moment
        row.renewal_known = ev.at
    if ev.flags & PRICED and ev.code > 0 and ev.at >= row.mrr_known:
        monthly = round(ev.amount * MONTH_DAYS / ev.code)
        row.mrr = max(row.mrr, monthly) if ev.at == row.mrr_known else monthly
        row.mrr_known = ev.at


@njit(cache=True)
def apply_subscription(row: Any, ev: Any) -> None:
    """One event of the subscription family. Of two states at the same time the worse wins."""
    _terms(row, ev)
    if ev.kind == k.RENEWAL_SET:
        return
    row.sub_seen = 1
    if ev.kind == k.SUB_ACTIVE:
        row.sub_paid = max(row.sub_paid, ev.at)
    elif ev.kind == k.SUB_FAILED:
        row.sub_failed = max(row.sub_failed, ev.at)
    elif ev.kind == k.SUB_SKIPPED:
        _skip(row, ev.at)
    state = _state_after(ev.kind)
    if state >= 0 and (ev.at > row.sub_at or (ev.at == row.sub_at and state > row.sub_state)):
        row.sub_state, row.sub_at = state, ev.at


@njit(cache=True)
def skips_in_a_row(row: Any) -> int:
    """Skips since the last delivery that was paid."""
    count = 0
    for i in range(SKIPS_KEPT):
        count += row.sub_skips[i] > row.sub_paid
    return count


@njit(cache=True)
def _survey(row: Any, ev: Any) -> None:
    """The last answer on each survey's own scale; of two at the same time, the lower."""
    if ev.kind == k.SURVEY_NPS and ev.at >= row.nps_at:
        row.nps = min(row.nps, ev.code) if ev.at == row.nps_at else ev.code
        row.nps_at = ev.at
    elif ev.kind == k.SURVEY_CSAT and ev.at >= row.csat_at:
        row.csat = min(row.csat, ev.code) if ev.at == row.csat_at else ev.code
        row.csat_at = ev.at
    elif ev.kind == k.SURVEY_CES and ev.at >= row.ces_at:
        row.ces = min(row.ces, ev.code) if ev.at == row.ces_at else ev.code
        row.ces_at = ev.at


@njit(cache=True)
def apply_account(row: Any, ev: Any) -> None:
    """Surveys, seats, contacts, reviews, and what the shop says of the customer."""
    if ev.kind == k.SURVEY_ASKED:
        row.asked_at = max(row.asked_at, ev.at)
    elif ev.kind <= k.SURVEY_CES:
        _survey(row, ev)
    elif ev.kind == k.SEATS and ev.at >= row.seats_known:
        row.seats_known, row.seats_bought, row.seats_active = ev.at, ev.amount, ev.base
    elif ev.kind == k.CHAMPION:
        row.champion_at = max(row.champion_at, ev.at)
    elif ev.kind == k.REVIEW:
        row.reviews_positive += row.reviews_positive < 65_535
    elif ev.kind == k.DESCRIBED and ev.at >= row.described_at:
        row.described_at, row.excluded = ev.at, ev.code
        row.segment = ev.key
