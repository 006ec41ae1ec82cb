"""A customer's row: the last snapshot in columns, and the phase of each rule. 418 bytes.

Null is NaT in a time, NaN in a real, the type's least value in an integer or flag, code 0 in a text.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from libs.events.facts import Facts
from libs.events.hot import data_struct
from services.triggers.domain.vocabulary import FACTS, NOW, SNAPSHOT, STORED, Column, Kind

MAX_RULES = 64

# seen_at: receivedat of the snapshot; generation: the rule set this row was last evaluated with.
TriggersRow = np.dtype(
    [(column.name, column.store) for column in STORED]
    + [("seen_at", "M8[us]"), ("generation", "u4"), ("simulated", "u1"), ("phases", "u1", (MAX_RULES,))]
)
LAYOUT = 1

Array = npt.NDArray[Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NAT = int(np.iinfo(np.int64).min)
_DAY_US = 86_400e6  # microseconds
_own = attrgetter(*(column.name for column in SNAPSHOT))
_facts = attrgetter(*(column.name for column in FACTS))
_facts_struct = data_struct(Facts)


class Labels(msgspec.Struct):
    """Words of open text columns as small numbers, one list a partition; 0 is null."""

    words: list[str] = msgspec.field(default_factory=list)
    _codes: dict[str, int] = msgspec.field(default_factory=dict)

    MAX = 1_000  # the list is kept in each checkpoint; a shop has tens of segments
    OTHER = "other"

    @classmethod
    def of(cls, words: Iterable[str]) -> "Labels":
        known = list(words)
        return cls(known, {word: code for code, word in enumerate(known, 1)})

    def code(self, word: str) -> int:
        """The number of a word, a new one if need be; past MAX all new words are one."""
        code = self._codes.get(word)
        if code is None:
            if len(self.words) >= self.MAX and word != self.OTHER:
                return self.code(self.OTHER)
            self.words.append(word)
            code = self._codes[word] = len(self.words)
        return code


def encode(snapshots: Sequence[Any], labels: Labels) -> Array:
    """Decoded health.snapshot events as rows, column by column; rule state is left at zero."""
    rows = np.zeros(len(snapshots), TriggersRow)
    own = zip(*(_own(event.data) for event in snapshots), strict=True)
    facts = zip(*(_facts(event.data.facts) for event in snapshots), strict=True)
    for column, values in zip(STORED, (*own, *facts), strict=True):
        rows[column.name] = _stored(column, values, labels)
    rows["seen_at"] = instants(event.receivedat for event in snapshots)
    rows["simulated"] = [event.simulated for event in snapshots]
    return rows


def _stored(column: Column, values: Sequence[Any], labels: Labels) -> Array:
    if column.kind is Kind.TIME:
        moments = [_NAT if value is None else _micros(value) for value in values]
        return np.array(moments, np.int64).view("M8[us]")
    if column.kind is Kind.TEXT:
        code = _coder(column, labels)
        return np.array([0 if value is None else code(value) for value in values], column.store)
    null = np.nan if column.store == "f8" else np.iinfo(column.store).min
    return np.array([null if value is None else value for value in values], column.store)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _coder(column: Column, labels: Labels) -> Callable[[str], int]:
    if not column.choices:
        return labels.code
    codes = {choice: code for code, choice in enumerate(column.choices, 1)}
    return codes.__getitem__


def frame(rows: Array, names: Iterable[str], labels: Labels, now: datetime | Array) -> pl.DataFrame:
    """The named columns as Polars has them: numbers Float64, times UTC, nulls where nothing is known.

    `now` is one moment, or an M8[us] array with one for each row.
    """
    wanted = set(names)
    columns = [column for column in STORED if column.name in wanted]
    moments = now if isinstance(now, np.ndarray) else np.full(len(rows), _instant(now))
    aged = _days(rows["seen_at"], moments) if any(column.ages for column in columns) else None
    series = [_series(column, rows, labels, aged) for column in columns]
    raw = pl.DataFrame([*series, pl.Series("now", moments)])
    # Zones and flags in one pass: each call of a Series' own method would be a query of its own.
    return raw.with_columns(_typed(column) for column in (*columns, NOW) if column.kind in _RAW)


_RAW = frozenset({Kind.TIME, Kind.FLAG})


def _typed(column: Column) -> pl.Expr:
    cell = pl.col(column.name)
    return cell.dt.replace_time_zone("UTC") if column.kind is Kind.TIME else cell.cast(pl.Boolean)


def _days(since: Array, now: Array) -> Array:
    """Days between snapshot and evaluation; none where a sweep lags behind the snapshot."""
    days: Array = np.maximum((now - since).astype(np.float64) / _DAY_US, 0.0)
    return days


def _series(column: Column, rows: Array, labels: Labels, aged: Array | None) -> pl.Series:
    # A field of a structured array is strided: one contiguous copy is 30 times faster than Polars' own.
    values = np.ascontiguousarray(rows[column.name])
    if column.kind is Kind.TIME:
        return pl.Series(column.name, values)
    if column.kind is Kind.TEXT:
        words = [None, *(column.choices or labels.words)]
        return pl.Series(column.name, words, pl.String).gather(values)
    if column.store != "f8":
        null = np.iinfo(column.store).min
        values = np.where(values == null, np.nan, values.astype(np.float64))
    elif column.ages and aged is not None:
        values = values + aged
    return pl.Series(column.name, values, nan_to_null=True)


def _instant(moment: datetime) -> np.datetime64:
    return np.datetime64(_micros(moment), "us")


def instants(moments: Iterable[datetime]) -> Array:
    """Moments as the M8[us] array that `frame` takes."""
    return np.array([_micros(moment) for moment in moments], np.int64).view("M8[us]")


def most_valuable_first(spent: Array, recurring: Array) -> npt.NDArray[np.intp]:
    """The order of customers by what they have spent, then by recurring revenue; the unknown come last."""
    return np.lexsort((-_known(recurring), -_known(spent)))


def _known(cells: Array) -> Array:
    null = np.isnan(cells) if cells.dtype.kind == "f" else cells == np.iinfo(cells.dtype).min
    return np.where(null, -np.inf, cells)


def values_of(row: Any, labels: Labels, now: datetime) -> dict[str, Any]:
    """One row back as the contract's own values, as of now; what is null is left out."""
    aged = max((now - _moment(row["seen_at"])) / timedelta(days=1), 0.0)
    found = {column.name: _value(column, row[column.name], labels) for column in STORED}
    known = {name: value for name, value in found.items() if value is not None}
    return known | {c.name: known[c.name] + aged for c in STORED if c.ages and c.name in known}


def _moment(cell: Any) -> datetime:
    return _EPOCH + int(cell.astype(np.int64)) * _MICROSECOND


def facts_of(values: dict[str, Any]) -> Any:
    """The facts among those values as the contract's struct."""
    return _facts_struct(**{column.name: values[column.name] for column in FACTS if column.name in values})


def _value(column: Column, cell: Any, labels: Labels) -> Any:
    if column.kind is Kind.TIME:
        return None if np.isnat(cell) else _moment(cell)
    if column.kind is Kind.TEXT:
        return (column.choices or labels.words)[int(cell) - 1] if cell else None
    if column.store == "f8":
        return None if np.isnan(cell) else float(cell)
    if cell == np.iinfo(column.store).min:
        return None
    return bool(cell) if column.kind is Kind.FLAG else int(cell)
