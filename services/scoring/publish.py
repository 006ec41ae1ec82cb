"""From described rows to records on customer.health and customer.health-changes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.events import encode_hot, event_id, split_key
from libs.events.hot import event_struct
from libs.events.topics import CUSTOMER_HEALTH, HEALTH_CHANGES
from libs.runtime.stream import Record, Rows
from services.scoring.domain.memo import Partition
from services.scoring.domain.money import Money
from services.scoring.domain.numbers import World
from services.scoring.domain.row import SAID_TICKS
from services.scoring.domain.signals import COUNT
from services.scoring.domain.snapshot import (
    Dictionary,
    Held,
    Line,
    Said,
    change_of,
    describe_rows,
    facts_by_row,
    have_changed,
    lines_of,
    said_of,
    snapshot_of,
)
from services.scoring.domain.update import Findings
from services.scoring.ports import Observer

SOURCE = "greenline/scoring"
SILENCE = "silence"
SCORECARD = "scorecard"  # another one came into force
CATCH_UP = "catch-up"  # of a word put off while events waited: no single one of them is its cause

Slots = npt.NDArray[np.int64]

# Columns of the rows being published, copied. One by one: copying whole rows of 120 fields takes longer.
_HELD = (
    *("tenant", "segment", "simulated", "scored_at", "band"),
    *("said_band", "said_score", "said_confidence", "said_points"),
)


class Occasions(NamedTuple):
    """Why and when rows are published, a line a row. Marks make the ids: the same occasion, the same ids."""

    slots: Slots
    ats: Sequence[datetime]
    causes: Sequence[str]
    marks: Sequence[str]
    traceparents: Sequence[str | None]

    @classmethod
    def alike(cls, slots: Slots, at: datetime, cause: str, mark: str) -> "Occasions":
        """One occasion for all rows."""
        n = len(slots)
        return cls(slots, [at] * n, [cause] * n, [mark] * n, [None] * n)


class Ground(NamedTuple):
    """What the rows of one call stand on."""

    rows: Rows
    partition: Partition
    world: World


class Publisher:
    """Describes rows, says what is new of them and remembers in the rows what was said."""

    def __init__(self, words: Dictionary, money: Money, observer: Observer) -> None:
        self._words, self._money, self._observer = words, money, observer

    def publish(self, ground: Ground, occasions: Occasions, *, silent: bool = False) -> list[Record]:
        """A snapshot for each occasion and, where it moved, a change. Touches the rows.

        Imported customers, and all when the scorecard changes (`silent`), get a snapshot marked as such and
        no change: everything that is already true in it is nobody's news.
        """
        slots, array = occasions.slots, ground.rows.array
        if len(slots) == 0:
            return []
        stamps = np.array([at.timestamp() for at in occasions.ats])
        nows = stamps.astype(np.int64)
        found = describe_rows(array, slots, nows, ground.world)
        held = {name: array[name][slots] for name in _HELD}  # what was said before stays readable here
        lines = self._lines(ground, occasions, held, found)
        news = np.zeros(len(slots), np.bool_) if silent else have_changed(held, lines)
        said = dict(zip(np.flatnonzero(news).tolist(), said_of(held, news), strict=True))
        records = self._say(_frames(ground.rows, occasions, held, stamps, silent=silent), lines, said)
        array["scored_at"][slots] = np.maximum(held["scored_at"], nows)
        _remember(array, slots, found, news | silent)
        array["said_card"][slots] = ground.world.edition
        if silent:
            array["pending_import"][slots] = 0
        ground.rows.touch_many(slots)
        return records

    def _lines(self, ground: Ground, occasions: Occasions, held: Held, found: Findings) -> list[Line]:
        memo = ground.partition.memo
        currencies = [self._money.currency_of(name) for name in memo.tenants]
        facts = facts_by_row(found.facts, [currencies[tenant] for tenant in held["tenant"].tolist()])
        segments = [memo.segments[segment] for segment in held["segment"].tolist()]
        return lines_of(found, held["band"], segments, occasions.causes, facts)

    def _say(
        self, frames: Sequence["_Frame"], lines: Sequence[Line], said: Mapping[int, Said | None]
    ) -> list[Record]:
        """`said`: what the last change told, for the rows that have a new one."""
        records: list[Record] = []
        for i, (frame, line) in enumerate(zip(frames, lines, strict=True)):
            snapshot = snapshot_of(line, self._words.of(line.segment))
            records.append(_record(CUSTOMER_HEALTH.name, _SNAPSHOT, snapshot, frame))
            if i in said:
                change = change_of(said[i], snapshot, line.points)
                records.append(_record(HEALTH_CHANGES.name, _CHANGED, change, frame))
        self._observer.said([line.band for line in lines], [lines[i].band for i in said])
        return records


def _remember(array: Any, slots: Slots, found: Findings, chosen: Any) -> None:
    """Snapshots are remembered by their digest, changes by what they said."""
    array["said_digest"][slots] = found.digests
    where = slots[chosen]
    array["said_band"][where] = array["band"][where]
    array["said_score"][where] = found.heads[chosen, 0]
    array["said_confidence"][where] = found.heads[chosen, 1]
    array["said_points"][where, :COUNT] = np.rint(found.signals[chosen, 2] * SAID_TICKS)


class _Frame(NamedTuple):
    """The envelope that a snapshot and its change share."""

    key: bytes
    tenant: str
    subject: str
    name: str  # what the ids of both end in
    at: datetime
    traceparent: str | None
    simulated: bool
    backfill: bool


_SNAPSHOT, _CHANGED = event_struct("health.snapshot"), event_struct("health.changed")


def _frames(
    rows: Rows, occasions: Occasions, held: Held, stamps: npt.NDArray[np.float64], *, silent: bool
) -> list[_Frame]:
    """A row scored later than its occasion (a sweep came first) keeps the later time."""
    ats = list(occasions.ats)
    for i in np.flatnonzero(held["scored_at"] > stamps).tolist():
        ats[i] = datetime.fromtimestamp(int(held["scored_at"][i]), UTC)
    keys = [rows.key_of(slot) for slot in occasions.slots.tolist()]
    people = [split_key(key) for key in keys]
    names = [f"{who[0]}:{who[1]}:{mark}" for who, mark in zip(people, occasions.marks, strict=True)]
    simulated = (held["simulated"] != 0).tolist()
    tenants, subjects = zip(*people, strict=True)
    columns = (keys, tenants, subjects, names, ats, occasions.traceparents, simulated)
    return list(map(_Frame, *columns, repeat(silent)))


def _record(topic: str, struct: Any, data: Any, frame: _Frame) -> Record:
    event = struct(
        id=event_id(struct.event_type, frame.name),
        source=SOURCE,
        tenant=frame.tenant,
        subject=frame.subject,
        time=frame.at,
        receivedat=frame.at,
        dataschema=struct.current_schema,
        traceparent=frame.traceparent,
        simulated=frame.simulated,
        backfill=frame.backfill,
        data=data,
    )
    return Record(topic, frame.key, encode_hot(event))
