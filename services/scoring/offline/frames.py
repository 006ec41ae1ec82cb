"""Days of health as data frames: a row a customer, as a sweep at the end of the day would say it.

Columns are typed as the rule language reads them: the names of the vocabulary, times in UTC, null where
nothing is known, and `now`, the moment at which days are counted. Amounts stay whole minor units.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args, get_origin

import numpy as np
import numpy.typing as npt
import polars as pl

from libs.events import Facts, split_key
from services.scoring.domain.facts import COLUMNS, SUBSCRIPTION_STATES
from services.scoring.domain.score import BANDS, STAGES
from services.scoring.domain.scorecard import Scorecard
from services.scoring.domain.signals import NAMES
from services.scoring.offline.days import date_of
from services.scoring.offline.log import EventLog
from services.scoring.offline.replay import Described, Replay, end_of

Values = npt.NDArray[np.float64]

_MICROS = 1e6  # in a second


class Day(NamedTuple):
    """A day since 1970 and everybody who had been heard of by its end."""

    day: int
    frame: pl.DataFrame

    @property
    def name(self) -> str:
        return f"{date_of(self.day)}.parquet"


def daily(log: EventLog, card: Scorecard, first: int, last: int) -> Iterator[Day]:
    """Frames from the end of day `first` to the end of day `last`."""
    replay = Replay(log, card.numbers())
    replay.hold_bands(first)
    people = _People(log)
    for day in range(first, last + 1):
        told = replay.describe(end_of(day))
        yield Day(day, _frame(day, told, replay.rows[told.slots], people, card))


class _People:
    """Who stands behind a number, as columns to take lines from."""

    def __init__(self, log: EventLog) -> None:
        tenants, customers = zip(*map(split_key, log.keys), strict=True)
        self.tenants, self.customers = pl.Series(tenants), pl.Series(customers)
        memo = log.partition.memo
        self.segments = pl.Series(memo.segments)
        self.currencies = pl.Series([log.money.currency_of(name) for name in memo.tenants])


def _frame(
    day: int, told: Described, rows: npt.NDArray[np.void], people: _People, card: Scorecard
) -> pl.DataFrame:
    n, found = len(told.slots), told.found
    score, confidence, stage, p_buy = found.heads.T
    facts = {name: _FACTS[name](found.facts[:, i]) for i, name in enumerate(COLUMNS)}
    facts["currency"] = people.currencies.gather(rows["tenant"])
    spend = facts["spend_total"]
    return pl.DataFrame(
        {
            "customer": people.customers.gather(told.slots),
            "tenant": people.tenants.gather(told.slots),
            "day": pl.Series(np.full(n, day, "M8[D]")),
            "now": _times(np.full(n, float(end_of(day)))),
            "scorecard": pl.repeat(card.version, n, eager=True),
            "score": np.round(score, 6),
            "band": _words(BANDS, told.bands),
            "confidence": np.round(confidence, 4),
            "stage": _words(STAGES, stage),
            "segment": people.segments.gather(rows["segment"]),
            "tier": _words(("standard", "high"), spend.fill_null(0).to_numpy() >= card.high_tier_minor),
            "p_buy": _reals(p_buy),
            **facts,
            **_signals(found.signals),
        }
    )


def _signals(signals: Values) -> Mapping[str, pl.Series]:
    """Value, evidence and points of each; null: never seen, so left out of the score."""
    seen = signals[:, 1] >= 0.0
    columns = {}
    for j, name in enumerate(NAMES):
        for part, (what, places) in enumerate((("value", 2), ("evidence", 4), ("points", 4))):
            values = np.where(seen[:, j], np.round(signals[:, part, j], places), np.nan)
            columns[f"{name}_{what}"] = _known(values)
    return columns


# -- one reader for each kind of fact


def _known(values: Values) -> pl.Series:
    return pl.Series(np.ascontiguousarray(values), nan_to_null=True)


def _reals(values: Values) -> pl.Series:
    return _known(np.round(values, 6))


def _counts(values: Values) -> pl.Series:
    return _known(np.trunc(values)).cast(pl.Int64)


def _flags(values: Values) -> pl.Series:
    return _known(values).cast(pl.Boolean)


def _times(values: Values) -> pl.Series:
    moments = np.full(len(values), np.datetime64("NaT"), "M8[us]")
    known = ~np.isnan(values)
    moments[known] = (values[known] * _MICROS).astype(np.int64).view("M8[us]")
    return pl.Series(moments).dt.replace_time_zone("UTC")


def _states(values: Values) -> pl.Series:
    return _words(SUBSCRIPTION_STATES, values)


def _words(words: tuple[str, ...], places: npt.NDArray[Any]) -> pl.Series:
    """A word by its place, null where there is none."""
    places = np.where(np.isnan(places.astype(np.float64)), -1, places).astype(np.int64)
    return pl.Series([None, *words], dtype=pl.String).gather(places + 1)


def _bare(annotation: Any) -> Any:
    """The type under `Annotated` and `| None`."""
    args = get_args(annotation)
    return annotation if not args or get_origin(annotation) is Literal else _bare(args[0])


_BY_TYPE: Mapping[Any, Callable[[Values], pl.Series]] = {
    datetime: _times,
    bool: _flags,
    int: _counts,
    float: _reals,
}
_FACTS = {name: _BY_TYPE.get(_bare(field.annotation), _states) for name, field in Facts.model_fields.items()}
