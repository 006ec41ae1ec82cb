"""From described rows to records on customer.health and customer.health-changes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from libs.events import encode_hot, event_id, split_key
from libs.events.hot import event_struct
from libs.events.topics import CUSTOMER_HEALTH, HEALTH_CHANGES
from libs.runtime.stream import Record, Rows
from services.scoring.domain.memo import Partition
from services.scoring.domain.money import Money
from services.scoring.domain.numbers import CardNumbers
from services.scoring.domain.score import BANDS
from services.scoring.domain.snapshot import (
    Described,
    Said,
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


class Publisher:
    """Describes rows, says what is new of them and remembers in the rows what was said."""

    def __init__(self, card: CardNumbers, words: Words, money: Money, observer: Observer) -> None:
        self._card, self._words, self._money, self._observer = card, words, money, observer
        self._snapshot, self._changed = event_struct("health.snapshot"), event_struct("health.changed")

    def publish(
        self,
        rows: Rows,
        partition: Partition,
        feeds: npt.NDArray[np.void],
        occasions: Sequence[Occasion],
        *,
        imports: bool = False,
    ) -> list[Record]:
        """A snapshot for each occasion and, where it moved, a change. Touches the rows.

        Imported customers (`imports`) get a snapshot marked as such and no change: it is the first word
        on them, and everything that is already true in it is nobody's news.
        """
        if not occasions:
            return []
        array = rows.array
        slots = np.array([o.slot for o in occasions], np.int64)
        nows = np.array([int(o.at.timestamp()) for o in occasions], np.int64)
        found = describe_rows(array, slots, nows, feeds, self._card)
        tenants = [partition.memo.tenants[i] for i in array["tenant"][slots].tolist()]
        facts = facts_by_row(found.facts, [self._money.currency_of(t) for t in tenants])
        records = []
        for i, occasion in enumerate(occasions):
            records += self._say(rows, partition, found, i, occasion, facts[i], imports)
        array["said_digest"][slots] = found.digests
        array["scored_at"][slots] = np.maximum(array["scored_at"][slots], nows)
        if imports:
            array["pending_import"][slots] = 0
        rows.touch_many(slots)
        return records

    def _say(
        self,
        rows: Rows,
        partition: Partition,
        found: Described,
        i: int,
        occasion: Occasion,
        facts: dict[str, Any],
        imports: bool,
    ) -> list[Record]:
        row, key = rows.array[occasion.slot], rows.key_of(occasion.slot)
        at = max(occasion.at, datetime.fromtimestamp(int(row["scored_at"]), UTC))
        band, segment = int(row["band"]), partition.memo.segments[row["segment"]]
        snapshot = snapshot_of(found, i, band, segment, occasion.cause, facts, self._words)
        shared = _shared(occasion, key, at, simulated=bool(row["simulated"]), backfill=imports)
        said = _said(row)
        points = found.signals[i, 2].tolist()
        changed = not imports and has_changed(said, snapshot.score, band)
        ids = (shared["subject"], occasion.mark)
        records = [_record(CUSTOMER_HEALTH.name, key, self._snapshot, snapshot, shared, "snapshot", ids)]
        if changed:
            change = change_of(said, snapshot, points)
            records.append(_record(HEALTH_CHANGES.name, key, self._changed, change, shared, "changed", ids))
        if changed or imports:
            _remember(row, snapshot, band, points)
        self._observer.said(BANDS[band], changed=changed)
        return records


def _shared(
    occasion: Occasion, key: bytes, at: datetime, *, simulated: bool, backfill: bool
) -> dict[str, Any]:
    tenant, subject = split_key(key)
    return {
        "source": SOURCE,
        "tenant": tenant,
        "subject": subject,
        "time": at,
        "receivedat": at,
        "traceparent": occasion.traceparent,
        "simulated": simulated,
        "backfill": backfill,
    }


def _record(
    topic: str, key: bytes, struct: Any, data: Any, shared: dict[str, Any], word: str, ids: tuple[str, str]
) -> Record:
    event = struct(
        id=event_id("scoring", word, shared["tenant"], *ids),
        dataschema=struct.current_schema,
        data=data,
        **shared,
    )
    return Record(topic, key, encode_hot(event))


def _said(row: Any) -> Said | None:
    band = int(row["said_band"])
    if band == 0:
        return None
    return Said(float(row["said_score"]), band, float(row["said_confidence"]), row["said_points"].tolist())


def _remember(row: Any, snapshot: Any, band: int, points: list[float]) -> None:
    row["said_score"], row["said_band"] = snapshot.score, band
    row["said_confidence"], row["said_points"] = snapshot.confidence, points
