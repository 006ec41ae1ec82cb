"""A folder of daily frames, as `greenline scoring replay` writes it, taken as a day's snapshots each.

A file is named after its day and holds a row a customer as of the end of that day: `customer`, `tenant`,
`now`, `scorecard` and the columns of the vocabulary.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from libs.runtime.errors import ConfigError
from services.triggers.domain.columns import UNKNOWN_FLAG, Array, Columns
from services.triggers.domain.vocabulary import VOCABULARY, Kind

WHO = ("tenant", "customer")
_MAKE = "make the frames with `greenline scoring replay EVENTS --from D --to D --out DIR`"
_DAY = timedelta(days=1)
_TYPES: dict[Kind, pl.DataType] = {
    Kind.NUMBER: pl.Float64(),
    Kind.TIME: pl.Datetime("us", "UTC"),
    Kind.FLAG: pl.Boolean(),
    Kind.TEXT: pl.String(),
}


class Frame(NamedTuple):
    """One day: customers by number, and what the rules and the outcome ask of them, line by line."""

    day: date
    now: datetime
    slots: npt.NDArray[np.int64]
    columns: pl.DataFrame


class Frames:
    """The days of a folder in their order. Reading them numbers the customers as they appear."""

    def __init__(self, folder: Path, columns: AbstractSet[str]) -> None:
        """Raises ConfigError: nothing there, a day missing, one day alone."""
        self.folder, self.days = folder, _days(folder)
        self._names = sorted(columns | {"now", "last_order_at"})
        self.scorecard = ""
        self._people = pl.DataFrame(schema={**dict.fromkeys(WHO, pl.String), "slot": pl.Int64})
        self._before = self._people  # who stood in the last frame: most days are like the day before

    def __len__(self) -> int:
        return len(self.days)

    def __iter__(self) -> Iterator[Frame]:
        """Raises ConfigError at the first file that cannot be used."""
        for day in self.days:
            yield self._read(day)

    def some(self, count: int, until: int) -> Iterator[Frame]:
        """At most so many days, spread evenly over those before day `until`. Raises ConfigError."""
        places = np.unique(np.linspace(0, until - 1, min(count, until)).astype(int))
        for place in places.tolist():
            yield self._read(self.days[place])

    @property
    def customers(self) -> int:
        return self._people.height

    def who(self) -> list[tuple[str, str]]:
        """Tenant and customer by number."""
        return self._people.select(WHO).rows()

    def _read(self, day: date) -> Frame:
        path = self.folder / f"{day}.parquet"
        raw = _load(path, [*WHO, "scorecard", *self._names])
        self._check_scorecard(path, raw["scorecard"])
        now = end_of(day)
        columns = raw.select(self._names)
        if not (columns["now"] == now).all():
            raise ConfigError(f"{path}: `now` is not the end of its day, {now:%Y-%m-%d %H:%M} UTC: {_MAKE}")
        slots = self._number(raw.select(WHO))
        if np.bincount(slots).max(initial=0) > 1:
            raise ConfigError(f"{path}: a customer stands in it twice: {_MAKE}")
        return Frame(day, now, slots, columns)

    def _check_scorecard(self, path: Path, column: pl.Series) -> None:
        for version in column.unique(maintain_order=True):
            self.scorecard = self.scorecard or version
            if version != self.scorecard:
                raise ConfigError(
                    f"{path}: made with scorecard {version}, the days before with {self.scorecard}: "
                    "make all days of a folder with one scorecard"
                )

    def _number(self, who: pl.DataFrame) -> npt.NDArray[np.int64]:
        if not who.equals(self._before.select(WHO)):
            self._before = self._find(who)
        return self._before["slot"].to_numpy()

    def _find(self, who: pl.DataFrame) -> pl.DataFrame:
        found = who.join(self._people, on=WHO, how="left", maintain_order="left")
        new = found.filter(pl.col("slot").is_null()).select(WHO).unique(maintain_order=True)
        if new.is_empty():
            return found
        slots = pl.int_range(self.customers, self.customers + new.height, eager=True).alias("slot")
        self._people = pl.concat([self._people, new.with_columns(slots)])
        return who.join(self._people, on=WHO, how="left", maintain_order="left")


def columns_of(frame: pl.DataFrame) -> Columns:
    """A frame as conditions read it."""
    words: dict[str, int] = {}  # of open text columns: their numbers, as they are met

    def make(name: str) -> Array:
        series, column = frame[name], VOCABULARY[name]
        if column.kind is Kind.TEXT:
            codes = {word: i for i, word in enumerate(column.choices, 1)} or words
            for word in series.drop_nulls().unique():
                codes.setdefault(word, len(codes) + 1)
            return np.array([0 if word is None else codes[word] for word in series], np.int32)
        if column.kind is Kind.TIME:
            return series.dt.timestamp("us").cast(pl.Float64).to_numpy()
        if column.kind is Kind.FLAG:
            return series.cast(pl.Int8).fill_null(UNKNOWN_FLAG).to_numpy()
        return series.cast(pl.Float64).to_numpy()

    return Columns(frame.height, make, words)


def end_of(day: date) -> datetime:
    """The first moment after a day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + _DAY


def _days(folder: Path) -> list[date]:
    try:
        days = sorted(date.fromisoformat(path.stem) for path in folder.glob("*.parquet"))
    except ValueError as error:
        raise ConfigError(f"{folder}: a frame is named after its day, 2026-01-31.parquet: {error}") from None
    if not days:
        raise ConfigError(f"{folder}: no Parquet file there: {_MAKE}")
    for before, after in pairwise(days):
        if after - before != _DAY:
            raise ConfigError(f"{folder}: no day between {before} and {after}: {_MAKE}, without a gap")
    if len(days) < 2:
        raise ConfigError(f"{folder}: one day alone, nothing can happen after it: {_MAKE}, for more days")
    return days


def _load(path: Path, names: list[str]) -> pl.DataFrame:
    """Those columns, typed as the vocabulary has them."""
    try:
        missing = set(names) - set(pl.read_parquet_schema(path))
        if missing:
            raise ConfigError(f"{path}: no column {', '.join(sorted(missing))}: {_MAKE}")
        types = {name: _TYPES[VOCABULARY[name].kind] for name in names if name in VOCABULARY}
        return pl.read_parquet(path, columns=list(dict.fromkeys(names))).cast(types)  # type: ignore[arg-type]
    except (OSError, pl.exceptions.PolarsError) as error:
        said = str(error).splitlines()[0]
        raise ConfigError(f"{path}: cannot be read as a frame ({said}): {_MAKE}") from None
