"""`replay`: a log as daily frames of health, one Parquet file a day."""

from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress

from libs.runtime.errors import ConfigError
from services.scoring.offline.commands.files import card_of, read_some
from services.scoring.offline.days import date_of
from services.scoring.offline.frames import daily
from services.scoring.offline.log import EventLog


class Span(NamedTuple):
    """Days since 1970, both included."""

    first: int
    last: int


def replay(events: Path, span: Span, scorecard: Path | None, out: Path, console: Console) -> None:
    """Write a file for each day into `out`, which is made. Raises ConfigError."""
    card = card_of(scorecard)
    _check_folder(out)
    log = read_some(events, console)
    _check_span(events, span, log)
    out.mkdir(parents=True, exist_ok=True)
    rows = 0
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("days", total=span.last - span.first + 1)
        for day in daily(log, card, span.first, span.last):
            day.frame.write_parquet(out / day.name)
            rows += day.frame.height
            progress.advance(task)
    said = f"{span.last - span.first + 1} days, {rows:,} rows, scorecard {card.version}"
    console.print(f"{out}: {said}", highlight=False, soft_wrap=True)


def _check_folder(out: Path) -> None:
    """Whoever reads `*.parquet` must not meet the days of another scorecard or log."""
    if next(iter(out.glob("*.parquet")), None) is not None:
        raise ConfigError(f"{out}: holds Parquet files already: name another folder, or empty it")


def _check_span(events: Path, span: Span, log: EventLog) -> None:
    first, last = log.days()
    if span.first > span.last:
        raise ConfigError(f"--from {date_of(span.first)} is after --to {date_of(span.last)}: swap them")
    if span.first < first or span.last > last:
        raise ConfigError(
            f"{events}: its events came from {date_of(first)} to {date_of(last)}: "
            "name a --from and a --to within"
        )
