"""The loops: events into rows, rows into scores. What a reader of the rules would do by hand, compiled."""

from typing import Any

import numpy as np
from numba import njit

from services.scoring.domain import kinds as k
from services.scoring.domain.account import apply_account, apply_subscription
from services.scoring.domain.engagement import apply_engagement
from services.scoring.domain.facts import DIGEST_COLUMNS, N_FACTS, TAIL, facts_of
from services.scoring.domain.numbers import CardNumbers
from services.scoring.domain.orders import apply_order
from services.scoring.domain.purchase import rhythm_of
from services.scoring.domain.row import BACKFILL, BEHAVIOURAL_RING, COMMERCIAL_RING, SIGNALS, SIMULATED
from services.scoring.domain.score import combine, next_band, stage_of
from services.scoring.domain.signals import signals_of
from services.scoring.domain.support import apply_support

# What became of an event
APPLIED, DUPLICATE, SILENT = 1, 2, 3  # SILENT: applied, from an import, said later

MAIL_FEED, BEHAVES = 1, 2  # bits of `hints`, which the decoder gives beside each event


@njit(cache=True)
def hash_all(text: Any, ends: Any, out: Any) -> None:
    """64-bit FNV-1a of each piece of `text`, its bits mixed once more. 0 stands for an empty place."""
    start = 0
    for i in range(len(ends)):
        h = np.uint64(14695981039346656037)
        for j in range(start, ends[i]):
            h = (h ^ np.uint64(text[j])) * np.uint64(1099511628211)
        h = (h ^ (h >> np.uint64(33))) * np.uint64(18397679294719823053)
        h = h ^ (h >> np.uint64(29))
        out[i] = h if h != np.uint64(0) else np.uint64(1)
        start = ends[i]


@njit(cache=True)
def _holds(ring: Any, identity: Any) -> bool:
    for i in range(len(ring)):
        if ring[i] == identity:
            return True
    return False


@njit(cache=True)
def seen_before(row: Any, identity: Any, behaves: bool) -> bool:
    """Whether the ring of recent ids holds this one; if not, it is remembered."""
    if behaves:
        if _holds(row.behavioural, identity):
            return True
        row.behavioural[row.behavioural_next] = identity
        row.behavioural_next = (row.behavioural_next + 1) % BEHAVIOURAL_RING
    else:
        if _holds(row.commercial, identity):
            return True
        row.commercial[row.commercial_next] = identity
        row.commercial_next = (row.commercial_next + 1) % COMMERCIAL_RING
    return False


@njit(cache=True)
def apply_event(row: Any, ev: Any, feeds: Any, card: CardNumbers) -> None:
    """One event into the facts. Nothing here looks at what came before it, only at what is known."""
    row.first_seen = ev.at if row.first_seen == 0 else min(row.first_seen, ev.at)
    feeds.since = ev.at if feeds.since == 0 else min(feeds.since, ev.at)
    row.simulated |= (ev.flags & SIMULATED) != 0
    kind = ev.kind
    if kind == k.NO_FACT:
        return
    if kind <= k.LAST_ORDER:
        apply_order(row, ev, card.shop.tau)
    elif kind <= k.LAST_ENGAGEMENT:
        apply_engagement(row, ev, feeds)
    elif kind <= k.LAST_SUPPORT:
        apply_support(row, ev, card.mood_tau)
    elif kind <= k.LAST_SUBSCRIPTION:
        apply_subscription(row, ev)
    else:
        apply_account(row, ev)


@njit(cache=True)
def score_row(
    row: Any, now: int, feeds: Any, card: CardNumbers, values: Any, evidence: Any, points: Any
) -> Any:
    """Rhythm, score and confidence of a row at one moment; moves nothing."""
    rhythm = rhythm_of(row, now, card.shop)
    signals_of(row, now, rhythm, feeds, card, values, evidence)
    return rhythm, combine(values, evidence, card, points)


