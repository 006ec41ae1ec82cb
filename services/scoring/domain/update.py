"""The loops: events into rows, rows into scores. What a reader of the rules would do by hand, compiled."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from services.scoring.domain import kinds as k
from services.scoring.domain.account import apply_account, apply_subscription
from services.scoring.domain.buckets import whole
from services.scoring.domain.engagement import apply_engagement, new_days
from services.scoring.domain.facts import DIGEST_COLUMNS, N_FACTS, TAIL, Sheet, facts_of
from services.scoring.domain.inlined import inlined
from services.scoring.domain.numbers import Board, World, card_of
from services.scoring.domain.onboarding import apply_onboarding
from services.scoring.domain.orders import apply_order
from services.scoring.domain.purchase import rhythm_of
from services.scoring.domain.rings import SEEN, UNSURE, remember
from services.scoring.domain.row import BACKFILL, SIMULATED
from services.scoring.domain.score import combine, next_band, stage_of
from services.scoring.domain.signals import COUNT, signals_of
from services.scoring.domain.signals.orders import will_buy
from services.scoring.domain.support import apply_support
from services.scoring.domain.usage import apply_usage

# What became of an event
APPLIED, DUPLICATE, SILENT = 1, 2, 3  # SILENT: applied, from an import, said later

MAIL_FEED, BEHAVES = 1, 2  # bits of `hints`, which the decoder gives beside each event
PAST_RING = 4  # set in `hints` by apply_events: live and unsure (rings), so perhaps counted twice


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
def apply_event(row: Any, ev: Any, feeds: Any, card: Any) -> None:
    """One event into the facts. Nothing here looks at what came before it, only at what is known."""
    row.first_seen = ev.at if row.first_seen == 0 else min(row.first_seen, ev.at)
    feeds.since = ev.at if feeds.since == 0 else min(feeds.since, ev.at)
    row.simulated |= (ev.flags & SIMULATED) != 0
    kind = ev.kind
    if kind == k.NO_FACT:
        return
    if kind <= k.LAST_ORDER:
        apply_order(row, ev, card.tau)
    elif kind <= k.LAST_ENGAGEMENT:
        apply_engagement(row, ev, feeds)
    elif kind <= k.LAST_SUPPORT:
        apply_support(row, ev, card.mood_tau)
    elif kind <= k.LAST_SUBSCRIPTION:
        apply_subscription(row, ev)
    elif kind <= k.LAST_ACCOUNT:
        apply_account(row, ev)
    elif kind == k.USAGE:
        apply_usage(row, ev)
    else:
        apply_onboarding(row, ev)


@inlined
def score_row(row: Any, now: int, world: World, board: Board) -> Any:
    """Rhythm, score and confidence of a row at one moment; moves nothing."""
    card = card_of(row, world)
    rhythm = rhythm_of(row, now, card)
    signals_of(row, now, rhythm, world, board)
    return rhythm, combine(row, now, board, card)


@njit(cache=True)
def _new_board() -> Board:
    return Board(np.empty(COUNT), np.empty(COUNT), np.empty(COUNT), new_days(), False)


class Columns(NamedTuple):
    """A run of events, ready for the loops."""

    events: npt.NDArray[np.void]  # row.EVENT
    hints: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.uint64]


@njit(cache=True)
def is_stale(row: Any, world: World) -> bool:
    """Last said with another scorecard. Who owes a word says it as news, whatever the card."""
    return bool(row.said_band != 0 and row.said_card != world.edition and row.said_digest != 0)


@njit(cache=True)
def apply_events(rows: Any, columns: Columns, world: World, start: int, outcome: Any) -> int:
    """Events from `start` on; returns the next one.

    Stops before a live event of a customer who has to be said first, because they were imported or the
    scorecard is another one: the caller says it and goes on. Imported events are never PAST_RING: history is
    older than any ring, so all of it would be. An import that is sent twice counts twice what lies past them.
    """
    board = _new_board()
    for i in range(start, len(columns.events)):
        ev = columns.events[i]
        row = rows[ev.slot]
        silent = ev.flags & BACKFILL != 0
        if (row.pending_import or is_stale(row, world)) and not silent:
            return i
        row.tenant = ev.tenant
        known = remember(row, ev, columns.ids[i], columns.hints[i] & BEHAVES != 0)
        if known == SEEN:
            outcome[i] = DUPLICATE
            continue
        if known == UNSURE and not silent:
            columns.hints[i] |= PAST_RING
        feeds = world.tenants[ev.tenant]
        if columns.hints[i] & MAIL_FEED:
            feeds.mail_last = max(feeds.mail_last, ev.at)
        apply_event(row, ev, feeds, world.cards[0])
        if silent:
            row.pending_import = 1
            row.imported_at = max(row.imported_at, ev.received)
            outcome[i] = SILENT
            continue
        now = max(whole(ev.received), whole(row.scored_at))
        card = card_of(row, world)
        _, scored = score_row(row, now, world, board)
        row.band = next_band(row.band, scored.score, card)
        row.scored_at = now
        outcome[i] = APPLIED
    return len(columns.events)


@njit(cache=True)
def _mix(h: Any, value: Any) -> Any:
    h = (h ^ value) * np.uint64(1099511628211)
    return h ^ (h >> np.uint64(29))


@njit(cache=True)
def digest_of(score: float, band: int, stage: int, facts: Any) -> Any:
    """All that a reader can see move, in 64 bits: score to 0.1, band, stage, counts and flags."""
    h = np.uint64(14695981039346656037)
    h = _mix(h, np.uint64(round(score * 10)))
    h = _mix(h, np.uint64(band * 8 + stage))
    tail = facts[TAIL]
    h = _mix(h, np.uint64(0 if np.isnan(tail) else 1 + round(tail * 100)))
    for i in range(len(DIGEST_COLUMNS)):
        value = facts[DIGEST_COLUMNS[i]]
        h = _mix(h, np.uint64(1) if np.isnan(value) else np.uint64(whole(np.floor(value * 100)) + 1000))
    return h if h != np.uint64(0) else np.uint64(1)


class Findings(NamedTuple):
    """Room for what a snapshot says, one line a row."""

    signals: npt.NDArray[np.float64]  # (n, 3, COUNT): values, evidence, points
    heads: npt.NDArray[np.float64]  # (n, 4): score, confidence, stage, p_buy (NaN = no rhythm)
    facts: npt.NDArray[np.float64]  # (n, N_FACTS)
    digests: npt.NDArray[np.uint64]


@njit(cache=True)
def describe(rows: Any, slots: Any, nows: Any, world: World, found: Findings) -> None:
    """Everything a snapshot says of the rows in `slots`, each at its own now; their bands move on."""
    engaged = new_days()
    for i in range(len(slots)):
        row = rows[slots[i]]
        now = max(whole(nows[i]), whole(row.scored_at))
        board = Board(found.signals[i, 0], found.signals[i, 1], found.signals[i, 2], engaged, True)
        card = card_of(row, world)
        rhythm, scored = score_row(row, now, world, board)
        row.band = next_band(row.band, scored.score, card)
        stage = stage_of(row, now, rhythm, card)
        head = found.heads[i]
        head[0], head[1], head[2] = scored.score, scored.confidence, stage
        head[3] = will_buy(row, rhythm, card) if rhythm.known else np.nan
        facts_of(row, now, rhythm, world, Sheet(engaged, found.facts[i]))
        found.digests[i] = digest_of(scored.score, row.band, stage, found.facts[i])


@njit(cache=True)
def find_changed(rows: Any, slots: Any, now: int, world: World, imports: bool) -> Any:
    """Which of `slots` would now say something new. Imported rows only if `imports`."""
    board = _new_board()
    sheet = Sheet(board.engaged, np.empty(N_FACTS))
    changed = np.empty(len(slots), np.int64)
    count = 0
    for i in range(len(slots)):
        row = rows[slots[i]]
        due = imports
        if row.pending_import == 0:
            at = max(now, whole(row.scored_at))
            card = card_of(row, world)
            rhythm, scored = score_row(row, at, world, board)
            facts_of(row, at, rhythm, world, sheet)
            band = next_band(row.band, scored.score, card)
            stage = stage_of(row, at, rhythm, card)
            due = is_stale(row, world) or digest_of(scored.score, band, stage, sheet.facts) != row.said_digest
        if due:
            changed[count] = slots[i]
            count += 1
    return changed[:count]


@njit(cache=True)
def rescore(rows: Any, slots: Any, now: int, world: World) -> Any:
    """Scores alone, nothing moved: what re-scoring a file of customers costs."""
    board, scores = _new_board(), np.empty(len(slots))
    for i in range(len(slots)):
        _, scored = score_row(rows[slots[i]], now, world, board)
        scores[i] = scored.score
    return scores
