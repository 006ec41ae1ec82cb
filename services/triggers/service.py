"""Triggers as a stream service: health snapshots and time in, rules that fired and cleared out."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import numpy as np

from libs.events import encode_hot
from libs.events.topics import CUSTOMER_TRIGGERS
from libs.runtime.stream import Chunk, Output, Record, Rows
from services.triggers.batch import Batch
from services.triggers.domain import firing
from services.triggers.domain import rows as layout
from services.triggers.domain.book import Book
from services.triggers.domain.evaluator import Evaluator
from services.triggers.domain.lifecycle import Memory, Phase, Step, Truth, advance
from services.triggers.domain.rules import Rule
from services.triggers.domain.transitions import Array, Table, plan
from services.triggers.intake import read
from services.triggers.ports import NoObserver, Observer

_NOTHING = Memory()
_memory = msgspec.msgpack.Decoder(Memory).decode


class Triggers:
    """`step` and `sweep` over one rule set; both evaluate the same way."""

    def __init__(self, rules: Sequence[Rule], observer: Observer | None = None) -> None:
        self.rules = tuple(rules)
        self._evaluator = Evaluator(rules)
        self._observer: Observer = observer or NoObserver()

    def adopt(self, rules: Sequence[Rule]) -> None:
        """Other rules from the next step or sweep on; what is already true for a new one arms silently."""
        self.rules = tuple(rules)
        self._evaluator = Evaluator(rules)

    def step(self, chunk: Chunk, rows: Rows, now: datetime) -> Iterable[Output]:  # noqa: ARG002 (the seam's)
        """Each snapshot's own receivedat is its now, so a replay decides the same."""
        intake = read(chunk.records)
        for key in intake.gone:
            _forget(rows, key)
        book = Book(rows.memo, self.rules)
        outputs: list[Output] = [*intake.letters]
        for taken in intake.rounds():
            batch = Batch.of_snapshots(rows, book, taken)
            outputs += self._evaluate(batch)
            batch.keep_contributions()
            rows.watermark = max(batch.moments)
        rows.ledger.add("applied", intake.applied)
        _remember(rows, book)
        return outputs

    def sweep(self, rows: Rows, now: datetime) -> Iterable[Output]:
        """Time alone: nothing has come in, but silences have grown and waits have ended."""
        if not len(rows.slots):
            return []
        book = Book(rows.memo, self.rules)
        batch = Batch.of_slots(rows, book, now)
        outputs = self._evaluate(batch)
        _remember(rows, book)
        return outputs

    def _evaluate(self, batch: Batch) -> list[Record]:
        book, current = batch.book, batch.current()
        with self._observer.evaluation(len(current)):
            frame = layout.frame(current, self._evaluator.columns, book.labels, batch.now())
            verdicts = self._evaluator.evaluate(frame)
        table = plan(current, verdicts, book, batch.backfill, batch.first_seen)
        self._count_silent(book, current, table)
        outputs = []
        for i, r in table.cells:
            truth = Truth(bool(verdicts.when[i, r]), bool(verdicts.clear[i, r]))
            output = self._advance(batch, table, i, r, truth)
            if output is not None:
                outputs.append(output)
        batch.write(table)
        return outputs

    def _advance(self, batch: Batch, table: Table, i: int, r: int, truth: Truth) -> Record | None:
        """One customer, one rule: move it and say what it says."""
        rule, key = self.rules[r], batch.key(i)
        side = key + b"\x00" + rule.id.encode()
        stored = batch.rows.sparse.get(side)
        memory = _NOTHING if stored is None else _memory(stored)
        phase = Phase(int(table.phases[i, r]))
        step = advance(phase, memory, truth, batch.moments[i], rule.timing)
        if step.memory != memory:
            _store(batch.rows, side, step.memory)
        if step.phase is not phase:
            table.put(i, r, step.phase)
            self._observer.moved(rule.id, step.phase)
        if step.action is None:
            return None
        self._observer.said(rule.id, step.action)
        return _say(rule, step, batch, i)

    def _count_silent(self, book: Book, before: Array, table: Table) -> None:
        silent = (table.phases == Phase.SILENT) & (before["phases"][:, book.columns] != Phase.SILENT)
        for r in np.flatnonzero(silent.any(axis=0)):
            self._observer.moved(self.rules[r].id, Phase.SILENT, int(silent[:, r].sum()))


def _say(rule: Rule, step: Step, batch: Batch, i: int) -> Record:
    assert step.action is not None
    batch.rows.ledger.add(step.action)
    event_of = firing.fired if step.action == "fired" else firing.cleared
    event = event_of(rule, step.memory, batch.moment(i))
    return Record(CUSTOMER_TRIGGERS.name, batch.key(i), encode_hot(event))


def _store(rows: Rows, side: bytes, memory: Memory) -> None:
    """A rule that has fired is remembered for good: its next episode needs the number."""
    if memory == _NOTHING:
        rows.sparse.delete(side)
    else:
        rows.sparse.put(side, msgspec.msgpack.encode(memory))


def _remember(rows: Rows, book: Book) -> None:
    memo = book.memo()
    if memo is not None:
        rows.memo = memo


def _forget(rows: Rows, key: bytes) -> None:
    """A tombstone: the customer's row and all that its rules remember."""
    rows.remove(key)
    for side, _ in rows.sparse.items_with_prefix(key + b"\x00"):
        rows.sparse.delete(side)
