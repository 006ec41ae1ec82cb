"""A row as the vocabulary of libs.events.facts: one float a column, NaN = not known.

Times are seconds, flags 0 or 1.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from libs.events import Facts
from services.scoring.domain.account import ACTIVE, CANCELLED, NONE, referrals_since, skips_in_a_row
from services.scoring.domain.buckets import bits_sum, nibble_sum, whole
from services.scoring.domain.engagement import Days, engaged_between
from services.scoring.domain.inlined import inlined
from services.scoring.domain.numbers import World, card_of
from services.scoring.domain.onboarding import milestones
from services.scoring.domain.orders import order_span
from services.scoring.domain.purchase import Rhythm
from services.scoring.domain.row import DAY, ORDERS_KEPT, TICKETS_KEPT
from services.scoring.domain.score import tenure_of
from services.scoring.domain.signals.engagement import WINDOW, feed_asof
from services.scoring.domain.support import is_open, is_trouble, trouble
from services.scoring.domain.usage import FRESH_DAYS, features_since, uses_between, weekly_variance

COLUMNS: tuple[str, ...] = tuple(Facts.model_fields)
N_FACTS = len(COLUMNS)
SUBSCRIPTION_STATES = ("none", "active", "paused", "cancel_requested", "cancelled", "past_due")
LATEST_DAY = 1 << 20  # after every day a row can hold
PARCEL_DAYS = 60  # a parcel without news for longer is not open any more

_at = COLUMNS.index
FIRST_SEEN, DATA_SINCE, TENURE, IMPORTED = map(
    _at, ("first_seen_at", "data_since", "tenure_days", "imported_at")
)
EXCLUDED, ORDERS_TOTAL, ORDERS_90D = map(_at, ("excluded", "orders_total", "orders_90d"))
FIRST_ORDER, LAST_ORDER, SPEND = map(_at, ("first_order_at", "last_order_at", "spend_total"))
OWN_GAP, OVERDUE, TAIL = map(_at, ("own_gap_days", "days_overdue", "silence_tail_p"))
ENGAGED, ENGAGED_PREV, CLICKS = map(_at, ("engagement_30d", "engagement_prev_30d", "clicks_30d"))
SENDS_SINCE, UNSUBSCRIBED = map(_at, ("sends_since_engagement", "unsubscribed_at"))
SITE_KNOWN, SITE_LIVE, LAST_VISIT = map(_at, ("site_known", "site_tracking_live", "last_visit_at"))
LAST_ACTIVITY, VISITS, VISITS_SINCE = map(_at, ("last_activity_at", "visits_30d", "visits_since_order"))
LAST_RETURN, RETURNED_SHARE, OPEN_SHIPMENT = map(_at, ("last_return_at", "returned_share", "open_shipment"))
OPEN_TICKETS, OPEN_NEGATIVE, OLDEST_NEGATIVE = map(
    _at, ("open_tickets", "open_negative_tickets", "oldest_negative_at")
)
TICKETS_14D, TICKETS_BASELINE = map(_at, ("tickets_14d", "tickets_baseline"))
SUB_STATE, SUB_CHANGED, SKIPS = map(_at, ("subscription_state", "subscription_changed_at", "skips"))
RENEWAL, PAYMENT_FAILED, MRR = map(_at, ("renewal_at", "payment_failed_at", "mrr"))
SEATS_ACTIVE, SEATS_BOUGHT, CHAMPION = map(_at, ("seats_active", "seats_bought", "champion_changed_at"))
NPS, CSAT, CES, ASKED, CSM = map(_at, ("nps", "csat", "ces", "survey_asked_at", "csm_sentiment"))
REVIEWS, REFERRALS, OVERRIDE = map(_at, ("reviews_positive", "referrals_90d", "override_until"))
USAGE, USAGE_PREV, USAGE_VARIANCE = map(_at, ("usage_14d", "usage_prev_14d", "usage_variance"))
FEATURES, FEATURES_AVAILABLE = map(_at, ("features_used_30d", "features_available"))
MILESTONES, MILESTONE_DUE = map(_at, ("milestones_reached", "milestone_due_at"))
FIRST_VALUE, VALUE_PROVEN = map(_at, ("first_value_at", "value_proven_at"))

# Times age at the reader, reals move every second: neither makes a sweep speak.
_NOT_COMPARED = {"tenure_days", "own_gap_days", "days_overdue", "tickets_baseline", "silence_tail_p"}
_NOT_COMPARED |= {"data_since", "override_until", "usage_variance", "currency"}
DIGEST_COLUMNS = np.array(
    [i for i, name in enumerate(COLUMNS) if not name.endswith("_at") and name not in _NOT_COMPARED]
)
"""What a sweep compares: counts, flags and states."""


class Sheet(NamedTuple):
    """A row's facts, and what some of them are read from."""

    engaged: Days  # as score_row left it on the board
    facts: npt.NDArray[np.float64]  # one value a column of COLUMNS


