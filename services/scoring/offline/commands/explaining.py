"""`explain`: one customer's score in words, or as JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from libs.runtime.errors import ConfigError
from libs.runtime.offline.page import pretty
from services.scoring.offline.commands.files import card_of, day_within, read_some
from services.scoring.offline.days import date_of
from services.scoring.offline.explain import Explained, Period, UnknownCustomerError, find
from services.scoring.offline.explain import explain as explained
from services.scoring.offline.log import EventLog

USUAL_DAYS = 30  # looked back over, unless told


class Asked:
    """Whom, and between which days; None: the log's last day, a month before that."""

    def __init__(self, customer: str, at: int | None, since: int | None) -> None:
        self.customer, self._at, self._since = customer, at, since

    def period(self, log: EventLog) -> Period:
        """Raises ConfigError."""
        at = day_within(log, self._at)
        since = max(at - USUAL_DAYS, log.days()[0] - 1) if self._since is None else self._since
        if since >= at:
            raise ConfigError(f"--since {date_of(since)} must be before {date_of(at)}: name an earlier day")
        return Period(since, at)


def explain(events: Path, asked: Asked, scorecard: Path | None, console: Console) -> tuple[Explained, Period]:
    """Raises ConfigError."""
    card = card_of(scorecard)
    log = read_some(events, console)
    period = asked.period(log)
    try:
        return explained(log, card, find(log, asked.customer), period), period
    except UnknownCustomerError as error:
        raise ConfigError(f"{events}, {asked.customer} on {date_of(period.at)}: {error}") from None


def as_json(told: Explained, period: Period) -> str:
    """The snapshot and the change as they stand on the topics."""
    return pretty(
        {
            "customer": told.customer,
            "tenant": told.tenant,
            "at": date_of(period.at),
            "since": date_of(period.since),
            "snapshot": msgspec.to_builtins(told.snapshot, str_keys=True),
            "change": msgspec.to_builtins(told.change, str_keys=True),
        }
    )


def show(told: Explained, period: Period, asked: Asked, console: Console) -> None:
    """Words: the score, what it is made of, what has moved it."""
    health = told.snapshot
    if told.became:
        console.print(f"{asked.customer} has become {told.customer}", highlight=False)
    head = f"{told.customer} ({told.tenant}) on {date_of(period.at)}: {health.score:.1f}, {health.band}"
    sure = f"stage {health.stage}, confidence {health.confidence:.0%}, scorecard {health.scorecard}"
    console.print(f"{head}; {sure}", highlight=False, soft_wrap=True)
    console.print(_parts(health))
    for line in _moved(told.change, period):
        console.print(line, highlight=False, soft_wrap=True)


def _parts(health: Any) -> Table:
    shown = Table(
        caption=f"points add up to {health.score - health.base:+.1f}: the score less {health.base:g}"
    )
    for name in ("signal", "value", "weight", "evidence", "points", "because"):
        left = name in ("signal", "because")
        shown.add_column(name, justify="left" if left else "right", no_wrap=name == "signal")
    for part in health.contributions:
        cells = (f"{part.value:.0f}", f"{part.weight:.0%}", f"{part.evidence:.2f}", f"{part.points:+.1f}")
        shown.add_row(part.signal, *cells, part.text)
    return shown


def _moved(change: Any, period: Period) -> Iterator[str]:
    """What has changed, the largest first."""
    before, after, since = change.before, change.after, date_of(period.since)
    if before is None:
        yield f"On {since} nothing had been heard of them: all of it is new."
        return
    delta = after.score - before.score
    bands = before.band if before.band == after.band else f"{before.band} to {after.band}"
    yield f"Since {since}: {before.score:.1f} to {after.score:.1f} ({delta:+.1f}), {bands}."
    for part in change.why:
        yield f"  {part.points:+.1f} {part.signal}: {part.text}"
    if not change.why:
        yield "  No signal has moved."
