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
    snapshot_of,
)
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
        tenants = [ground.partition.memo.tenants[i] for i in array["tenant"][slots].tolist()]
        facts = facts_by_row(found.facts, [self._money.currency_of(t) for t in tenants])
        records = []
        for i, occasion in enumerate(occasions):
            row = array[occasion.slot]
            segment = ground.partition.memo.segments[row["segment"]]
            told = Told(int(row["band"]), segment, occasion.cause, facts[i])
            snapshot = snapshot_of(found, i, told, self._words)
            news = _News(ground.rows.key_of(occasion.slot), occasion, snapshot, imports)
            records += self._say(row, news, found.signals[i, 2].tolist())
        array["said_digest"][slots] = found.digests
        if imports:
            array["pending_import"][slots] = 0
        ground.rows.touch_many(slots)
        return records

    def _say(self, row: Any, news: "_News", points: list[float]) -> list[Record]:
        said, snapshot, band = _said(row), news.snapshot, int(row["band"])
        frame = _frame(news, row)
        records = [_record(CUSTOMER_HEALTH.name, _SNAPSHOT, snapshot, frame)]
        changed = not news.imports and has_changed(said, snapshot.score, band)
        if changed:
            records.append(_record(HEALTH_CHANGES.name, _CHANGED, change_of(said, snapshot, points), frame))
        if changed or news.imports:
            row["said_score"], row["said_band"] = snapshot.score, band
            row["said_confidence"], row["said_points"] = snapshot.confidence, points
        self._observer.said(snapshot.band, changed=changed)
        return records


class _News(NamedTuple):
    key: bytes
    occasion: Occasion
    snapshot: Any
    imports: bool


class _Frame(NamedTuple):
    """The envelope that a snapshot and its change share."""

    key: bytes
    mark: str
    fields: dict[str, Any]


_SNAPSHOT, _CHANGED = event_struct("health.snapshot"), event_struct("health.changed")


def _frame(news: _News, row: Any) -> _Frame:
    """A row scored later than this occasion (a sweep came first) keeps the later time."""
    tenant, subject = split_key(news.key)
    occasion, scored = news.occasion, int(row["scored_at"])
    at = occasion.at if scored <= occasion.at.timestamp() else datetime.fromtimestamp(scored, UTC)
    fields = {
        "source": SOURCE,
        "tenant": tenant,
        "subject": subject,
        "time": at,
        "receivedat": at,
        "traceparent": occasion.traceparent,
        "simulated": bool(row["simulated"]),
        "backfill": news.imports,
    }
    return _Frame(news.key, occasion.mark, fields)


def _record(topic: str, struct: Any, data: Any, frame: _Frame) -> Record:
    fields = frame.fields
    ident = event_id(struct.event_type, fields["tenant"], fields["subject"], frame.mark)
    event = struct(id=ident, dataschema=struct.current_schema, data=data, **fields)
    return Record(topic, frame.key, encode_hot(event))


def _said(row: Any) -> Said | None:
    band = int(row["said_band"])
    if band == 0:
        return None
    return Said(float(row["said_score"]), band, float(row["said_confidence"]), row["said_points"].tolist())
