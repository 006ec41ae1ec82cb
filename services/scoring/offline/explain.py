"""One customer's score at a moment: what it is made of, and what has moved it since another."""

from collections.abc import Iterator
from difflib import get_close_matches
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.events import split_key
from services.scoring.domain.scorecard import Scorecard
from services.scoring.domain.snapshot import (
    Dictionary,
    Line,
    Said,
    change_of,
    facts_by_row,
    lines_of,
    snapshot_of,
)
from services.scoring.offline.log import EventLog
from services.scoring.offline.replay import Described, Replay, end_of
from services.scoring.publish import SILENCE

_LOOKED_THROUGH = 100_000  # names among which near ones are looked for: 2 s
_NEAR = 3


class UnknownCustomerError(Exception):
    """Nobody of that name, or several; the text says who is near."""


class Period(NamedTuple):
    """Days since 1970; what is told is the end of each."""

    since: int
    at: int


class Explained(NamedTuple):
    """A snapshot, and the change that led to it, as the stream's own structs."""

    tenant: str
    customer: str
    became: bool  # the asked-for name is of somebody who was merged into this customer
    snapshot: Any
    change: Any  # its `before` is None when nobody had heard of them


def find(log: EventLog, name: str) -> int:
    """The number of a customer, named alone or as tenant/customer. Raises UnknownCustomerError."""
    found = [i for i, names in enumerate(_names(log)) if name in names]
    if not found:
        near = get_close_matches(name, (names[0] for names in islice(_names(log), _LOOKED_THROUGH)), _NEAR)
        hint = f"near: {', '.join(near)}" if near else "and nobody of a similar name is"
        raise UnknownCustomerError(f"customer {name!r} is not in it; {hint}")
    if len(found) > 1:
        owners = ", ".join(log.keys[i].decode() for i in found)
        raise UnknownCustomerError(f"customer {name!r} is in it more than once: name one of {owners}")
    return found[0]


def _names(log: EventLog) -> Iterator[tuple[str, str]]:
    return ((split_key(key)[1], key.decode()) for key in log.keys)


def explain(log: EventLog, card: Scorecard, number: int, period: Period) -> Explained:
    """Raises UnknownCustomerError when nothing had been heard of them by then."""
    survivor = int(log.survivors[number])
    replay, who = Replay(log, card.numbers()), np.array([survivor])
    replay.hold_bands(period.since, who)
    before = replay.describe(end_of(period.since), who)
    for day in range(period.since + 1, period.at):
        replay.describe(end_of(day), who)
    after = replay.describe(end_of(period.at), who)
    if not len(after.slots):
        raise UnknownCustomerError("nothing had been heard of them by then (or they have been erased)")
    line = _line(log, replay.rows[survivor], after)
    snapshot = snapshot_of(line, Dictionary(card).of(line.segment))
    change = change_of(_said(before), snapshot, line.points)
    return Explained(*split_key(log.keys[survivor]), survivor != number, snapshot, change)


def _said(before: Described) -> Said | None:
    if not len(before.slots):
        return None
    score, confidence, _, _ = before.found.heads[0].tolist()
    return Said(score, int(before.bands[0]), confidence, before.found.signals[0, 2].tolist())


def _line(log: EventLog, row: npt.NDArray[np.void], told: Described) -> Line:
    memo = log.partition.memo
    currency = log.money.currency_of(memo.tenants[int(row["tenant"])])
    segment = memo.segments[int(row["segment"])]
    facts = facts_by_row(told.found.facts, [currency])
    return lines_of(told.found, told.bands, [segment], [SILENCE], facts)[0]
