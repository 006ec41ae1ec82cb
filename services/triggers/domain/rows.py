"""A customer's row: the last snapshot in columns, and the phase of each rule. 418 bytes.

Null is NaT in a time, NaN in a real, the type's least value in an integer or flag, code 0 in a text.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, get_args

import msgspec
import numpy as np

from libs.events.facts import Facts
from libs.events.hot import data_struct
from libs.events.moments import NOT_A_TIME, microseconds
from libs.events.types import Band
from services.triggers.domain.cells import Reader
from services.triggers.domain.columns import Array, Columns
from services.triggers.domain.lifecycle import Point
from services.triggers.domain.vocabulary import FACTS, NOW, SNAPSHOT, STORED, VOCABULARY, Column, Kind

MAX_RULES = 64

# seen_at: receivedat of the snapshot; generation: the rule set this row was last evaluated with.
TriggersRow = np.dtype(
    [(column.name, column.store) for column in STORED]
    + [("seen_at", "M8[us]"), ("generation", "u4"), ("simulated", "u1"), ("phases", "u1", (MAX_RULES,))]
)
LAYOUT = 1
_SEEN_AT = len(STORED)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY_US = 86_400e6  # microseconds
_own = attrgetter(*(column.name for column in SNAPSHOT))
_facts = attrgetter(*(column.name for column in FACTS))
_facts_struct = data_struct(Facts)
_BANDS: tuple[Band, ...] = get_args(Band)


def _null(column: Column) -> Any:
    if column.kind is Kind.TIME:
        return np.datetime64("NaT", "us")
    if column.kind is Kind.TEXT:
        return 0
    return np.nan if column.store == "f8" else int(np.iinfo(column.store).min)


_NULLS = {column.name: _null(column) for column in STORED}
_CODES = {c.choices: {word: code for code, word in enumerate(c.choices, 1)} for c in STORED}
_NOTHING_KNOWN = np.zeros(1, TriggersRow)
for _name, _cell in _NULLS.items():
    _NOTHING_KNOWN[_name] = _cell


_ALL = frozenset(VOCABULARY)


@lru_cache(maxsize=8)  # of the rule sets in use
def _numbers_of(wanted: frozenset[str]) -> Reader:
    return Reader([column for column in STORED if column.name in wanted], TriggersRow)


class Labels(msgspec.Struct):
    """Words of open text columns as small numbers, one list a partition; 0 is null."""

    words: list[str] = msgspec.field(default_factory=list)
    codes: dict[str, int] = msgspec.field(default_factory=dict)

    MAX = 1_000  # the list is kept in each checkpoint; a shop has tens of segments
    OTHER = "other"

    @classmethod
    def of(cls, words: Iterable[str]) -> "Labels":
        known = list(words)
        return cls(known, {word: code for code, word in enumerate(known, 1)})

    def code(self, word: str) -> int:
        """The number of a word, a new one if need be; past MAX all new words are one."""
        code = self.codes.get(word)
        if code is None:
            if len(self.words) >= self.MAX and word != self.OTHER:
                return self.code(self.OTHER)
            self.words.append(word)
            code = self.codes[word] = len(self.words)
        return code


def encode(snapshots: Sequence[Any], labels: Labels) -> Array:
    """Decoded health.snapshot events as rows, column by column; rule state is left at zero."""
    rows = np.repeat(_NOTHING_KNOWN, len(snapshots))
    own = zip(*(_own(event.data) for event in snapshots), strict=True)
    facts = zip(*(_facts(event.data.facts) for event in snapshots), strict=True)
    for column, values in zip(STORED, (*own, *facts), strict=True):
        if values[0] is not None or values.count(None) < len(values):  # else no source tells of it
            rows[column.name] = _stored(column, values, labels)
    rows["seen_at"] = instants([event.receivedat for event in snapshots])
    rows["simulated"] = [event.simulated for event in snapshots]
    return rows


def _stored(column: Column, values: Sequence[Any], labels: Labels) -> Array:
    if column.kind is Kind.TIME:
        return instants(values)
    if column.kind is Kind.TEXT:
        code = _coder(column, labels)
        return np.array([0 if value is None else code(value) for value in values], column.store)
    if column.store == "f8":
        return np.array(values, np.float64)  # None becomes NaN
    null = _NULLS[column.name]
    return np.array([null if value is None else value for value in values], column.store)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _coder(column: Column, labels: Labels) -> Callable[[str], int]:
    if not column.choices:
        return labels.code
    return _CODES[column.choices].__getitem__


def columns(rows: Array, labels: Labels, now: datetime | Array, wanted: frozenset[str] = _ALL) -> Columns:
    """The rows as conditions read them: those `wanted`. `now` is one moment, or an M8[us] array with one for
    each row.
    """
    moments = _since_epoch(now) if isinstance(now, np.ndarray) else np.full(len(rows), float(_micros(now)))
    reader = _numbers_of(wanted)

    @cache
    def numbers() -> Array:
        found = reader.read(rows)
        found[reader.ages] += _days(rows["seen_at"], moments)
        return found

    def make(name: str) -> Array:
        if name == NOW.name:
            return moments
        if VOCABULARY[name].kind in (Kind.NUMBER, Kind.TIME):
            found: Array = numbers()[reader.places[name]]  # a KeyError: it was not wanted
            return found
        # A field of a structured array is strided: one contiguous copy, then every condition reads that.
        return np.ascontiguousarray(rows[name])

    return Columns(len(rows), make, labels.codes)


def _since_epoch(times: Array) -> Array:
    """As microseconds: numpy takes six times as long to subtract times."""
    whole = times.view(np.int64)
    found: Array = np.where(whole == NOT_A_TIME, np.nan, whole)
    return found


def _days(since: Array, now: Array) -> Array:
    """Days between snapshot and evaluation; none where a sweep lags behind the snapshot."""
    days: Array = np.maximum((now - np.ascontiguousarray(since).view(np.int64)) / _DAY_US, 0.0)
    return days


def instants(moments: Sequence[datetime | None]) -> Array:
    """Moments as the M8[us] array that `columns` takes; NaT where there is none."""
    return microseconds(moments).view("M8[us]")


def worth(spent: Array, recurring: Array) -> list[tuple[float, float]]:
    """What puts the most valuable first in order: by what they have spent, then by recurring revenue; the
    unknown come last.
    """
    return list(zip((-_known(spent)).tolist(), (-_known(recurring)).tolist(), strict=True))


def _known(cells: Array) -> Array:
    null = np.isnan(cells) if cells.dtype.kind == "f" else cells == np.iinfo(cells.dtype).min
    return np.where(null, -np.inf, cells)


def values_of(row: Any, labels: Labels, now: datetime) -> dict[str, Any]:
    """One row back as the contract's own values, as of now; what is null is left out."""
    cells, words = row.item(), labels.words
    known = {}
    for (name, read), cell in zip(_READERS, cells, strict=False):
        value = read(cell, words)
        if value is not None:
            known[name] = value
    aged = max((now - _moment(cells[_SEEN_AT], words)) / timedelta(days=1), 0.0)
    return known | {name: known[name] + aged for name in _AGING if name in known}


