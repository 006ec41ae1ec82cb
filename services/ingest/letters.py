"""Announces dead letters on their topic, and counts them. The rows are the outbox, so none is forgotten."""

import asyncio
from collections import Counter

from libs.events import DeadLetter
from libs.events.ids import message_key
from libs.events.topics import INGEST_DEAD_LETTERS
from services.ingest.domain.errors import UnavailableError
from services.ingest.domain.record import Record
from services.ingest.metrics import IngestMetrics
from services.ingest.ports import DeadLetterStore, EventLog, StoredLetter

LOOK_S = 1.0  # wall seconds between looks at the table
_BATCH = 200
_WAIT_S = 5.0


async def announce_forever(letters: DeadLetterStore, log: EventLog, metrics: IngestMetrics) -> None:
    """Until cancelled. Away stores are tried again: a letter may be announced twice, never lost."""
    while True:
        try:
            await count_waiting(letters, metrics)
            more = await announce(letters, log)
        except UnavailableError:
            more = False
        await asyncio.sleep(0 if more else LOOK_S)


async def count_waiting(letters: DeadLetterStore, metrics: IngestMetrics) -> None:
    """All processes count the same table and say the same."""
    waiting: Counter[str] = Counter()
    for _, reason, number in await letters.counts():
        waiting[reason] += number
    metrics.letters_wait(waiting)


async def announce(letters: DeadLetterStore, log: EventLog) -> bool:
    """One batch; whether there may be more."""
    batch = await letters.unpublished(_BATCH)
    if batch:
        await log.append([_record(letter) for letter in batch], _WAIT_S)
        await letters.mark_published([letter.reference for letter in batch])
    return len(batch) == _BATCH


def _record(letter: StoredLetter) -> Record:
    body = DeadLetter(
        reason=letter.reason,
        detail=letter.detail,
        origin=f"webhooks/{letter.source}",
        reference=letter.reference,
        at=letter.at,
    )
    key = message_key(letter.tenant, letter.source)
    return Record(INGEST_DEAD_LETTERS.name, key, body.model_dump_json(exclude_none=True).encode())
