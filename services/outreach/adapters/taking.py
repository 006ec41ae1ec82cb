"""Taking a topic in: each record once, in one transaction with what follows from it and how far it goes."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from libs.events import DecodeError, decode_hot
from services.outreach.adapters.database import Sessions
from services.outreach.adapters.rows import locked_positions, store_positions
from services.outreach.ports import Record


@asynccontextmanager
async def untaken(
    sessions: Sessions, name: str, records: Sequence[Record]
) -> AsyncIterator[tuple[AsyncSession, list[Record]]]:
    """Those of the records that are new to this reader; they are taken when the block ends well."""
    ends = {one.partition: one.offset + 1 for one in records}
    async with sessions.begin() as session:
        positions = await locked_positions(session, name, ends)
        yield session, [one for one in records if one.offset >= positions[one.partition]]
        ahead = {part: end for part, end in ends.items() if end > positions[part]}
        await store_positions(session, name, ahead)


def events_of(records: Iterable[Record], types: Sequence[str]) -> Iterator[Any]:
    """The events of these types. Their names are looked for in the raw bytes first: nine in ten events are
    visits and e-mail, and need no decoding here.
    """
    marks = tuple(f'"{name}"'.encode() for name in types)
    for record in records:
        raw = record.value or b""
        if not any(mark in raw for mark in marks):
            continue
        try:
            yield decode_hot(raw, *types)
        except DecodeError:
            continue  # scoring reads the same topic and writes the dead letter
