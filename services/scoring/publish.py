"""From described rows to records on customer.health and customer.health-changes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from libs.events import encode_hot, event_id, split_key
from libs.events.hot import event_struct
from libs.events.topics import CUSTOMER_HEALTH, HEALTH_CHANGES
from libs.runtime.stream import Record, Rows
from services.scoring.domain.memo import Partition
from services.scoring.domain.money import Money
from services.scoring.domain.numbers import World
from services.scoring.domain.snapshot import (
    Said,
    Told,
    Words,
    change_of,
    describe_rows,
    facts_by_row,
    has_changed,
    lines_of,
    snapshot_of,
)
from services.scoring.domain.update import Findings
from services.scoring.ports import Observer

SOURCE = "greenline/scoring"
SILENCE = "silence"


class Occasion(NamedTuple):
    """Why and when one row is published. `mark` makes the ids: the same occasion gives the same ids."""

    slot: int
    at: datetime
    cause: str
    mark: str
    traceparent: str | None = None


class Ground(NamedTuple):
    """What the rows of one call stand on."""

    rows: Rows
    partition: Partition
    world: World


class Publisher:
    """Describes rows, says what is new of them and remembers in the rows what was said."""

    def __init__(self, words: Words, money: Money, observer: Observer) -> None:
        self._words, self._money, self._observer = words, money, observer

    def publish(
        self, ground: Ground, occasions: Sequence[Occasion], *, imports: bool = False
    ) -> list[Record]:
        """A snapshot for each occasion and, where it moved, a change. Touches the rows.

        Imported customers (`imports`) get a snapshot marked as such and no change: it is the first word
        on them, and everything that is already true in it is nobody's news.
        """
        if not occasions:
            return []
        array = ground.rows.array
        slots = np.array([o.slot for o in occasions], np.int64)
        nows = np.array([int(o.at.timestamp()) for o in occasions], np.int64)
        found = describe_rows(array, slots, nows, ground.world)
        array["scored_at"][slots] = np.maximum(array["scored_at"][slots], nows)
        lines, before = lines_of(found), _before(array, slots)
        told = self._told(ground, occasions, found)
        records: list[Record] = []
        changed = np.zeros(len(slots), np.bool_)
        for i, occasion in enumerate(occasions):
            news = _News(occasion, snapshot_of(lines[i], told[i], self._words), imports)
            frame = _frame(ground.rows.key_of(occasion.slot), news, before[i])
            records.append(_record(CUSTOMER_HEALTH.name, _SNAPSHOT, news.snapshot, frame))
            changed[i] = not imports and has_changed(before[i].said, lines[i].score, told[i].band)
            if changed[i]:
                change = change_of(before[i].said, news.snapshot, lines[i].points)
                records.append(_record(HEALTH_CHANGES.name, _CHANGED, change, frame))
            self._observer.said(news.snapshot.band, changed=bool(changed[i]))
        _remember(array, slots, found, changed | imports)
        if imports:
            array["pending_import"][slots] = 0
        ground.rows.touch_many(slots)
        return records

    def _told(self, ground: Ground, occasions: Sequence[Occasion], found: Findings) -> list[Told]:
        array, memo = ground.rows.array, ground.partition.memo
        slots = [o.slot for o in occasions]
        tenants = array["tenant"][slots].tolist()
        facts = facts_by_row(found.facts, [self._money.currency_of(memo.tenants[t]) for t in tenants])
        bands, segments = array["band"][slots].tolist(), array["segment"][slots].tolist()
        return [
            Told(band, memo.segments[segment], occasion.cause, known)
            for band, segment, occasion, known in zip(bands, segments, occasions, facts, strict=True)
        ]


class _News(NamedTuple):
    occasion: Occasion
    snapshot: Any
    imports: bool


class _Before(NamedTuple):
    """What a row held before it is said again."""

    scored_at: int
    simulated: bool
    said: Said | None


def _before(array: Any, slots: Any) -> list[_Before]:
    names = ("scored_at", "simulated", "said_band", "said_score", "said_confidence", "said_points")
    columns = [array[name][slots].tolist() for name in names]
    return [
        _Before(scored, bool(simulated), Said(score, band, sure, points) if band else None)
        for scored, simulated, band, score, sure, points in zip(*columns, strict=True)
    ]


def _remember(array: Any, slots: Any, found: Findings, chosen: Any) -> None:
    """Snapshots are remembered by their digest, changes by what they said."""
    array["said_digest"][slots] = found.digests
    where = slots[chosen]
    array["said_band"][where] = array["band"][where]
    array["said_score"][where] = found.heads[chosen, 0]
    array["said_confidence"][where] = found.heads[chosen, 1]
    array["said_points"][where] = found.signals[chosen, 2]


class _Frame(NamedTuple):
    """The envelope that a snapshot and its change share."""

    key: bytes
    mark: str
    fields: dict[str, Any]


_SNAPSHOT, _CHANGED = event_struct("health.snapshot"), event_struct("health.changed")


def _frame(key: bytes, news: _News, before: _Before) -> _Frame:
    """A row scored later than this occasion (a sweep came first) keeps the later time."""
    tenant, subject = split_key(key)
    occasion = news.occasion
    late = before.scored_at > occasion.at.timestamp()
    at = datetime.fromtimestamp(before.scored_at, UTC) if late else occasion.at
    fields = {
        "source": SOURCE,
        "tenant": tenant,
        "subject": subject,
        "time": at,
        "receivedat": at,
        "traceparent": occasion.traceparent,
        "simulated": before.simulated,
        "backfill": news.imports,
    }
    return _Frame(key, occasion.mark, fields)


def _record(topic: str, struct: Any, data: Any, frame: _Frame) -> Record:
    fields = frame.fields
    ident = event_id(struct.event_type, fields["tenant"], fields["subject"], frame.mark)
    event = struct(id=ident, dataschema=struct.current_schema, data=data, **fields)
    return Record(topic, frame.key, encode_hot(event))
