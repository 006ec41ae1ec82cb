"""A whole log of events in memory, in order of arrival, as the compiled loops take them: 61 bytes an event.

The decoder is the live one. A log is looked at from behind, so all events count as live ones (an import's
silence is for readers), merged customers are one from the beginning, and erased ones were never there.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.events import CUSTOMER_EVENT_TYPES, message_key
from services.scoring.domain import kinds as k
from services.scoring.domain.decode import Decoder, types_of
from services.scoring.domain.fitting.orders import OrderLog
from services.scoring.domain.memo import Partition
from services.scoring.domain.money import Money
from services.scoring.domain.row import BACKFILL, COUNTS, DAY, EVENT, GIFT
from services.scoring.domain.update import Columns
from services.scoring.runs import ERASED, MERGED


class EventLog(NamedTuple):
    """`columns` in order of `received`; a customer's number is the `slot` of their events."""

    columns: Columns
    keys: list[bytes]  # tenant and customer, by number
    partition: Partition
    types: npt.NDArray[np.uint8]  # places in CUSTOMER_EVENT_TYPES, beside `columns`
    survivors: npt.NDArray[np.int64]  # who a customer has become; mostly themselves
    money: Money

    @property
    def size(self) -> int:
        """Events."""
        return len(self.columns.events)

    def before(self, moment: int) -> int:
        """How many events had come before `moment`, in seconds."""
        return int(np.searchsorted(self.columns.events["received"], moment))

    def part(self, start: int, stop: int) -> Columns:
        events, hints, ids = self.columns
        return Columns(events[start:stop], hints[start:stop], ids[start:stop])

    def first(self, count: int) -> "EventLog":
        """As if nothing had come after so many events."""
        return self._replace(columns=self.part(0, count), types=self.types[:count])

    def days(self) -> tuple[int, int]:
        """First and last day of arrival."""
        received = self.columns.events["received"]
        return int(received[0]) // DAY, int(received[-1]) // DAY

    def orders(self, known: int | None = None) -> OrderLog:
        """Purchases that count and make a rhythm; of the first `known` events, if given."""
        events = self.columns.events[:known]
        placed = events[(events["kind"] == k.ORDER_PLACED) & (events["flags"] & (COUNTS | GIFT) == COUNTS)]
        gone = events[events["kind"] == k.ORDER_CANCELLED]
        placed = placed[~np.isin(_order_of(placed), _order_of(gone))]
        days = placed["at"].astype(np.int64) // DAY
        return OrderLog.of(placed["slot"], days, placed["amount"], len(self.keys))


_NAMES = list(CUSTOMER_EVENT_TYPES)
_MERGED, _ERASED = _NAMES.index(MERGED), _NAMES.index(ERASED)


def _order_of(events: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
    return np.asarray(events["slot"] << 32 | events["key"].astype(np.int64))


class _Builder:
    def __init__(self) -> None:
        number = count().__next__  # whoever is met for the first time gets the next one
        self._numbers: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(number))
        self._into: dict[int, int] = {}
        self._erased: set[int] = set()
        self._partition = Partition(b"")
        self._decoder: Decoder | None = None
        self._parts: list[Columns] = []
        self._types: list[npt.NDArray[np.uint8]] = []
        self._money: Money | None = None

    def add(self, events: list[Any], money: Money | None) -> None:
        if self._decoder is None:
            self._money = money or Money(_usual_currency(events))
            self._decoder = Decoder(self._money)
        numbers = self._numbers
        slots = np.array([numbers[e.tenant][e.subject] for e in events], np.int64)
        types = types_of(events)
        for i in np.flatnonzero(types == _MERGED).tolist():
            self._into[int(slots[i])] = numbers[events[i].tenant][events[i].data.into]
        self._erased.update(slots[types == _ERASED].tolist())
        self._types.append(types.astype(np.uint8))
        self._parts.append(self._decoder.columns(events, types, slots, self._partition))

    def _keys(self) -> list[bytes]:
        """By number."""
        of = {
            n: message_key(tenant, who) for tenant, all_ in self._numbers.items() for who, n in all_.items()
        }
        return [of[n] for n in range(len(of))]

    def _survivor(self, number: int) -> int:
        seen = set()
        while number in self._into and number not in seen:
            seen.add(number)
            number = self._into[number]
        return number

    def built(self) -> EventLog:
        events = np.concatenate([np.zeros(0, EVENT), *(part.events for part in self._parts)])
        hints = np.concatenate([np.zeros(0, np.uint8), *(part.hints for part in self._parts)])
        ids = np.concatenate([np.zeros(0, np.uint64), *(part.ids for part in self._parts)])
        keys = self._keys()
        survivors = np.array([self._survivor(i) for i in range(len(keys))], np.int64)
        types = np.concatenate([np.zeros(0, np.uint8), *self._types])
        order = _arrival(events, list(self._erased))
        if order is not None:
            events, hints, ids, types = events[order], hints[order], ids[order], types[order]
        events["slot"] = survivors[events["slot"]] if len(events) else events["slot"]
        events["flags"] &= np.uint8(~BACKFILL & 0xFF)
        money = self._money or Money()
        return EventLog(Columns(events, hints, ids), keys, self._partition, types, survivors, money)


def _arrival(events: npt.NDArray[np.void], erased: list[int]) -> npt.NDArray[np.int64] | None:
    """The order of arrival of all that stays. None: as they are, which most logs are and costs nothing."""
    received = events["received"]
    if not erased and bool(np.all(received[1:] >= received[:-1])):
        return None
    kept = np.flatnonzero(~np.isin(events["slot"], erased))
    return kept[np.argsort(received[kept], kind="stable")]


def _usual_currency(events: list[Any]) -> str:
    """The commonest of the first events; what comes in another has no rate and counts without its amount."""
    seen = Counter(currency for e in events if (currency := getattr(e.data, "currency", None)) is not None)
    return seen.most_common(1)[0][0] if seen else "USD"


def build_log(blocks: Iterable[list[Any]], money: Money | None = None) -> EventLog:
    """From blocks of hot structs, in any order. Without `money` the commonest currency is the shop's."""
    builder = _Builder()
    for events in blocks:
        builder.add(events, money)
    return builder.built()
