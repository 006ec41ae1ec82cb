"""Scoring as a stream service: events and time in, health out."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
from msgspec import structs

from libs.events import decode_hot, decode_many
from libs.runtime.stream import Chunk, DeadLetter, InputRecord, Lane, Output, Record, Rows
from libs.runtime.stream.api import SourceRecord
from services.scoring.domain.decode import Decoder, types_of
from services.scoring.domain.memo import Partition
from services.scoring.domain.money import Money
from services.scoring.domain.row import BACKFILL
from services.scoring.domain.scorecard import Scorecard
from services.scoring.domain.snapshot import Dictionary
from services.scoring.domain.update import APPLIED, DUPLICATE, PAST_RING, Columns, apply_events, find_changed
from services.scoring.merger import erase, send_off, take_in
from services.scoring.moves import Erase, MovedEvent, MovedRow, Moves, read, send
from services.scoring.ports import NoObserver, Observer
from services.scoring.publish import CATCH_UP, SCORECARD, SILENCE, Ground, Occasions, Publisher, Slots
from services.scoring.runs import ERASED, MERGED, Run, cut, divert, identity_of, settles

# An import is over when no imported event has come for this long (wall seconds) or a chunk of live
# events alone has: only then do sweeps say what the import found.
IMPORT_QUIET_S = 2.0

# Offsets of the two lanes are numbers of their own: their marks must not meet.
_LANE_MARK = {Lane.EVENTS: "", Lane.TRANSFERS: "x"}

# ROW.said_digest of a row that owes a word. No digest is 0, so a sweep finds it, after a crash too.
OWED = 0


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
        self._numbers, self._identity = scorecard.numbers(), scorecard.identity()
        self._observer: Observer = observer or NoObserver()
        self._publisher = Publisher(Dictionary(scorecard), self._money, self._observer)
        self._decoder = Decoder(self._money)
        self._wall = wall
        self._merges = 0

    def step(self, chunk: Chunk, rows: Rows, now: datetime) -> Iterable[Output]:  # noqa: ARG002 (the seam's)
        """Each event's own receivedat is its now, so a replay decides the same."""
        partition = Partition(rows.memo)
        partition.use(self._identity)
        if chunk.lane is Lane.TRANSFERS:
            yield from self._arrivals(chunk, rows, partition)
        else:
            yield from self._events(chunk, rows, partition)
        rows.memo = partition.blob()
        self._observer.left_out(
            rateless=self._money.rateless, robots=self._decoder.robots, merges=self._merges
        )

    def _events(self, chunk: Chunk, rows: Rows, partition: Partition) -> Iterator[Output]:
        decoded = decode_many([record.value or b"" for record in chunk.records])
        for place, error in decoded.refused.items():
            yield DeadLetter(chunk.records[place], "undecodable", str(error)[:1000])
        for run in cut(chunk, decoded):
            if run.types[0] in (MERGED, ERASED):
                yield from self._end(run, rows, partition)
            else:
                yield from self._take(run, rows, partition)

    def _end(self, run: Run, rows: Rows, partition: Partition) -> Iterator[Output]:
        """One event that ends a customer: they become another one, or are erased."""
        [event], [key], [raw] = run.events, run.keys, [record.value or b"" for record in run.records]
        moves, merged = Moves(rows), run.types[0] == MERGED
        marker, alias = moves.marker(key, event.receivedat), moves.alias(key) if merged else None
        again = (marker and marker.identity == identity_of(event)) or (
            alias and alias.knows(identity_of(event))
        )
        rows.ledger.add("duplicate" if again else "applied")
        rows.watermark = event.receivedat
        self._observer.took(run.types, int(bool(again)))
        if marker or alias or (merged and event.data.into == event.subject):
            return
        yield from send_off(event, raw, rows, partition) if merged else erase(event, raw, key, rows)

    def _arrivals(self, chunk: Chunk, rows: Rows, partition: Partition) -> Iterator[Output]:
        """What partitions sent: rows of customers who became one of ours, and what still came for them."""
        forwarded: list[tuple[SourceRecord, MovedEvent]] = []
        for record in chunk.records:
            move = read(record.value or b"")
            if isinstance(move, MovedEvent):
                forwarded.append((record, move))
                continue
            yield from self._take_forwarded(chunk, forwarded, rows, partition)
            forwarded = []
            yield from self._arrival(chunk, record, move, rows, partition)
        yield from self._take_forwarded(chunk, forwarded, rows, partition)

    def _take_forwarded(
        self,
        chunk: Chunk,
        forwarded: Sequence[tuple[SourceRecord, MovedEvent]],
        rows: Rows,
        partition: Partition,
    ) -> Iterator[Output]:
        if not forwarded:
            return
        records = [InputRecord(record.offset, record.key, move.event) for record, move in forwarded]
        events = [decode_hot(move.event) for _, move in forwarded]
        keys, types = [record.key or b"" for record in records], [event.event_type for event in events]
        run = Run(chunk, records, events, types, keys, [move.path for _, move in forwarded])
        yield from self._take(run, rows, partition)

    def _arrival(
        self, chunk: Chunk, record: SourceRecord, move: MovedRow | Erase, rows: Rows, partition: Partition
    ) -> Iterator[Output]:
        key, moves, event = record.key or b"", Moves(rows), decode_hot(move.event)
        held_off = moves.marker(key, event.receivedat)
        if isinstance(move, Erase):
            yield from () if held_off else erase(event, move.event, key, rows)
            return
        if held_off:  # whoever became an erased customer is erased
            rows.ledger.add("rows_received")
            yield send(move.path[0], Erase(move.event))
            return
        alias = moves.alias(key)
        if alias is not None and not settles(moves, key, move.path):
            yield send(alias.into, structs.replace(move, path=(*move.path, key.decode())))
            return
        slot = take_in(move, event, key, self._ground(rows, partition))
        rows.ledger.add("rows_received")
        self._merges += 1
        if rows.array["pending_import"][slot]:  # a sweep says what an import found
            return
        one = Run(chunk, [record], [event], [MERGED], [key])
        yield from self._say(one, rows, partition, np.array([slot]), np.ones(1, np.bool_))

    def sweep(self, rows: Rows, now: datetime) -> Iterable[Output]:
        """Say whoever would now read differently: by time alone, by what is owed, by what an import found,
        by another scorecard.
        """
        partition = Partition(rows.memo)
        self._tidy(rows, partition, now)
        ground = self._ground(rows, partition)
        at = int(now.timestamp())
        due = find_changed(rows.array, rows.slots, at, ground.world, self._import_over(partition))
        imported, owed, stale, rest = (due[chosen] for chosen in _reasons(ground, due))
        publish, mark = self._publisher.publish, f"sweep-{at}"
        yield from publish(ground, Occasions.alike(imported, now, SILENCE, mark), silent=True)
        yield from publish(ground, Occasions.alike(stale, now, SCORECARD, mark), silent=True)
        yield from publish(ground, _catching_up(rows, owed, now))
        yield from publish(ground, Occasions.alike(rest, now, SILENCE, mark))

    def _tidy(self, rows: Rows, partition: Partition, now: datetime) -> None:
        """What a sweep keeps in the memo: which scorecard it is by, and once a day of business time
        that markers have gone.
        """
        day = now.toordinal()
        fresh = partition.use(self._identity)
        if partition.memo.markers_looked_at != day:
            partition.memo.markers_looked_at, fresh = day, True
            Moves(rows).drop_expired(now)
        if fresh:
            rows.memo = partition.blob()

    def _ground(self, rows: Rows, partition: Partition) -> Ground:
        memo = partition.memo
        world = self._numbers.world(partition.feeds(), memo.segments, memo.edition)
        return Ground(rows, partition, world)

    def _import_over(self, partition: Partition) -> bool:
        memo = partition.memo
        return not memo.importing or self._wall() - memo.import_wall >= IMPORT_QUIET_S

    def _take(self, run: Run, rows: Rows, partition: Partition) -> Iterator[Output]:
        """A run of events into the rows; one snapshot for each customer they touched, or the debt of one."""
        chosen = yield from divert(run, rows)
        run = run if len(chosen) == len(run.events) else run.pick(chosen)
        if not run.events:
            return
        slots = rows.ensure_many(run.keys)
        columns = self._decoder.columns(run.events, types_of(run.events), slots, partition)
        ground = self._ground(rows, partition)
        imported = slots[(columns.events["flags"] & BACKFILL) != 0]
        if len(imported):
            owed = _owed_before_import(rows, np.unique(imported), run.events[0].receivedat)
            yield from self._publisher.publish(ground, owed)
        outcome = np.zeros(len(slots), np.uint8)
        yield from self._apply(columns, ground, run, outcome)
        partition.keep_feeds(ground.world.tenants)
        partition.memo.importing = len(imported) > 0
        rows.touch_many(slots[outcome != DUPLICATE])
        self._note(run, outcome, columns, rows, partition)
        yield from self._say(run, rows, partition, slots, outcome == APPLIED)

    def _say(
        self, run: Run, rows: Rows, partition: Partition, slots: Slots, moved: npt.NDArray[np.bool_]
    ) -> Iterator[Record]:
        """A snapshot of each customer who was moved, now or, while behind, when a sweep comes."""
        if run.chunk.behind and not partition.memo.importing:
            rows.array["said_digest"][slots[moved]] = OWED
            return
        ground = self._ground(rows, partition)
        yield from self._publisher.publish(ground, _occasions(run, slots, _last_by_slot(slots, moved)))

    def _apply(
        self, columns: Columns, ground: Ground, run: Run, outcome: npt.NDArray[np.uint8]
    ) -> Iterator[Record]:
        """The compiled loop. It halts before the first live event of a customer who is said first, imported
        or with another scorecard: what is already true then is armed silently by those who read it.
        """
        slots, done = columns.events["slot"], 0
        while True:
            done = apply_events(ground.rows.array, columns, ground.world, done, outcome)
            if done == len(outcome):
                return
            first = _occasions(run, slots, [done])
            cause = SILENCE if ground.rows.array["pending_import"][first.slots[0]] else SCORECARD
            first = first._replace(causes=[cause], marks=[f"before-{first.marks[0]}"])
            yield from self._publisher.publish(ground, first, silent=True)

    def _note(
        self,
        run: Run,
        outcome: npt.NDArray[np.uint8],
        columns: Columns,
        rows: Rows,
        partition: Partition,
    ) -> None:
        """Ledger, watermark, the state of imports, metrics."""
        duplicates = int(np.count_nonzero(outcome == DUPLICATE))
        unsure = int(np.count_nonzero(columns.hints & PAST_RING))
        if unsure:
            rows.ledger.add("past_ring", unsure)
        if run.chunk.lane is Lane.TRANSFERS:
            rows.ledger.add("arrived", len(outcome))
        rows.ledger.add("applied", len(outcome) - duplicates)
        rows.ledger.add("duplicate", duplicates)
        rows.watermark = max([event.receivedat for event in run.events])
        if partition.memo.importing:
            partition.memo.import_wall = self._wall()
        self._observer.took(run.types, duplicates)


