"""What all offline verbs need: days, scorecards, logs that are read with a progress bar."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from libs.runtime.errors import ConfigError
from libs.runtime.event_file import EventFile
from services.scoring.adapters.scorecard_file import STARTER, load_scorecard
from services.scoring.domain.scorecard import Scorecard
from services.scoring.offline.days import date_of
from services.scoring.offline.log import EventLog, build_log


def card_of(path: Path | None) -> Scorecard:
    """The named scorecard, else the shipped starter. Raises ConfigError."""
    return load_scorecard(path or STARTER)


def read_log(file: EventFile, console: Console) -> EventLog:
    """With a progress bar; what could not be used is told afterwards. Raises ConfigError."""
    bar = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*bar, console=console, transient=True) as progress:
        task = progress.add_task(f"reading {file.path.name}", total=file.size)
        log = build_log(file.blocks(lambda size: progress.advance(task, size)))
    if file.refused:
        console.print(f"{file.refused} lines of {file.path} could not be used:")
        for problem in file.problems:
            console.print(f"  line {problem.line}: {problem.what}", highlight=False)
    return log


def day_within(log: EventLog, day: int | None) -> int:
    """The day asked for with --at, else the log's last. Raises ConfigError when the log does not reach it."""
    first, last = log.days()
    day = last if day is None else day
    if not first <= day <= last:
        span = f"{date_of(first)} to {date_of(last)}"
        raise ConfigError(f"--at {date_of(day)}: the events came from {span}: name a day within")
    return day


def read_some(path: Path, console: Console) -> EventLog:
    """A log with at least one event. Raises ConfigError."""
    log = read_log(EventFile(path), console)
    if not log.size:
        raise ConfigError(f"{path}: no event that can be used: give a file with events of customers")
    return log