@njit(cache=True)
def _when(at: int) -> float:
    return float(at) if at else np.nan


@njit(cache=True)
def _orders(row: Any, now: int, rhythm: Rhythm, out: Any) -> None:
    first, last = order_span(row, False)
    today = now // DAY
    out[ORDERS_TOTAL] = row.orders_total
    out[ORDERS_90D] = nibble_sum(row.orders, row.orders_day, today - 89, today)
    out[FIRST_ORDER], out[LAST_ORDER] = _when(first), _when(last)
    out[SPEND] = max(row.spend, 0)
    if rhythm.known:
        out[OWN_GAP] = rhythm.gap
        out[OVERDUE] = rhythm.silence - rhythm.gap
        out[TAIL] = min(max(rhythm.tail, 0.0), 1.0)


@inlined
def _engagement(row: Any, now: int, world: World, sheet: Sheet) -> None:
    feeds, card, out = world.tenants[row.tenant], card_of(row, world), sheet.facts
    today = now // DAY
    _, last_order = order_span(row, False)
    last_activity = max(whole(row.last_visit), whole(row.last_click), last_order)
    live = feeds.site_last != 0 and now - whole(feeds.site_last) <= card.feed_days * DAY
    known = row.last_visit != 0 or row.last_click != 0
    out[SITE_KNOWN], out[SITE_LIVE] = row.last_visit != 0, live
    out[LAST_VISIT], out[LAST_ACTIVITY] = _when(row.last_visit), _when(last_activity)
    if known and feed_asof(row, now, feeds, card) >= now:  # else: not heard, so not counted
        out[ENGAGED] = engaged_between(row, sheet.engaged, today - WINDOW + 1, today)
        out[ENGAGED_PREV] = engaged_between(row, sheet.engaged, today - 2 * WINDOW + 1, today - WINDOW)
        out[CLICKS] = nibble_sum(row.clicks, row.engaged_day, today - WINDOW + 1, today)
    if row.last_visit and live:
        out[VISITS] = bits_sum(row.visits, row.engaged_day, today - WINDOW + 1, today)
    if row.last_visit:
        since = last_order // DAY + 1 if last_order else 0
        out[VISITS_SINCE] = bits_sum(row.visits, row.engaged_day, since, LATEST_DAY)
    if row.sends_day:
        out[SENDS_SINCE] = nibble_sum(
            row.sends, row.sends_day, last_activity // DAY + 1, whole(row.sends_day)
        )
    if row.unsubscribed > row.resubscribed:
        out[UNSUBSCRIBED] = row.unsubscribed


@njit(cache=True)
def _returns(row: Any, now: int, out: Any) -> None:
    out[LAST_RETURN] = _when(row.return_at)
    base = row.return_base
    for i in range(ORDERS_KEPT):
        if base == 0 and row.return_at and row.order_key[i] == row.return_order:
            base = row.order_amount[i]
    if row.return_at and base > 0 and row.return_amount > 0:
        out[RETURNED_SHARE] = min(row.return_amount / base, 1.0)
    if row.shipped:
        out[OPEN_SHIPMENT] = row.shipped > row.delivered and now - whole(row.shipped) < PARCEL_DAYS * DAY


