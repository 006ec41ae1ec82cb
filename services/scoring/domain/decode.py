"""Events to columns: the only place that knows which field of which type means what to a row.

Events of one shape are read together, a column at a time: a call for each event took twice as long.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from libs.events import CUSTOMER_EVENT_TYPES
from libs.events.moments import NOT_A_TIME, microseconds
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
WORTH = {"first_value": k.FIRST_VALUE, "value_proven": k.VALUE_PROVEN}
SURVEYS = {"nps": k.SURVEY_NPS, "csat": k.SURVEY_CSAT, "ces": k.SURVEY_CES}

# A rating of 0-100 is bad up to 40 and good from 60 on (two stars of five, three and a half of five).
BAD_RATING, GOOD_RATING = 40, 60

# A session of that many pages at less than a second a page is a robot's (FIELD.md 14).
ROBOT_PAGES = 30

# Campaigns of our own start so: their clicks never count as engagement (FIELD.md 21).
OWN_CAMPAIGN = "greenline"

_LATEST = 2**32 - 1

Events = Sequence[Any]
Types = npt.NDArray[np.intp]  # places in CUSTOMER_EVENT_TYPES
Slots = npt.NDArray[np.int64]
Moved = Mapping[str, list[int] | npt.NDArray[np.int64]]
"""What the events of one shape say: columns of EVENT by name, a value an event. The others stay 0."""


def key_of(reference: str | None) -> int:
    return crc32(reference.encode()) if reference else 0


def seconds(moments: Sequence[datetime | None]) -> npt.NDArray[np.int64]:
    """UTC seconds since 1970, held to what a row can keep; 0 = none."""
    found = microseconds(moments)
    return np.where(found == NOT_A_TIME, 0, np.clip(found // 1_000_000, 1, _LATEST))


def types_of(events: Events) -> Types:
    return np.array([_NUMBERS[e.event_type] for e in events], np.intp)


class Decoder:
    """Reads events of one partition. `robots` counts visits that no person made."""

    def __init__(self, money: Money) -> None:
        self._money = money
        self._segment: Callable[[str | None], int] = lambda _: 0
        self.robots = 0

    def columns(self, events: Events, types: Types, slots: Slots, partition: Partition) -> Columns:
        """`types`: types_of(events)."""
        self._segment = partition.segment
        table = np.zeros(len(events), EVENT)
        table["slot"] = slots
        table["kind"] = _KINDS[types]
        table["tenant"] = partition.indexes([e.tenant for e in events])
        received = seconds([e.receivedat for e in events])
        table["received"] = received
        # nothing happens after we learn of it
        table["at"] = np.minimum(seconds([e.time for e in events]), received)
        self._read(events, _SHAPES[types], table)
        marks = [BACKFILL * e.backfill | SIMULATED * e.simulated for e in events]
        table["flags"] |= np.array(marks, np.uint8)
        return Columns(table, _HINTS[types], hashes([e.id for e in events]))

    def _read(self, events: Events, shapes: npt.NDArray[np.intp], table: npt.NDArray[np.void]) -> None:
        for shape in np.flatnonzero(np.bincount(shapes)).tolist():
            if shape == _NO_SHAPE:
                continue
            where = np.flatnonzero(shapes == shape)
            moved = _READERS[shape](self, [events[i] for i in where.tolist()])
            for column, values in moved.items():
                table[column][where] = values

    # Readers, one for each shape of data.

    def order(self, events: Events) -> Moved:
        return {
            "key": [key_of(e.data.order_id) for e in events],
            "amount": [max(self._minor(e, e.data.amount) or 0, 0) for e in events],
            "flags": [_order_flags(e.data) for e in events],
        }

    def cancelled(self, events: Events) -> Moved:
        return {
            "key": [key_of(e.data.order_id) for e in events],
            "amount": [self._minor(e, e.data.amount) or 0 for e in events],
            "moment": seconds([e.data.placed_at for e in events]),
        }

    def came_back(self, events: Events) -> Moved:
        """An exchange is no return: its money is not even looked at."""
        amounts = [0 if e.data.exchange else self._minor(e, e.data.amount) or 0 for e in events]
        bases = [0 if e.data.exchange else self._minor(e, e.data.order_amount) or 0 for e in events]
        return {
            "kind": [k.NO_FACT if e.data.exchange else k.KIND[e.event_type] for e in events],
            "key": [key_of(e.data.order_id) for e in events],
            "amount": [max(amount, 0) for amount in amounts],
            "base": [max(base, 0) for base in bases],
        }

    def visit(self, events: Events) -> Moved:
        robots = [_is_robot(e.data) for e in events]
        self.robots += sum(robots)
        return {**self.page(events), "flags": [MACHINE * robot for robot in robots]}

    def page(self, events: Events) -> Moved:
        return {"key": [key_of(e.data.session_id) for e in events]}

    def click(self, events: Events) -> Moved:
        own = [(e.data.campaign_id or "").startswith(OWN_CAMPAIGN) for e in events]
        return {"flags": [MACHINE * (e.data.machine or o) for e, o in zip(events, own, strict=True)]}

    def ticket(self, events: Events) -> Moved:
        return {
            "key": [key_of(e.data.ticket_id) for e in events],
            "code": [MOODS[e.data.sentiment] for e in events],
        }

    def comment(self, events: Events) -> Moved:
        moods = [MOODS[e.data.sentiment] if e.data.by_customer else 0 for e in events]
        return {"key": [key_of(e.data.ticket_id) for e in events], "code": moods}

    def rated(self, events: Events) -> Moved:
        return {
            "key": [key_of(e.data.ticket_id) for e in events],
            "code": [_mood_of_rating(e.data.satisfaction) for e in events],
        }

    def note(self, events: Events) -> Moved:
        return {"code": [MOODS[e.data.sentiment] for e in events]}

    def task(self, events: Events) -> Moved:
        return {"code": [MOODS[e.data.sentiment] | OUTCOMES.get(e.data.outcome, 0) for e in events]}

    def subscription(self, events: Events) -> Moved:
        amounts = [self._minor(e, e.data.amount) for e in events]
        return {
            "key": [key_of(e.data.subscription_id) for e in events],
            "amount": [amount or 0 for amount in amounts],
            "moment": seconds([e.data.renewal_at for e in events]),
            "code": [e.data.interval_days or 0 for e in events],
            "flags": [PRICED * (amount is not None) for amount in amounts],
        }

    def renewal(self, events: Events) -> Moved:
        return {"moment": seconds([e.data.renewal_at for e in events])}

    def survey(self, events: Events) -> Moved:
        return {
            "kind": [SURVEYS[e.data.kind] for e in events],
            "code": [e.data.score for e in events],
        }

    def seats(self, events: Events) -> Moved:
        return {"amount": [e.data.bought for e in events], "base": [e.data.active for e in events]}

    def contact(self, events: Events) -> Moved:
        return {"kind": [k.CHAMPION if e.data.change == "champion_changed" else k.NO_FACT for e in events]}

    def review(self, events: Events) -> Moved:
        return {"kind": [k.REVIEW if e.data.rating >= 4 else k.NO_FACT for e in events]}

    def described(self, events: Events) -> Moved:
        return {
            "key": [self._segment(e.data.segment) for e in events],
            "code": [int(e.data.excluded) for e in events],
        }

    def usage(self, events: Events) -> Moved:
        available = [e.data.features_available for e in events]
        return {
            "key": [key_of(e.data.feature) for e in events],
            "amount": [e.data.count for e in events],
            "base": [-1 if count is None else count for count in available],
        }

    def planned(self, events: Events) -> Moved:
        return {
            "key": [key_of(e.data.milestone) for e in events],
            "moment": seconds([e.data.due_at for e in events]),
        }

    def reached(self, events: Events) -> Moved:
        return {
            "kind": [WORTH.get(e.data.milestone, k.MILESTONE_REACHED) for e in events],
            "key": [key_of(e.data.milestone) for e in events],
        }

    def overridden(self, events: Events) -> Moved:
        return {
            "code": [e.data.score for e in events],
            "moment": seconds([e.data.until for e in events]),
        }

    def consent(self, events: Events) -> Moved:
        return {"kind": [_consent_kind(e.data) for e in events]}

    def _minor(self, event: Any, amount: str | None) -> int | None:
        return self._money.minor(event.tenant, amount, event.data.currency)


def _order_flags(data: Any) -> int:
    counts = data.counts and not data.amount.startswith("-") and data.amount.strip("0.") != ""
    return int(COUNTS * counts | GIFT * data.gift | RENEWAL * (data.channel == "subscription"))


def _is_robot(data: Any) -> bool:
    return bool(data.pages >= ROBOT_PAGES and data.seconds is not None and data.seconds < data.pages)


def _mood_of_rating(satisfaction: int) -> int:
    if satisfaction >= GOOD_RATING:
        return POSITIVE
    return NEGATIVE if satisfaction <= BAD_RATING else NEUTRAL


def _consent_kind(data: Any) -> int:
    if data.channel != "email":
        return k.NO_FACT
    return k.SUBSCRIBED if data.consent else k.UNSUBSCRIBED


Reader = Callable[[Decoder, Events], Moved]

_BY_TYPE: dict[str, Reader] = {
    **dict.fromkeys(("order.placed", "order.updated"), Decoder.order),
    "order.cancelled": Decoder.cancelled,
    **dict.fromkeys(("order.refunded", "return.requested"), Decoder.came_back),
    "site.visited": Decoder.visit,
    **dict.fromkeys(("site.searched", "product.viewed"), Decoder.page),
    **dict.fromkeys(("product.added_to_cart", "product.removed_from_cart"), Decoder.page),
    **dict.fromkeys(("email.clicked", "sms.clicked"), Decoder.click),
    **dict.fromkeys(("ticket.opened", "ticket.escalated"), Decoder.ticket),
    **dict.fromkeys(("ticket.reopened", "ticket.solved"), Decoder.ticket),
    "ticket.commented": Decoder.comment,
    "ticket.rated": Decoder.rated,
    "note.added": Decoder.note,
    "outreach.task_completed": Decoder.task,
    **{name: Decoder.subscription for name in k.KIND if name.startswith("subscription.")},
    "account.renewal_set": Decoder.renewal,
    "account.seats_changed": Decoder.seats,
    "survey.answered": Decoder.survey,
    "contact.changed": Decoder.contact,
    "review.submitted": Decoder.review,
    **dict.fromkeys(("customer.created", "customer.updated"), Decoder.described),
    "customer.consent_changed": Decoder.consent,
    "customer.health_overridden": Decoder.overridden,
    "usage.recorded": Decoder.usage,
    "milestone.planned": Decoder.planned,
    "milestone.reached": Decoder.reached,
}
"""Order events name their order; parcels and the rest need nothing but their kind and time."""


def _hint(event_type: str) -> int:
    family = event_type.partition(".")[0]
    return MAIL_FEED * (family == "email") | BEHAVES * (family in k.BEHAVIOURAL)


# Each type has a number, and by that number its kind, hints and shape: a lookup an event.
_READERS: tuple[Reader, ...] = tuple(dict.fromkeys(_BY_TYPE.values()))
_NO_SHAPE = len(_READERS)
_NUMBERS = {name: i for i, name in enumerate(CUSTOMER_EVENT_TYPES)}


def _by_number(of: Iterable[int], dtype: type[Any]) -> npt.NDArray[Any]:
    return np.array(list(of), dtype)


_KINDS = _by_number((k.KIND.get(name, k.NO_FACT) for name in _NUMBERS), np.uint8)
_HINTS = _by_number(map(_hint, _NUMBERS), np.uint8)
_SHAPES = _by_number(
    (_READERS.index(_BY_TYPE[name]) if name in _BY_TYPE else _NO_SHAPE for name in _NUMBERS), np.intp
)


def hashes(texts: Sequence[str]) -> npt.NDArray[np.uint64]:
    """64-bit hashes of event ids, the same in every process."""
    joined = "".join(texts)
    pieces: Sequence[str | bytes] = texts if joined.isascii() else [text.encode() for text in texts]
    ends = np.cumsum(np.fromiter(map(len, pieces), np.int64, len(pieces)))
    out = np.empty(len(pieces), np.uint64)
    hash_all(np.frombuffer(joined.encode(), np.uint8), ends, out)
    return out
