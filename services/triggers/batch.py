"""Some customers of a partition at one evaluation: what came in, what is known, what is written back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt

from libs.events.families.health import Contribution
from libs.events.hot import data_struct
from libs.runtime.stream import Rows
from services.triggers.domain import rows as layout
from services.triggers.domain.book import Book
from services.triggers.domain.columns import Array, Bools
from services.triggers.domain.firing import Moment
from services.triggers.domain.lifecycle import Phase, Point
from services.triggers.domain.transitions import Table

# Beside the rules' records of a customer; "~" cannot stand in a rule's id.
_CONTRIBUTIONS = b"\x00~contributions"
_decode = msgspec.json.Decoder(list[data_struct(Contribution)]).decode  # type: ignore[misc]  # built at run time


@dataclass(frozen=True, slots=True)
class Batch:
    """`slots` are the customers, `moments` when it is for each; `events` is empty in a sweep.

    `before`: scores and bands as the rows had them before the snapshots; None where there are none.
    """

    rows: Rows
    book: Book
    slots: npt.NDArray[np.int64]
    moments: Sequence[datetime]
    backfill: Bools
    first_seen: Bools
    events: Sequence[Any] = ()
    before: tuple[Array, Array] | None = None

    @classmethod
    def of_snapshots(cls, rows: Rows, book: Book, taken: Sequence[tuple[bytes, Any]]) -> Self:
        """Write snapshots into their rows. To a customer first seen now no rule is new: it has them all."""
        events = [event for _, event in taken]
        slots = rows.ensure_many(key for key, _ in taken)
        fresh, generation = layout.encode(events, book.labels), rows.array["generation"][slots]
        first_seen = generation == 0
        before = rows.array["score"][slots], rows.array["band"][slots]
        fresh["phases"] = rows.array["phases"][slots]
        fresh["generation"] = np.where(first_seen, book.generation, generation)
        rows.raw[slots] = _bytes(fresh)
        rows.touch_many(slots)
        backfill = np.array([event.backfill for event in events], np.bool_)
        moments = [event.receivedat for event in events]
        return cls(rows, book, slots, moments, backfill, first_seen, events, before)

    @classmethod
    def of_slots(
        cls, rows: Rows, book: Book, now: datetime, slots: npt.NDArray[np.int64] | None = None
    ) -> Self:
        """Those of the slice, or some of the partition."""
        slots = rows.slots if slots is None else slots
        neither = np.zeros(len(slots), np.bool_)
        return cls(rows, book, slots, [now] * len(slots), backfill=neither, first_seen=neither)

    def now(self) -> datetime | Array:
        return layout.instants(self.moments) if self.events else self.moments[0]

    def current(self) -> Array:
        """A copy of the rows, as they are now."""
        return self.rows.raw[self.slots].view(self.rows.dtype)[:, 0]

    def key(self, i: int) -> bytes:
        return self.rows.key_of(int(self.slots[i]))

    def health_before(self, i: int) -> Point | None:
        """Of the snapshot before this one; in a sweep of the last one. None: there was none."""
        if self.before is None:
            row = self.rows.array[self.slots[i]]
            return layout.health_of(row["score"], row["band"])
        scores, bands = self.before
        return layout.health_of(scores[i], bands[i])

    def moment(self, i: int, before: Point | None = None) -> Moment:
        """Customer `i` for the events it causes. In a sweep only a pending rule has kept contributions."""
        key, now, row = self.key(i), self.moments[i], self.rows.array[self.slots[i]]
        values, simulated = layout.values_of(row, self.book.labels, now), bool(row["simulated"])
        if not self.events:
            stored = self.rows.sparse.get(key + _CONTRIBUTIONS)
            parts = _decode(stored) if stored else ()
            return Moment(key, now, values, contributions=parts, before=before, simulated=simulated)
        event = self.events[i]
        return Moment(
            key,
            now,
            values,
            cause=event.data.cause,
            contributions=event.data.contributions,
            before=before,
            traceparent=event.traceparent,
            simulated=simulated,
        )

    def keep_contributions(self) -> None:
        """Of whom a rule is pending for: it may fire in a sweep, when the snapshot is long gone."""
        sparse = self.rows.sparse
        phases = self.rows.array["phases"][self.slots[:, None], self.book.columns]
        for i, pending in enumerate((phases == Phase.PENDING).any(axis=1).tolist()):
            key = self.key(i) + _CONTRIBUTIONS
            if pending:
                sparse.put(key, msgspec.json.encode(self.events[i].data.contributions))
            elif sparse.get(key) is not None:
                sparse.delete(key)

    def write(self, table: Table) -> None:
        """Phases back into the rows, with the mark that these rows have met today's rules."""
        array, generation = self.rows.array, self.book.generation
        changed = table.moved | (array["generation"][self.slots] != generation)
        slots = self.slots[changed]
        array["phases"][slots[:, None], self.book.columns] = table.phases[changed]
        array["generation"][slots] = generation
        self.rows.touch_many(slots)


def _bytes(rows: Array) -> npt.NDArray[np.uint8]:
    """Copied as bytes: numpy copies structured rows field by field, 7 times slower."""
    return rows.view(np.uint8).reshape(len(rows), -1)