@njit(cache=True)
def _support(row: Any, now: int, out: Any) -> None:
    if row.tickets_total == 0 and row.ticket_opened[0] == 0 and row.trouble_opened == 0:
        return
    today = now // DAY
    negative, oldest = trouble(row)
    open_now, hidden = 0, negative
    for i in range(TICKETS_KEPT):
        open_now += is_open(row, i)
        hidden -= is_trouble(row, i)
    out[OPEN_TICKETS], out[OPEN_NEGATIVE] = open_now + hidden, negative
    out[OLDEST_NEGATIVE] = _when(oldest)
    out[TICKETS_14D] = nibble_sum(row.tickets, row.tickets_day, today - 13, today)
    before = max(row.tickets_total - out[TICKETS_14D], 0.0)
    out[TICKETS_BASELINE] = 14.0 * before / max(tenure_of(row, now) - 14.0, 14.0)


@njit(cache=True)
def _account(row: Any, out: Any) -> None:
    if row.sub_seen:
        out[SUB_STATE] = ACTIVE if row.sub_state == NONE else row.sub_state
        out[SUB_CHANGED] = _when(row.sub_at)
        out[SKIPS] = skips_in_a_row(row)
        if row.sub_failed > row.sub_paid:
            out[PAYMENT_FAILED] = row.sub_failed
    if row.mrr_known:
        out[MRR] = 0 if row.sub_state == CANCELLED else max(row.mrr, 0)
    out[RENEWAL] = _when(row.renewal_at)
    if row.seats_known:
        out[SEATS_ACTIVE], out[SEATS_BOUGHT] = row.seats_active, row.seats_bought
    out[CHAMPION] = _when(row.champion_at)


@njit(cache=True)
def _usage(row: Any, now: int, out: Any) -> None:
    if row.usage_first:
        today = now // DAY
        out[USAGE] = uses_between(row, today - 13, today)
        out[USAGE_PREV] = uses_between(row, today - 27, today - 14)
        out[FEATURES] = features_since(row, today - FRESH_DAYS + 1)
        variance = weekly_variance(row, today)
        if variance >= 0.0:
            out[USAGE_VARIANCE] = variance
    if row.features_day:
        out[FEATURES_AVAILABLE] = row.features_available


@njit(cache=True)
def _onboarding(row: Any, out: Any) -> None:
    if row.milestone_key[0]:
        out[MILESTONES], due = milestones(row)
        out[MILESTONE_DUE] = _when(due * DAY)
    out[FIRST_VALUE], out[VALUE_PROVEN] = _when(row.first_value), _when(row.value_proven)


@njit(cache=True)
def _voice(row: Any, now: int, out: Any) -> None:
    if row.nps_at:
        out[NPS] = row.nps
    if row.csat_at:
        out[CSAT] = row.csat
    if row.ces_at:
        out[CES] = row.ces
    out[ASKED] = _when(row.asked_at)
    if row.csm_at:
        out[CSM] = row.csm
    if row.reviews_positive:
        out[REVIEWS] = row.reviews_positive
    if row.referrals[0]:
        out[REFERRALS] = referrals_since(row, now // DAY - 89)


@inlined
def facts_of(row: Any, now: int, rhythm: Rhythm, world: World, sheet: Sheet) -> None:
    """Fill the sheet's facts."""
    out = sheet.facts
    out[:] = np.nan
    out[FIRST_SEEN], out[DATA_SINCE] = _when(row.first_seen), _when(world.tenants[row.tenant].since)
    out[TENURE], out[IMPORTED] = tenure_of(row, now), _when(row.imported_at)
    out[EXCLUDED] = row.excluded
    if row.override_until > now:
        out[OVERRIDE] = row.override_until
    _orders(row, now, rhythm, out)
    _engagement(row, now, world, sheet)
    _returns(row, now, out)
    _support(row, now, out)
    _account(row, out)
    _usage(row, now, out)
    _onboarding(row, out)
    _voice(row, now, out)
