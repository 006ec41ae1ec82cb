"""One customer in 1,152 bytes: the layout of a row, version 3.

*Facts* do not depend on the order of arrival: counts add, times take the latest or the earliest, day
buckets are keyed by the day. *Memory* depends on the order of arrival and nothing else: what was seen
(duplicate rings), which band holds, what was last said. Times are UTC seconds since 1970, 0 = never.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

LAYOUT = 3
DAY = 86_400

# Bounds. What lies past one is stated in docs/health.md and never guessed.
ORDERS_KEPT = 4  # recent orders that can still be edited, cancelled or refunded one by one
TICKETS_KEPT = 4  # tickets followed at once; closed ones make room first
SKIPS_KEPT = 3
COMMERCIAL_RING = 14  # event ids remembered: orders, tickets, subscriptions and the like; even: see rings
BEHAVIOURAL_RING = 24  # event ids remembered: visits, e-mail
FEATURES_KEPT = 14  # features used lately
MILESTONES_KEPT = 6  # planned or reached
REFERRALS_KEPT = 4
SIGNALS = 16  # places for signals, in the order of signals.NAMES; those after the last name are empty
SAID_TICKS = 100  # what was said of a signal is kept in hundredths of a point

# Day buckets: how many days back from the newest day in them. Two days share a byte (up to 15 each),
# visits have a byte a day: 8 bits, one for each eighth of the session hashes. Usage has a byte, up to 255.
ENGAGED_DAYS = 64  # two windows of 30 days
SENT_DAYS = 64
ORDER_DAYS = 96  # a window of 90 days
TICKET_DAYS = 32  # a window of 14 days
USAGE_DAYS = 28  # two windows of 14 days, four weeks

ROW = np.dtype(
    [
        # facts, 8 bytes
        ("spend", "i8"),  # net, minor units of the tenant's currency
        ("occasions", "f8"),  # order days, forgotten with tau, seen from occasions_day
        ("order_amount", "i8", (ORDERS_KEPT,)),
        ("order_refunded", "i8", (ORDERS_KEPT,)),
        ("return_amount", "i8"),
        ("return_base", "i8"),  # value of the order that came back; 0 = not known
        ("mood_sum", "f8"),  # sentiments -1 to 1, decayed, seen from mood_at
        ("mood_weight", "f8"),
        ("mrr", "i8"),
        # memory, 8 bytes
        ("commercial", "u8", (COMMERCIAL_RING,)),
        ("behavioural", "u8", (BEHAVIOURAL_RING,)),
        ("said_digest", "u8"),  # of all that a reader can see, as last published; 0 = never
        # facts, 4 bytes
        ("first_seen", "u4"),
        ("imported_at", "u4"),
        ("described_at", "u4"),  # when segment and excluded were last told
        ("orders_total", "i4"),
        ("occasions_day", "u4"),
        ("settled_first", "u4"),  # orders that left the ring of recent ones
        ("settled_last", "u4"),
        ("settled_rhythm_first", "u4"),  # the same without gifts
        ("settled_rhythm_last", "u4"),
        ("order_key", "u4", (ORDERS_KEPT,)),
        ("order_at", "u4", (ORDERS_KEPT,)),
        ("order_version", "u4", (ORDERS_KEPT,)),
        ("orders_day", "u4"),
        ("engaged_day", "u4"),
        ("sends_day", "u4"),
        ("last_visit", "u4"),
        ("last_click", "u4"),
        ("unsubscribed", "u4"),
        ("resubscribed", "u4"),
        ("return_at", "u4"),
        ("return_order", "u4"),
        ("shipped", "u4"),
        ("delivered", "u4"),
        ("ticket_key", "u4", (TICKETS_KEPT,)),
        ("ticket_opened", "u4", (TICKETS_KEPT,)),
        ("ticket_status_at", "u4", (TICKETS_KEPT,)),
        ("ticket_mood_at", "u4", (TICKETS_KEPT,)),
        ("tickets_day", "u4"),
        ("tickets_total", "u4"),
        ("mood_at", "u4"),
        ("trouble_opened", "u4"),  # told by a person who talked to the customer
        ("trouble_closed", "u4"),
        ("csm_at", "u4"),
        ("nps_at", "u4"),
        ("csat_at", "u4"),
        ("ces_at", "u4"),
        ("asked_at", "u4"),
        ("sub_at", "u4"),
        ("sub_paid", "u4"),
        ("sub_failed", "u4"),
        ("sub_skips", "u4", (SKIPS_KEPT,)),
        ("renewal_at", "u4"),
        ("renewal_known", "u4"),
        ("mrr_known", "u4"),
        ("seats_known", "u4"),
        ("seats_bought", "u4"),
        ("seats_active", "u4"),
        ("champion_at", "u4"),
        ("first_value", "u4"),
        ("value_proven", "u4"),
        ("override_at", "u4"),  # when the last override was told
        ("override_until", "u4"),
        # memory, 4 bytes
        ("scored_at", "u4"),
        ("said_score", "f4"),  # as in the last health.changed
        ("said_confidence", "f4"),
        ("commercial_forgot", "u4"),  # each id that the ring forgot was received by then; 0 = none was
        ("commercial_begun", "u4"),  # receivedat when the half of the ring now being filled was begun
        ("behavioural_forgot", "u4"),
        ("behavioural_begun", "u4"),
        # facts, 2 bytes; days since 1970
        ("tenant", "u2"),  # index into the partition's memo
        ("reviews_positive", "u2"),
        ("usage_day", "u2"),
        ("usage_first", "u2"),
        ("features_day", "u2"),  # when features_available was last told
        ("features_available", "u2"),
        ("features", "u2", (FEATURES_KEPT,)),  # see usage.py
        ("milestone_key", "u2", (MILESTONES_KEPT,)),  # rising; 0 = a free place
        ("milestone_told", "u2", (MILESTONES_KEPT,)),
        ("milestone_due", "u2", (MILESTONES_KEPT,)),
        ("referrals", "u2", (REFERRALS_KEPT,)),  # falling
        # memory, 2 bytes
        ("said_points", "i2", (SIGNALS,)),
        # facts, 1 byte
        ("visits", "u1", (ENGAGED_DAYS,)),
        ("clicks", "u1", (ENGAGED_DAYS // 2,)),
        ("acts", "u1", (ENGAGED_DAYS // 2,)),  # orders a person placed, replies
        ("sends", "u1", (SENT_DAYS // 2,)),
        ("orders", "u1", (ORDER_DAYS // 2,)),  # without gifts
        ("tickets", "u1", (TICKET_DAYS // 2,)),
        ("order_flags", "u1", (ORDERS_KEPT,)),
        ("ticket_flags", "u1", (TICKETS_KEPT,)),
        ("segment", "u1"),  # index into the partition's memo
        ("excluded", "u1"),
        ("simulated", "u1"),
        ("csm", "i1"),
        ("nps", "u1"),
        ("csat", "u1"),
        ("ces", "u1"),
        ("sub_state", "u1"),
        ("sub_seen", "u1"),
        ("usage", "u1", (USAGE_DAYS,)),
        ("override_score", "u1"),
        # memory, 1 byte
        ("pending_import", "u1"),
        ("band", "u1"),
        ("said_band", "u1"),
        ("commercial_next", "u1"),
        ("behavioural_next", "u1"),
        ("said_card", "u1"),  # which edition of the scorecard the last snapshot was made with
    ],
    align=True,
)

MEMORY = frozenset(
    {
        *("commercial", "commercial_next", "commercial_forgot", "commercial_begun"),
        *("behavioural", "behavioural_next", "behavioural_forgot", "behavioural_begun"),
        *("scored_at", "band", "pending_import"),
        *("said_digest", "said_score", "said_confidence", "said_points", "said_band", "said_card"),
    }
)
"""Fields that may depend on the order of arrival; all others are facts."""

# One row a tenant of the partition: what one customer's row cannot know.
TENANT = np.dtype([("since", "u4"), ("site_last", "u4"), ("mail_last", "u4")])

# One decoded event. What `key`, `amount`, `base`, `code` and `moment` mean depends on `kind`.
EVENT = np.dtype(
    [
        ("slot", "i8"),
        ("amount", "i8"),
        ("base", "i8"),
        ("at", "u4"),
        ("received", "u4"),
        ("key", "u4"),
        ("moment", "u4"),
        ("code", "i4"),
        ("tenant", "u2"),
        ("kind", "u1"),
        ("flags", "u1"),
    ],
    align=True,
)

# EVENT.flags
BACKFILL, SIMULATED, COUNTS, GIFT, RENEWAL, MACHINE, PRICED = 1, 2, 4, 8, 16, 32, 64

# ROW.band and what stands for it on the wire
RED, YELLOW, GREEN = 1, 2, 3


# Layout 1 had 16 commercial ids and did not know what its rings forgot. Only what has to be read of it.
_LAYOUT_1 = np.dtype(
    {
        "names": ["commercial", "behavioural", "imported_at", "scored_at", "next"],
        "formats": [("u8", (16,)), ("u8", (24,)), "u4", "u4", ("u1", (2,))],
        "offsets": [120, 248, 452, 732, 1008],
        "itemsize": 1016,
    }
)


def _ring_of_layout_1(ring: npt.NDArray[np.uint64], after: int, places: int) -> tuple[bytes, int, bool]:
    """The newest ids, oldest first from place 0; where the next goes; whether any may be forgotten."""
    ids = np.roll(ring, -after)
    ids = ids[ids != 0]
    kept, fresh = ids[-places:], np.zeros(places, np.uint64)
    fresh[: len(kept)] = kept
    return fresh.tobytes(), len(kept) % places, len(ids) > places or len(ids) == len(ring)


def _to_layout_2(body: bytes) -> bytes:
    """Of a ring that was full, anything that the row had heard of by then may be forgotten."""
    old = np.frombuffer(body, _LAYOUT_1)[0]
    next_commercial, next_behavioural = old["next"].tolist()
    commercial, c_next, c_forgot = _ring_of_layout_1(old["commercial"], next_commercial, 14)
    behavioural, b_next, b_forgot = _ring_of_layout_1(old["behavioural"], next_behavioural, 24)
    heard = max(old["scored_at"], old["imported_at"])
    stamps = np.array([heard * c_forgot, heard, heard * b_forgot, heard], np.uint32).tobytes()
    ends = bytes([c_next, b_next, *[0] * 6])
    return body[:120] + commercial + behavioural + body[440:760] + stamps + body[760:1008] + ends


def _to_layout_3(body: bytes) -> bytes:
    """Layout 2 knew nothing of usage, milestones, referrals and overrides; what it said were four floats."""
    said = np.zeros(SIGNALS, np.int16)
    said[:4] = np.rint(np.frombuffer(body, np.float32, 4, 728) * SAID_TICKS)
    words = body[:716] + bytes(16) + body[716:728] + body[744:764]
    return words + bytes(80) + said.tobytes() + body[764:1005] + bytes(29) + body[1005:1010] + bytes(1)


MIGRATE: Mapping[int, Callable[[bytes], bytes]] = {1: _to_layout_2, 2: _to_layout_3}
"""From a layout to a row's bytes in the next one."""
