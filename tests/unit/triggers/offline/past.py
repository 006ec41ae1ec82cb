"""A shop's past on paper: who was known on each day and what of them, as frames and as snapshots."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from services.triggers.domain.rules import Rule
from services.triggers.domain.vocabulary import STORED, Column, Kind
from services.triggers.offline.frames import Frames
from services.triggers.offline.run import Run
from services.triggers.offline.silences import Purchases
from tests.unit.triggers.shop import START

Day = Mapping[str, Mapping[str, Any]]  # what is known, by customer

FIRST = START.date()
OWN: dict[str, Any] = {"score": 50.0, "band": "yellow", "stage": "mid", "confidence": 0.5}
OWN |= {"segment": "consumer", "tier": "standard"}


def ends(day: int) -> datetime:
    """The first moment after so many days."""
    return datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=START.tzinfo) + timedelta(days=day + 1)


def bought(day: float) -> datetime:
    """A purchase so many days after the beginning of the first one."""
    return ends(-1) + timedelta(days=day)


def _type(column: Column) -> Any:
    if column.kind is Kind.NUMBER:
        return pl.Float64 if column.store == "f8" else pl.Int64
    return {Kind.TIME: pl.Datetime("us", "UTC"), Kind.FLAG: pl.Boolean, Kind.TEXT: pl.String}[column.kind]


SCHEMA = {"tenant": pl.String, "customer": pl.String, "now": pl.Datetime("us", "UTC"), "scorecard": pl.String}
SCHEMA |= {column.name: _type(column) for column in STORED}


def frame(day: int, known: Day, scorecard: str = "starter-1") -> pl.DataFrame:
    head = {"tenant": "demo", "now": ends(day), "scorecard": scorecard}
    rows = [{**head, "customer": who, **OWN, **facts} for who, facts in known.items()]
    return pl.DataFrame(rows, schema=SCHEMA)


def file_of(folder: Path, day: int) -> Path:
    return folder / f"{date.fromordinal(FIRST.toordinal() + day)}.parquet"


def write(folder: Path, days: Sequence[Day]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for day, known in enumerate(days):
        frame(day, known).write_parquet(file_of(folder, day))
    return folder


def carried(folder: Path, rules: Sequence[Rule]) -> tuple[Run, Frames, Purchases]:
    """The rules through all days of a folder."""
    run, purchases = Run(rules), Purchases()
    frames = Frames(folder, run.columns)
    for each in frames:
        purchases.see(each)
        run.step(each)
    return run, frames, purchases
