"""Events to columns: the only place that knows which field of which type means what to a row."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from libs.events import CUSTOMER_EVENT_TYPES
from services.scoring.domain import kinds as k
from services.scoring.domain.memo import Partition
from services.scoring.domain.money import Money
from services.scoring.domain.row import (
    BACKFILL,
    COUNTS,
    EVENT,
    GIFT,
    MACHINE,
    PRICED,
    RENEWAL,
    SIMULATED,
)
from services.scoring.domain.support import NEGATIVE, NEUTRAL, NOT_RESOLVED, POSITIVE, RESOLVED
from services.scoring.domain.update import BEHAVES, MAIL_FEED, Columns, hash_all

MOODS = {None: 0, "negative": NEGATIVE, "neutral": NEUTRAL, "positive": POSITIVE}
OUTCOMES = {"resolved": RESOLVED, "not_resolved": NOT_RESOLVED}
SURVEYS = {"nps": k.SURVEY_NPS, "csat": k.SURVEY_CSAT, "ces": k.SURVEY_CES}

# A rating of 0-100 is bad up to 40 and good from 60 on (two stars of five, three and a half of five).
BAD_RATING, GOOD_RATING = 40, 60

# A session of that many pages at less than a second a page is a robot's (FIELD.md 14).
ROBOT_PAGES = 30

# Campaigns of our own start so: their clicks never count as engagement (FIELD.md 21).
OWN_CAMPAIGN = "greenline"

_LATEST = 2**32 - 1


class Moved(NamedTuple):
    """What one event says, in the columns of EVENT."""

    kind: int
    key: int = 0
    amount: int = 0
    base: int = 0
    moment: int = 0
    code: int = 0
    flags: int = 0


def key_of(reference: str | None) -> int:
    return crc32(reference.encode()) if reference else 0


def seconds(moment: datetime | None) -> int:
    """UTC seconds since 1970, held to what a row can keep; 0 = none."""
    return 0 if moment is None else min(max(int(moment.timestamp()), 1), _LATEST)


class Decoder:
    """Reads events of one partition. `robots` counts visits that no person made."""

    def __init__(self, money: Money) -> None:
        self._money = money
        self._tenant = ""
        self._segment: Callable[[str | None], int] = lambda _: 0
        self.robots = 0
        self._readers: dict[str, Callable[[int, Any], Moved]] = _readers(self)

    def columns(self, events: Sequence[Any], slots: npt.NDArray[np.int64], partition: Partition) -> Columns:
        self._segment = partition.segment
        table = np.array(
            [self._line(e, slot, partition) for e, slot in zip(events, slots.tolist(), strict=True)], EVENT
        )
        hints = np.fromiter((_HINTS.get(e.event_type, 0) for e in events), np.uint8, len(events))
        return Columns(table, hints, hashes([e.id for e in events]))

    def _line(self, event: Any, slot: int, partition: Partition) -> tuple[int, ...]:
        self._tenant = event.tenant
        received = seconds(event.receivedat)
        at = min(seconds(event.time), received)  # nothing happens after we learn of it
        kind = k.KIND.get(event.event_type, k.NO_FACT)
        reader = self._readers.get(event.event_type)
        moved = reader(kind, event.data) if reader else Moved(kind)
        flags = moved.flags | (BACKFILL * event.backfill) | (SIMULATED * event.simulated)
        return (
            *(slot, moved.amount, moved.base, at, received, moved.key, moved.moment, moved.code),
            *(partition.tenant(event.tenant), moved.kind, flags),
        )

    # Readers, one for each shape of data. Each gets the type's kind and may answer with another.

    def order(self, kind: int, data: Any) -> Moved:
        amount = self._money.minor(self._tenant, data.amount, data.currency)
        counts = data.counts and not data.amount.startswith("-") and data.amount.strip("0.") != ""
        flags = (COUNTS * counts) | (GIFT * data.gift) | (RENEWAL * (data.channel == "subscription"))
        return Moved(kind, key_of(data.order_id), max(amount or 0, 0), flags=flags)

    def cancelled(self, kind: int, data: Any) -> Moved:
        amount = self._money.minor(self._tenant, data.amount, data.currency)
        return Moved(kind, key_of(data.order_id), amount or 0, moment=seconds(data.placed_at))

    def came_back(self, kind: int, data: Any) -> Moved:
        if data.exchange:
            return Moved(k.NO_FACT)
        amount = self._money.minor(self._tenant, data.amount, data.currency)
        base = self._money.minor(self._tenant, data.order_amount, data.currency)
        return Moved(kind, key_of(data.order_id), max(amount or 0, 0), max(base or 0, 0))

    def visit(self, kind: int, data: Any) -> Moved:
        pages, seconds_spent = getattr(data, "pages", 1), getattr(data, "seconds", None)
        robot = pages >= ROBOT_PAGES and seconds_spent is not None and seconds_spent < pages
        self.robots += robot
        return Moved(kind, key_of(data.session_id), flags=MACHINE * robot)

    def click(self, kind: int, data: Any) -> Moved:
        own = (data.campaign_id or "").startswith(OWN_CAMPAIGN)
        return Moved(kind, flags=MACHINE * (data.machine or own))

    def ticket(self, kind: int, data: Any) -> Moved:
        mood = MOODS[data.sentiment] if getattr(data, "by_customer", True) else 0
        return Moved(kind, key_of(data.ticket_id), code=mood)

    def rated(self, kind: int, data: Any) -> Moved:
        good = data.satisfaction >= GOOD_RATING
        mood = POSITIVE if good else NEGATIVE if data.satisfaction <= BAD_RATING else NEUTRAL
        return Moved(kind, key_of(data.ticket_id), code=mood)

    def note(self, kind: int, data: Any) -> Moved:
        return Moved(kind, code=MOODS[data.sentiment])

    def task(self, kind: int, data: Any) -> Moved:
        return Moved(kind, code=MOODS[data.sentiment] | OUTCOMES.get(data.outcome, 0))

    def subscription(self, kind: int, data: Any) -> Moved:
        amount = self._money.minor(self._tenant, data.amount, data.currency)
        priced = PRICED * (amount is not None)
        return Moved(
            kind,
            key_of(data.subscription_id),
            amount or 0,
            moment=seconds(data.renewal_at),
            code=data.interval_days or 0,
            flags=priced,
        )

    def renewal(self, kind: int, data: Any) -> Moved:
        return Moved(kind, moment=seconds(data.renewal_at))

    def survey(self, _: int, data: Any) -> Moved:
        return Moved(SURVEYS[data.kind], code=data.score)

    def seats(self, kind: int, data: Any) -> Moved:
        return Moved(kind, amount=data.bought, base=data.active)

    def contact(self, kind: int, data: Any) -> Moved:
        return Moved(kind if data.change == "champion_changed" else k.NO_FACT)

    def review(self, kind: int, data: Any) -> Moved:
        return Moved(kind if data.rating >= 4 else k.NO_FACT)

    def described(self, kind: int, data: Any) -> Moved:
        return Moved(kind, self._segment(data.segment), code=int(data.excluded))

    def merged(self, kind: int, _: Any) -> Moved:
        """What is left behind is nobody any more: no rule may fire on its silence."""
        return Moved(kind, self._segment(None), code=1)

    def consent(self, _: int, data: Any) -> Moved:
        if data.channel != "email":
            return Moved(k.NO_FACT)
        return Moved(k.SUBSCRIBED if data.consent else k.UNSUBSCRIBED)


_SHAPES: dict[str, str] = {
    **dict.fromkeys(("order.placed", "order.updated"), "order"),
    "order.cancelled": "cancelled",
    **dict.fromkeys(("order.refunded", "return.requested"), "came_back"),
    **dict.fromkeys(("site.visited", "site.searched", "product.viewed"), "visit"),
    **dict.fromkeys(("product.added_to_cart", "product.removed_from_cart"), "visit"),
    **dict.fromkeys(("email.clicked", "sms.clicked"), "click"),
    **dict.fromkeys(("ticket.opened", "ticket.commented", "ticket.escalated"), "ticket"),
    **dict.fromkeys(("ticket.reopened", "ticket.solved"), "ticket"),
    "ticket.rated": "rated",
    "note.added": "note",
    "outreach.task_completed": "task",
    **{name: "subscription" for name in k.KIND if name.startswith("subscription.")},
    "account.renewal_set": "renewal",
    "account.seats_changed": "seats",
    "survey.answered": "survey",
    "contact.changed": "contact",
    "review.submitted": "review",
    **dict.fromkeys(("customer.created", "customer.updated"), "described"),
    "customer.merged": "merged",
    "customer.consent_changed": "consent",
}


def _readers(decoder: Decoder) -> dict[str, Callable[[int, Any], Moved]]:
    """Order events name their order; parcels and the rest need nothing but their kind and time."""
    return {name: getattr(decoder, shape) for name, shape in _SHAPES.items()}


def _hint(event_type: str) -> int:
    family = event_type.partition(".")[0]
    return MAIL_FEED * (family == "email") | BEHAVES * (family in k.BEHAVIOURAL)


_HINTS = {name: _hint(name) for name in CUSTOMER_EVENT_TYPES}


def hashes(texts: Sequence[str]) -> npt.NDArray[np.uint64]:
    """64-bit hashes of event ids, the same in every process."""
    pieces = [text.encode() for text in texts]
    ends = np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces)))
    out = np.empty(len(pieces), np.uint64)
    hash_all(np.frombuffer(b"".join(pieces), np.uint8), ends, out)
    return out