def _occasions(run: Run, slots: Slots, chosen: Sequence[int]) -> Occasions:
    events = [run.events[i] for i in chosen]
    return Occasions(
        slots[np.asarray(chosen, np.intp)],
        [event.receivedat for event in events],
        [event.id for event in events],
        [f"{_LANE_MARK[run.chunk.lane]}{run.chunk.partition}-{run.records[i].offset}" for i in chosen],
        [event.traceparent for event in events],
    )


def _reasons(ground: Ground, due: Slots) -> tuple[npt.NDArray[np.bool_], ...]:
    """Who of the due was imported, owes a word, was last said with another scorecard; and the rest."""
    array, edition = ground.rows.array, ground.world.edition
    imported = array["pending_import"][due] != 0
    owed = ~imported & (array["said_digest"][due] == OWED)
    stale = ~imported & ~owed & (array["said_band"][due] != 0) & (array["said_card"][due] != edition)
    return imported, owed, stale, ~(imported | owed | stale)


def _catching_up(rows: Rows, slots: Slots, at: datetime) -> Occasions:
    """A row that owes a word again has taken in an event or another row since: their count tells it apart."""
    taken_in = rows.ledger["applied"] + rows.ledger["rows_received"]
    return Occasions.alike(slots, at, CATCH_UP, f"catch-up-{taken_in}")


def _owed_before_import(rows: Rows, slots: Slots, at: datetime) -> Occasions:
    """What live events have changed is news, and an import's first word would pass over it as none."""
    array = rows.array
    owing = (array["said_digest"][slots] == OWED) & (array["pending_import"][slots] == 0)
    owing &= array["scored_at"][slots] != 0  # new rows owe nothing
    return _catching_up(rows, slots[owing], at)


def _last_by_slot(slots: Slots, chosen: npt.NDArray[np.bool_]) -> list[int]:
    """Of the chosen events the last one of each slot, in their order."""
    picked = np.flatnonzero(chosen)
    return sorted(dict(zip(slots[picked].tolist(), picked.tolist(), strict=True)).values())