def health_of(score: float, band: int) -> Point | None:
    """A row's score and its band's number as they were; None of a row that nothing was written to."""
    return Point(float(score), _BANDS[band - 1]) if band else None


def facts_of(values: dict[str, Any]) -> Any:
    """The facts among those values as the contract's struct."""
    return _facts_struct(**{column.name: values[column.name] for column in FACTS if column.name in values})


# ---- a cell as Python has it, and the words: its value, None where it is null

_Reader = Callable[[Any, Sequence[str]], Any]


def _moment(cell: Any, _: Sequence[str]) -> Any:
    return None if cell is None else cell.replace(tzinfo=UTC)


def _real(cell: float, _: Sequence[str]) -> float | None:
    return None if math.isnan(cell) else cell


def _reader(column: Column) -> _Reader:
    null, choices = _NULLS[column.name], column.choices
    if column.kind is Kind.TIME:
        return _moment
    if column.kind is Kind.TEXT:
        return lambda cell, words: (choices or words)[cell - 1] if cell else None
    if column.kind is Kind.FLAG:
        return lambda cell, _: None if cell == null else bool(cell)
    return _real if column.store == "f8" else lambda cell, _: None if cell == null else cell


_READERS = [(column.name, _reader(column)) for column in STORED]
_AGING = [column.name for column in STORED if column.ages]