@njit(cache=True)
def apply_events(
    rows: Any, events: Any, hints: Any, ids: Any, tenants: Any, card: CardNumbers, start: int, outcome: Any
) -> int:
    """Events from `start` on; returns the next one. Stops before a live event of an imported customer
    whose import has not been said yet: the caller says it and goes on."""
    values, evidence, points = np.empty(SIGNALS), np.empty(SIGNALS), np.empty(SIGNALS)
    for i in range(start, len(events)):
        ev = events[i]
        row = rows[ev.slot]
        feeds = tenants[ev.tenant]
        silent = ev.flags & BACKFILL != 0
        if row.pending_import and not silent:
            return i
        row.tenant = ev.tenant
        if seen_before(row, ids[i], hints[i] & BEHAVES != 0):
            outcome[i] = DUPLICATE
            continue
        if hints[i] & MAIL_FEED:
            feeds.mail_last = max(feeds.mail_last, ev.at)
        apply_event(row, ev, feeds, card)
        if silent:
            row.pending_import = 1
            row.imported_at = max(row.imported_at, ev.received)
            outcome[i] = SILENT
            continue
        now = max(int(ev.received), int(row.scored_at))
        _, scored = score_row(row, now, feeds, card, values, evidence, points)
        row.band = next_band(row.band, scored.score, card)
        row.scored_at = now
        outcome[i] = APPLIED
    return len(events)


@njit(cache=True)
def _mix(h: Any, value: Any) -> Any:
    h = (h ^ value) * np.uint64(1099511628211)
    return h ^ (h >> np.uint64(29))


@njit(cache=True)
def digest_of(score: float, band: int, stage: int, facts: Any) -> Any:
    """All that a reader can see move, in 64 bits: score to 0.1, band, stage, counts and flags."""
    h = np.uint64(14695981039346656037)
    h = _mix(h, np.uint64(int(round(score * 10))))
    h = _mix(h, np.uint64(band * 8 + stage))
    tail = facts[TAIL]
    h = _mix(h, np.uint64(0 if np.isnan(tail) else 1 + int(round(tail * 100))))
    for i in range(len(DIGEST_COLUMNS)):
        value = facts[DIGEST_COLUMNS[i]]
        h = _mix(h, np.uint64(1) if np.isnan(value) else np.uint64(int(np.floor(value * 100)) + 1000))
    return h if h != np.uint64(0) else np.uint64(1)


@njit(cache=True)
def describe(
    rows: Any, slots: Any, nows: Any, tenants: Any, card: CardNumbers,
    signals: Any, heads: Any, facts: Any, digests: Any,
) -> None:  # fmt: skip
    """Everything a snapshot says of the rows in `slots`, each at its own now.

    `signals`: (n, 3, SIGNALS) values, evidence, points; `heads`: (n, 4) score, confidence, stage, p_buy
    (NaN = no rhythm); the band of the row moves on.
    """
    for i in range(len(slots)):
        row = rows[slots[i]]
        feeds = tenants[row.tenant]
        now = max(int(nows[i]), int(row.scored_at))
        rhythm, scored = score_row(row, now, feeds, card, signals[i, 0], signals[i, 1], signals[i, 2])
        row.band = next_band(row.band, scored.score, card)
        stage = stage_of(row, now, rhythm, card)
        heads[i, 0], heads[i, 1], heads[i, 2] = scored.score, scored.confidence, stage
        heads[i, 3] = rhythm.p_buy if rhythm.known else np.nan
        facts_of(row, now, rhythm, feeds, card, facts[i])
        digests[i] = digest_of(scored.score, row.band, stage, facts[i])


@njit(cache=True)
def find_changed(
    rows: Any, slots: Any, now: int, tenants: Any, card: CardNumbers, imports: bool, changed: Any
) -> int:
    """Which of `slots` would now say something new; how many there are. Imported rows only if `imports`."""
    values, evidence, points = np.empty(SIGNALS), np.empty(SIGNALS), np.empty(SIGNALS)
    facts = np.empty(N_FACTS)
    count = 0
    for i in range(len(slots)):
        row = rows[slots[i]]
        if row.pending_import:
            if imports:
                changed[count] = slots[i]
                count += 1
            continue
        feeds = tenants[row.tenant]
        at = max(now, int(row.scored_at))
        rhythm, scored = score_row(row, at, feeds, card, values, evidence, points)
        band = next_band(row.band, scored.score, card)
        facts_of(row, at, rhythm, feeds, card, facts)
        stage = stage_of(row, at, rhythm, card)
        if digest_of(scored.score, band, stage, facts) != row.said_digest:
            changed[count] = slots[i]
            count += 1
    return count


@njit(cache=True)
def rescore(rows: Any, slots: Any, now: int, tenants: Any, card: CardNumbers, scores: Any) -> None:
    """Scores alone, nothing moved: what re-scoring a file of customers costs."""
    values, evidence, points = np.empty(SIGNALS), np.empty(SIGNALS), np.empty(SIGNALS)
    for i in range(len(slots)):
        row = rows[slots[i]]
        feeds = tenants[row.tenant]
        _, scored = score_row(row, now, feeds, card, values, evidence, points)
        scores[i] = scored.score
