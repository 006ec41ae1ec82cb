"""Triggers as a stream service: health snapshots and time in, rules that fired and cleared out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import numpy as np

from libs.events import encode_hot
from libs.events.topics import CUSTOMER_TRIGGERS
from libs.runtime.stream import Chunk, DeadLetter, Lane, Output, Record, Rows, SourceRecord
from services.triggers.batch import Batch
from services.triggers.domain import firing
from services.triggers.domain import rows as layout
from services.triggers.domain.book import Book
from services.triggers.domain.columns import Array, Bools
from services.triggers.domain.evaluator import Evaluator, Verdicts
from services.triggers.domain.firing import Moment
from services.triggers.domain.guard import Limits, Storm
from services.triggers.domain.lifecycle import (
    Memory,
    Phase,
    Step,
    Timing,
    Truth,
    advance,
    drop,
    fire,
    health_before,
    hold,
    release,
    remembering,
    rested,
)
from services.triggers.domain.requests import Request
from services.triggers.domain.rules import Rule
from services.triggers.domain.transitions import Phases, Table, clearing, plan
from services.triggers.intake import read, read_request
from services.triggers.ports import NoObserver, Observer
from services.triggers.releasing import Line, Lines, Ticket

Move = Callable[[Phase, Memory], Step]
_NOTHING = Memory()
_PHASES = tuple(Phase)
_AT_ONCE = 256  # releases of all rules: a slice of a sweep must not hold up the loop; the next slice goes on
_DECISIONS = {"storm-release": Storm.RELEASING, "storm-drop": Storm.DROPPING}
_END_OF_HELD = {
    Phase.INACTIVE: "held_cleared",
    Phase.FIRING: "held_released",
    Phase.SILENT: "held_dropped",
}
_memory = msgspec.msgpack.Decoder(Memory).decode


class Looked(NamedTuple):
    """What one evaluation said, what is true and where each rule then stands, a row a customer."""

    said: list[Record]
    when: Bools
    phases: Phases


class Slice(NamedTuple):
    """A part of a sweep: `rows` is the window on it."""

    rows: Rows
    book: Book
    now: datetime

    @property
    def day(self) -> int:
        return self.now.toordinal()


class Triggers:
    """`step` and `sweep` over one rule set; both evaluate the same way."""

    def __init__(
        self, rules: Sequence[Rule], observer: Observer | None = None, limits: Limits | None = None
    ) -> None:
        self.rules = tuple(rules)
        self._evaluator = Evaluator(rules)
        self._observer: Observer = observer or NoObserver()
        self._limits = limits or Limits()
        self._lines = Lines()

    def adopt(self, rules: Sequence[Rule]) -> None:
        """Other rules from the next step or sweep on; what is already true for a new one arms silently."""
        self.rules = tuple(rules)
        self._evaluator = Evaluator(rules)

    def step(self, chunk: Chunk, rows: Rows, now: datetime) -> Iterable[Output]:  # noqa: ARG002 (the seam's)
        """Each snapshot's own receivedat is its now, so a replay decides the same."""
        book = Book(rows.memo, self.rules)
        book.place(chunk.partition)
        if chunk.lane is Lane.TRANSFERS:
            outputs: list[Output] = [*_take_requests(chunk.records, book, rows)]
        else:
            outputs = self._take_snapshots(chunk.records, book, rows)
        self._remember(rows, book)
        return outputs

    def sweep(self, rows: Rows, now: datetime) -> Iterable[Output]:
        """Time alone: nothing has come in, but silences have grown and waits have ended."""
        if not len(rows.slots):
            return []
        book = Book(rows.memo, self.rules)
        looked = self._evaluate(Batch.of_slots(rows, book, now))
        released = self._release(Slice(rows, book, now), looked)
        self._remember(rows, book)
        return [*looked.said, *released]

    def _take_snapshots(self, records: Sequence[SourceRecord], book: Book, rows: Rows) -> list[Output]:
        intake = read(records)
        for key in intake.gone:
            self._forget(rows, book, key)
        outputs: list[Output] = [*intake.letters]
        for taken in intake.rounds():
            batch = Batch.of_snapshots(rows, book, taken)
            outputs += self._evaluate(batch).said
            batch.keep_contributions()
            rows.watermark = max(batch.moments)
        rows.ledger.add("applied", intake.applied)
        return outputs

    def _evaluate(self, batch: Batch) -> Looked:
        book, current = batch.book, batch.current()
        book.look(max(batch.moments))
        verdicts = self._verdicts(batch, current)
        table = plan(current, verdicts, book, batch.backfill, batch.first_seen)
        self._count_silent(book, current, table)
        said = [
            self._advance(batch, table, i, r, Truth(bool(verdicts.when[i, r]), bool(verdicts.clear[i, r])))
            for i, r in table.cells
        ]
        said += self._let_go(batch, table)
        batch.write(table)
        return Looked([record for record in said if record is not None], verdicts.when, table.phases)

    def _verdicts(self, batch: Batch, current: Array) -> Verdicts:
        asked = clearing(current["phases"][:, batch.book.columns])
        with self._observer.evaluation(len(current)):
            columns = layout.columns(current, batch.book.labels, batch.now(), self._evaluator.columns)
            return self._evaluator.evaluate(columns, asked)

    def _advance(self, batch: Batch, table: Table, i: int, r: int, truth: Truth) -> Record | None:
        """One customer, one rule, as the lifecycle says; in a storm a firing is held."""
        rule = self.rules[r]

        def guarded(phase: Phase, memory: Memory) -> Step:
            step = advance(phase, memory, truth, batch.moments[i], rule.timing)
            return step if step.action != "fired" or self._admits(batch, rule) else hold(memory)

        return self._move(batch, table, i, r, guarded)

    def _admits(self, batch: Batch, rule: Rule) -> bool:
        book, customers = (
            batch.book,
            batch.rows.extent,
        )  # erased customers leave room that counts until reused
        quiet = book.storm(rule.id) is not Storm.HELD
        if book.admits(rule.id, self._limits, customers):
            return True
        batch.rows.ledger.add("held")
        if quiet:
            self._observer.storm_began(rule.id, customers)
        return False

    def _let_go(self, batch: Batch, table: Table) -> list[Record | None]:
        """What is held of a rule and has been decided on."""
        said: list[Record | None] = []
        for r, rule in enumerate(self.rules):
            decided = batch.book.storm(rule.id)
            if decided in (Storm.RELEASING, Storm.DROPPING):
                held = np.flatnonzero(table.phases[:, r] == Phase.HELD).tolist()
                said += [self._move(batch, table, i, r, _decided(decided, batch.moments[i])) for i in held]
        return said

    def _release(self, here: Slice, looked: Looked) -> list[Record]:
        """Today's part of what is silently armed, the most valuable of the whole partition first."""
        said: list[Record] = []
        for r, rule in enumerate(self.rules):
            due = here.book.due(rule.id, here.day)
            if due:
                line = self._line(here, rule.id)
                if not line.complete:
                    self._see(line, here, looked, r, due)
                if line.complete:
                    said += self._fire_next(line, here, r, min(due, _AT_ONCE - len(said)))
            else:
                self._lines.end(here.book.partition, rule.id)
        return said

    def _line(self, here: Slice, rule: str) -> Line:
        ticket = Ticket(here.rows.ledger, here.book.generation, here.book.request(rule), here.day)
        return self._lines.of(here.book.partition, rule, ticket)

    def _see(self, line: Line, here: Slice, looked: Looked, r: int, due: int) -> None:
        rule, rows, silent = self.rules[r], here.rows, looked.phases[:, r] == Phase.SILENT

        def ready(key: bytes) -> bool:
            return rested(_remembered(rows, _side(key, rule)), here.now, rule.timing)

        line.see(rows, int(silent.sum()), rows.slots[silent & looked.when[:, r]], due, ready)

    def _fire_next(self, line: Line, here: Slice, r: int, most: int) -> list[Record]:
        """The next of the line. Some may be well again, or gone, since they were put into it."""
        rows, book, rule = here.rows, here.book, self.rules[r].id
        found = [slot for slot in map(rows.find, line.take(most)) if slot >= 0]
        batch = Batch.of_slots(rows, book, here.now, np.array(found, np.int64))
        said = self._fire_silent(batch, r) if found else []
        rows.ledger.add("silent_released", len(said))
        if line.silent:
            book.spend(rule, here.day, len(said), more=bool(line) or line.full)
        else:
            book.end_release(rule)
        if not line:
            self._lines.end(book.partition, rule)
        return said

    def _fire_silent(self, batch: Batch, r: int) -> list[Record]:
        """All of them for whom the rule is silently armed and true now."""
        current, timing = batch.current(), self.rules[r].timing
        table = Table(current["phases"][:, batch.book.columns], [], np.zeros(len(current), np.bool_))
        verdicts = self._verdicts(batch, current)
        ready = verdicts.when[:, r] & (table.phases[:, r] == Phase.SILENT)
        said = [
            self._move(batch, table, i, r, _released(batch.moments[i], timing))
            for i in np.flatnonzero(ready).tolist()
        ]
        batch.write(table)
        return [record for record in said if record is not None]

    def _move(self, batch: Batch, table: Table, i: int, r: int, to: Move) -> Record | None:
        """One customer, one rule: move it, remember it and say what it says."""
        rule, key = self.rules[r], batch.key(i)
        side = _side(key, rule)
        memory = _remembered(batch.rows, side)
        phase = _PHASES[table.phases[i, r]]
        before = health_before(phase, memory, batch.health_before(i))
        step = to(phase, memory)
        kept = remembering(step, before)
        if kept != memory:
            _store(batch.rows, side, kept)
        if step.phase is not phase:
            table.put(i, r, step.phase)
            self._observer.moved(rule.id, step.phase)
            if phase is Phase.HELD:
                batch.book.let_go(rule.id)
                batch.rows.ledger.add(_END_OF_HELD[step.phase])
        if step.action is None:
            return None
        self._observer.said(rule.id, step.action)
        batch.rows.ledger.add(step.action)
        return _say(rule, step, batch.moment(i, before))

    def _remember(self, rows: Rows, book: Book) -> None:
        if book.partition is not None:
            self._observer.storms(book.partition, book.storms())
        memo = book.memo()
        if memo is not None:
            rows.memo = memo

    def _forget(self, rows: Rows, book: Book, key: bytes) -> None:
        """A tombstone: the customer's row and all that its rules remember."""
        slot = rows.find(key)
        if slot >= 0:
            row = rows.array[slot]
            held = (row["phases"][book.columns] == Phase.HELD) & (row["generation"] >= book.added)
            for r in np.flatnonzero(held).tolist():
                book.let_go(self.rules[r].id)
                rows.ledger.add("held_erased")
        rows.remove(key)
        for side, _ in rows.sparse.items_with_prefix(key + b"\x00"):
            rows.sparse.delete(side)

    def _count_silent(self, book: Book, before: Array, table: Table) -> None:
        silent = (table.phases == Phase.SILENT) & (before["phases"][:, book.columns] != Phase.SILENT)
        for r in np.flatnonzero(silent.any(axis=0)):
            self._observer.moved(self.rules[r].id, Phase.SILENT, int(silent[:, r].sum()))


