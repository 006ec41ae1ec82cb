"""Subscriptions, seats, surveys, contacts, overrides: the latest word on each wins. Reviews and referrals."""

from typing import Any

from numba import njit

from services.scoring.domain import kinds as k
from services.scoring.domain.buckets import whole
from services.scoring.domain.row import DAY, PRICED, REFERRALS_KEPT, SKIPS_KEPT

# ROW.sub_state, in the order of the wire's names
NONE, ACTIVE, PAUSED, CANCEL_REQUESTED, CANCELLED, PAST_DUE = 0, 1, 2, 3, 4, 5
MONTH_DAYS = 30.4375
REVIEWS_MOST = 65_535  # what two bytes hold


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
def _renews(row: Any, at: int, moment: int) -> None:
    """The renewal date last told; of two at the same time, the later."""
    if at >= row.renewal_known:
        row.renewal_at = max(row.renewal_at, moment) if at == row.renewal_known else moment
        row.renewal_known = at


@njit(cache=True)
def _pays(row: Any, at: int, monthly: int) -> None:
    """The monthly revenue last told; of two at the same time, the larger."""
    if at >= row.mrr_known:
        row.mrr = max(row.mrr, monthly) if at == row.mrr_known else monthly
        row.mrr_known = at


@njit(cache=True)
def _terms(row: Any, ev: Any) -> None:
    """Renewal date and monthly revenue (EVENT.code: days of the interval)."""
    if ev.moment:
        _renews(row, ev.at, ev.moment)
    if ev.flags & PRICED and ev.code > 0:
        _pays(row, ev.at, round(ev.amount * MONTH_DAYS / ev.code))


@njit(cache=True)
def _becomes(row: Any, at: int, state: int) -> None:
    """The state last told; of two at the same time, the worse."""
    if at > row.sub_at or (at == row.sub_at and state > row.sub_state):
        row.sub_state, row.sub_at = state, at


@njit(cache=True)
def apply_subscription(row: Any, ev: Any) -> None:
    """One event of the subscription family."""
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
    if state >= 0:
        _becomes(row, ev.at, state)


@njit(cache=True)
def join_subscription(row: Any, other: Any) -> None:
    """Add what another customer's subscriptions told: a row has one state, the last."""
    _renews(row, other.renewal_known, other.renewal_at)
    _pays(row, other.mrr_known, other.mrr)
    _becomes(row, other.sub_at, other.sub_state)
    row.sub_seen |= other.sub_seen
    row.sub_paid = max(row.sub_paid, other.sub_paid)
    row.sub_failed = max(row.sub_failed, other.sub_failed)
    for i in range(SKIPS_KEPT):
        _skip(row, other.sub_skips[i])


@njit(cache=True)
def skips_in_a_row(row: Any) -> int:
    """Skips since the last delivery that was paid."""
    count = 0
    for i in range(SKIPS_KEPT):
        count += row.sub_skips[i] > row.sub_paid
    return count


@njit(cache=True)
def _survey(row: Any, kind: int, at: int, score: int) -> None:
    """The last answer on each survey's own scale; of two at the same time, the lower."""
    if kind == k.SURVEY_NPS and at >= row.nps_at:
        row.nps = min(row.nps, score) if at == row.nps_at else score
        row.nps_at = at
    elif kind == k.SURVEY_CSAT and at >= row.csat_at:
        row.csat = min(row.csat, score) if at == row.csat_at else score
        row.csat_at = at
    elif kind == k.SURVEY_CES and at >= row.ces_at:
        row.ces = min(row.ces, score) if at == row.ces_at else score
        row.ces_at = at


@njit(cache=True)
def _refers(row: Any, day: int) -> None:
    """Keep the latest days of referrals, latest first; two of one day are two."""
    for i in range(REFERRALS_KEPT):
        held = whole(row.referrals[i])
        if held < day:
            row.referrals[i], day = day, held


@njit(cache=True)
def referrals_since(row: Any, first: int) -> int:
    count = 0
    for i in range(REFERRALS_KEPT):
        count += row.referrals[i] != 0 and row.referrals[i] >= first
    return count


@njit(cache=True)
def _override(row: Any, at: int, score: int, until: int) -> None:
    """The override last told; of two at the same time, the lower score, then the longer one."""
    same = at == row.override_at
    worse = score < row.override_score or (score == row.override_score and until > row.override_until)
    if at > row.override_at or (same and worse):
        row.override_at, row.override_score, row.override_until = at, score, until


@njit(cache=True)
def apply_account(row: Any, ev: Any) -> None:
    """Surveys, seats, contacts, reviews, referrals, and what the shop says of the customer."""
    if ev.kind == k.SURVEY_ASKED:
        row.asked_at = max(row.asked_at, ev.at)
    elif ev.kind <= k.SURVEY_CES:
        _survey(row, ev.kind, ev.at, ev.code)
    elif ev.kind == k.SEATS and ev.at >= row.seats_known:
        row.seats_known, row.seats_bought, row.seats_active = ev.at, ev.amount, ev.base
    elif ev.kind == k.CHAMPION:
        row.champion_at = max(row.champion_at, ev.at)
    elif ev.kind == k.REVIEW:
        row.reviews_positive += row.reviews_positive < REVIEWS_MOST
    elif ev.kind == k.DESCRIBED and ev.at >= row.described_at:
        row.described_at, row.excluded = ev.at, ev.code
        row.segment = ev.key
    elif ev.kind == k.REFERRAL:
        _refers(row, whole(ev.at) // DAY)
    elif ev.kind == k.OVERRIDDEN:
        _override(row, ev.at, ev.code, ev.moment)


@njit(cache=True)
def join_account(row: Any, other: Any) -> None:
    """Add what another customer said and what was said of them.

    Of two words at the same second on seats or on segment and `excluded`, the row's own stays.
    """
    row.asked_at = max(row.asked_at, other.asked_at)
    _survey(row, k.SURVEY_NPS, other.nps_at, other.nps)
    _survey(row, k.SURVEY_CSAT, other.csat_at, other.csat)
    _survey(row, k.SURVEY_CES, other.ces_at, other.ces)
    row.champion_at = max(row.champion_at, other.champion_at)
    row.reviews_positive = min(whole(row.reviews_positive) + whole(other.reviews_positive), REVIEWS_MOST)
    for i in range(REFERRALS_KEPT):
        _refers(row, whole(other.referrals[i]))
    _override(row, other.override_at, other.override_score, other.override_until)
    if other.seats_known > row.seats_known:
        row.seats_known = other.seats_known
        row.seats_bought, row.seats_active = other.seats_bought, other.seats_active
    if other.described_at > row.described_at:
        row.described_at, row.segment, row.excluded = other.described_at, other.segment, other.excluded
