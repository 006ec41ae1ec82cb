"""The timeline as it is shown: runs of the same small thing on one day become one line. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from services.outreach.console.queries import Row

# The picture beside a line, by the first word of its type.
ICONS = {
    "order": "order",
    "checkout": "cart",
    "product": "eye",
    "site": "eye",
    "return": "return",
    "subscription": "repeat",
    "email": "mail",
    "sms": "mail",
    "ticket": "ticket",
    "survey": "star",
    "review": "star",
    "referral": "star",
    "usage": "pulse",
    "account": "person",
    "contact": "person",
    "customer": "person",
    "milestone": "flag",
    "note": "note",
    "outreach": "hand",
    "trigger": "alert",
    "band": "band",
}
_ICONS_OF_TYPES = {"trigger.cleared": "check"}
# What a browsing session or a campaign makes many of; orders, tickets and touches each keep their line.
_RUNS = ("site.", "product.", "email.", "sms.", "usage.", "checkout.started")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `count` is how many events of the run it stands for, `at` the newest of them."""

    at: datetime
    type: str
    summary: str
    icon: str
    count: int = 1
    simulated: bool = False
    band: str = ""
    first_at: datetime | None = None


@dataclass(slots=True)
class _Run:
    newest: Row
    rows: list[Row] = field(default_factory=list)


def entries(rows: Iterable[Row], turns: Iterable[Entry] = ()) -> list[Entry]:
    """Rows and changes of band, newest first."""
    runs: list[_Run] = []
    for row in rows:
        if runs and _same_run(runs[-1].newest, row):
            runs[-1].rows.append(row)
        else:
            runs.append(_Run(row, [row]))
    lines = [_entry(run) for run in runs]
    return sorted([*lines, *turns], key=lambda line: line.at, reverse=True)


def turns(points: Sequence[Row], since: datetime | None, until: datetime | None) -> list[Entry]:
    """Changes of band between two moments, from the points of the score line, newest first."""
    found = []
    for after, before in pairwise(points):
        if after["band"] == before["band"] or (since and after["at"] < since):
            continue
        if until and after["at"] >= until:
            continue
        text = f"Turned {after['band']}: score {before['score']:.1f} to {after['score']:.1f}"
        found.append(Entry(after["at"], "band.changed", text, "band", band=after["band"]))
    return found


def _same_run(newest: Row, row: Row) -> bool:
    kind = row["type"]
    return bool(kind == newest["type"] and kind.startswith(_RUNS) and row["at"].date() == newest["at"].date())


def _entry(run: _Run) -> Entry:
    newest, count = run.newest, len(run.rows)
    data: dict[str, Any] = newest["data"] or {}
    return Entry(
        newest["at"],
        newest["type"],
        newest["summary"],
        _icon(newest["type"]),
        count,
        bool(data.get("simulated")),
        first_at=run.rows[-1]["at"],
    )


def _icon(event_type: str) -> str:
    family = event_type.partition(".")[0]
    return _ICONS_OF_TYPES.get(event_type) or ICONS.get(family, "dot")