def _say(rule: Rule, step: Step, at: Moment) -> Record:
    event_of = firing.fired if step.action == "fired" else firing.cleared
    return Record(CUSTOMER_TRIGGERS.name, at.key, encode_hot(event_of(rule, step.memory, at)))


def _side(key: bytes, rule: Rule) -> bytes:
    return key + b"\x00" + rule.id.encode()


def _remembered(rows: Rows, side: bytes) -> Memory:
    stored = rows.sparse.get(side)
    return _NOTHING if stored is None else _memory(stored)


def _store(rows: Rows, side: bytes, memory: Memory) -> None:
    """A rule that has fired is remembered for good: its next episode needs the number."""
    if memory == _NOTHING:
        rows.sparse.delete(side)
    else:
        rows.sparse.put(side, msgspec.msgpack.encode(memory))


def _decided(storm: Storm, now: datetime) -> Move:
    return lambda _, memory: fire(memory, now) if storm is Storm.RELEASING else drop(memory)


def _take_requests(records: Iterable[SourceRecord], book: Book, rows: Rows) -> Iterator[DeadLetter]:
    """Written down here; sweeps carry it out, a slice at a time."""
    for record in records:
        request = read_request(record)
        if isinstance(request, DeadLetter):
            yield request
        elif not book.knows(request.rule):
            yield DeadLetter(record, "unknown_rule", f"there is no rule {request.rule} here")
        else:
            rows.ledger.add("requests")
            _take_request(request, book)


def _take_request(request: Request, book: Book) -> None:
    if request.action == "release":
        book.release(request.rule, request.id, request.per_day)
    else:
        book.decide(request.rule, _DECISIONS[request.action])


def _released(now: datetime, timing: Timing) -> Move:
    return lambda _, memory: release(memory, now, timing)
