"""Scoring as a stream service: events and time in, health out."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.events import DecodeError, decode_hot, message_key
from libs.events.topics import CUSTOMER_HEALTH
from libs.runtime.stream import Chunk, DeadLetter, Output, Record, Rows
from services.scoring.domain.decode import Decoder
from services.scoring.domain.memo import Partition
from services.scoring.domain.money import Money
from services.scoring.domain.numbers import World
from services.scoring.domain.scorecard import Scorecard
from services.scoring.domain.snapshot import Words
from services.scoring.domain.update import APPLIED, DUPLICATE, Columns, apply_events, find_changed
from services.scoring.ports import NoObserver, Observer
from services.scoring.publish import SILENCE, Ground, Occasion, Publisher

# An import is over when no imported event has come for this long (wall seconds) or a chunk of live
# events alone has: only then do sweeps say what the import found.
IMPORT_QUIET_S = 2.0


class _Taken(NamedTuple):
    event: Any
    offset: int


class Scorer:
    """`step` and `sweep` over one scorecard.

    Facts do not depend on the order of arrival; bands and what was said follow it, each event at its own
    receivedat. `wall` is read for one thing: to see that an import has ended.
    """

    def __init__(
        self,
        scorecard: Scorecard,
        money: Money | None = None,
        observer: Observer | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._money = money or Money()
        self._card = scorecard.numbers()
        self._observer: Observer = observer or NoObserver()
        words = Words(
            scorecard.version,
            scorecard.base,
            scorecard.shop.horizon_days,
            scorecard.high_tier_minor,
            tuple(self._card.weights.tolist()),
        )
        self._publisher = Publisher(words, self._money, self._observer)
        self._decoder = Decoder(self._money)
        self._wall = wall
        self._merges = 0

    def step(self, chunk: Chunk, rows: Rows, now: datetime) -> Iterable[Output]:  # noqa: ARG002 (the seam's)
        """Each event's own receivedat is its now, so a replay decides the same."""
        partition = Partition(rows.memo)
        run: list[_Taken] = []
        for record in chunk.records:
            try:
                event = decode_hot(record.value or b"")
            except DecodeError as error:
                yield DeadLetter(record, "undecodable", str(error)[:1000])
                continue
            run.append(_Taken(event, record.offset))
            if event.event_type == "customer.erased":  # what came before it must have been taken in
                yield from self._take(run, rows, partition, chunk.partition)
                yield _erase(rows, event)
                run = []
        yield from self._take(run, rows, partition, chunk.partition)
        rows.memo = partition.blob()
        self._observer.left_out(
            rateless=self._money.rateless, robots=self._decoder.robots, merges=self._merges
        )

    def sweep(self, rows: Rows, now: datetime) -> Iterable[Output]:
        """Time alone: say again whoever would now read differently, and once what an import found."""
        slots = rows.slots
        partition = Partition(rows.memo)
        ground = Ground(rows, partition, World(partition.feeds(), self._card))
        at, over = int(now.timestamp()), self._import_over(partition)
        due = find_changed(rows.array, slots, at, ground.world, over)
        mark = f"sweep-{at}"
        imported = rows.array["pending_import"][due] != 0
        for imports, chosen in ((True, due[imported]), (False, due[~imported])):
            occasions = [Occasion(slot, now, SILENCE, mark) for slot in chosen.tolist()]
            yield from self._publisher.publish(ground, occasions, imports=imports)

    def _import_over(self, partition: Partition) -> bool:
        memo = partition.memo
        return not memo.importing or self._wall() - memo.import_wall >= IMPORT_QUIET_S

    def _take(self, run: Sequence[_Taken], rows: Rows, partition: Partition, number: int) -> Iterator[Record]:
        """A run of events into the rows; one snapshot for each customer they touched."""
        if not run:
            return
        events = [taken.event for taken in run]
        slots = rows.ensure_many([message_key(e.tenant, e.subject) for e in events])
        columns = self._decoder.columns(events, slots, partition)
        ground = Ground(rows, partition, World(partition.feeds(), self._card))
        outcome = np.zeros(len(run), np.uint8)
        yield from self._apply(columns, ground, partial(_occasion, run, slots, number), outcome)
        partition.keep_feeds(ground.world.tenants)
        self._note(events, outcome, rows, partition)
        rows.touch_many(slots[outcome != DUPLICATE])
        last = _last_by_slot(slots, outcome == APPLIED)
        touched = [_occasion(run, slots, number, i) for i in last]
        yield from self._publisher.publish(ground, touched)

    def _apply(
        self,
        columns: Columns,
        ground: Ground,
        source_of: Callable[[int], Occasion],
        outcome: npt.NDArray[np.uint8],
    ) -> Iterator[Record]:
        """The compiled loop. It halts before the first live event of an imported customer, whose import
        is said first: what is already true in it is armed silently by those who read it.
        """
        done = 0
        while True:
            done = apply_events(ground.rows.array, columns, ground.world, done, outcome)
            if done == len(outcome):
                return
            source = source_of(done)
            first = source._replace(cause=SILENCE, mark=f"import-{source.mark}")
            yield from self._publisher.publish(ground, [first], imports=True)

    def _note(
        self,
        events: Sequence[Any],
        outcome: npt.NDArray[np.uint8],
        rows: Rows,
        partition: Partition,
    ) -> None:
        """Ledger, watermark, the state of imports, metrics."""
        duplicates = int(np.count_nonzero(outcome == DUPLICATE))
        rows.ledger.add("applied", len(events) - duplicates)
        rows.ledger.add("duplicate", duplicates)
        rows.watermark = max(event.receivedat for event in events)
        partition.memo.importing = any(event.backfill for event in events)
        if partition.memo.importing:
            partition.memo.import_wall = self._wall()
        self._merges += sum(event.event_type == "customer.merged" for event in events)
        self._observer.took([event.event_type for event in events], duplicates)


def _occasion(run: Sequence[_Taken], slots: npt.NDArray[np.int64], number: int, i: int) -> Occasion:
    event, offset = run[i]
    return Occasion(int(slots[i]), event.receivedat, event.id, f"{number}-{offset}", event.traceparent)


def _last_by_slot(slots: npt.NDArray[np.int64], chosen: npt.NDArray[np.bool_]) -> list[int]:
    """Of the chosen events the last one of each slot, in their order."""
    picked = np.flatnonzero(chosen)[::-1]
    _, first = np.unique(slots[picked], return_index=True)
    return sorted(picked[first].tolist())


def _erase(rows: Rows, event: Any) -> Record:
    """No row and no snapshot are left. A later event of the same customer starts a new row."""
    key = message_key(event.tenant, event.subject)
    rows.remove(key)
    return Record(CUSTOMER_HEALTH.name, key, None)
